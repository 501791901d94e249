"""Ports and addresses of the service on this machine."""

import socket

import httpx

from service.core.errors import Conflict
from service.settings import Settings

ANSWER_SECONDS_MAX = 5.0


def check_port(settings: Settings) -> None:
    """Raise `Conflict` ("port_taken") if somebody listens on our port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise Conflict(
                "port_taken", f"port {settings.port} is taken: stop who uses it, or choose another with FAIRHOLD_PORT"
            ) from error


def free_port() -> int:
    """Return a port of this machine's own address on which nobody listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_ready(address: str) -> bool:
    """Whether the service at `address` says that it can work; a proxy of the environment is not asked."""
    try:
        return httpx.get(f"{address}/health/ready", timeout=ANSWER_SECONDS_MAX, trust_env=False).is_success
    except httpx.HTTPError:
        return False
