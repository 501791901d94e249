"""What `fairhold serve` runs; imported by the processes that answer, not by the one that starts them."""

import ctypes

from granian.utils.proxies import wrap_asgi_with_proxy_headers
from litestar import Litestar
from litestar.types import ASGIApp

from service import settings as environment
from service.app import create_app
from service.cli.home import running_settings
from service.cli.logs import configure_logs
from service.settings import Settings

LARGE_BLOCK_BYTES = 256 * 1024
MEMORY_ARENAS_MAX = 2
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of glibc's malloc.h


def application() -> ASGIApp:
    """Return the ASGI application of this process's environment."""
    give_back_large_blocks()
    settings = running_settings(environment.read())
    configure_logs(settings)
    return behind_proxies(create_app(settings), settings)


def give_back_large_blocks() -> None:
    """Let glibc give each large block back to the system when it is freed; elsewhere this does nothing.

    Left to itself it learns from the first parts of an upload to keep such blocks, in an arena for each thread: twenty
    uploads at once then cost the serving process 60 MB more, and it keeps them.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
        mallopt(_M_ARENA_MAX, MEMORY_ARENAS_MAX)


def behind_proxies(app: Litestar, settings: Settings) -> ASGIApp:
    """Return the application with each client's own address, where a trusted proxy names it.

    Without trusted proxies, and for all other peers, `X-Forwarded-For` means nothing: anybody can write it. Of the
    header that a trusted peer sends, the right-most address that is no trusted proxy counts.
    """
    if not settings.proxy_networks:
        return app
    wrapped: ASGIApp = wrap_asgi_with_proxy_headers(app, trusted_hosts=settings.proxy_networks)
    return wrapped
