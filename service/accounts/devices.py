"""Where a request comes from, as limits over time see it: the person, the device's mark, the network address.

A device's mark is a random number with our signature, in a cookie of one day. It is given after something that is
counted, and stands in no table: only digests of it are counted, under a salt of the day.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any, Final
from uuid import UUID

from litestar import Request
from litestar.datastructures import Cookie

from service.core.actor import Actor
from service.settings import Settings

DEVICE_COOKIE: Final = "fairhold_device"
DEVICE_SECONDS: Final = 86_400
UNKNOWN_ADDRESS: Final = "unknown"
_IPV6_BITS: Final = 64
_MARK_BYTES: Final = 16
_SIGNATURE_FIGURES: Final = 32


@dataclass(frozen=True, slots=True)
class Source:
    """Where a request comes from. `device` is None where it carries no mark of ours."""

    person_id: UUID | None
    device: str | None
    address: str


def source_of(request: Request[Actor, Any, Any], settings: Settings) -> Source:
    """Return the source of a request. Whoever opened a report with its receipt counts as that report."""
    actor = request.user
    return Source(
        person_id=actor.person_id or actor.case_id,
        device=known_device(request.cookies.get(DEVICE_COOKIE, ""), settings.secret),
        address=client_address(request),
    )


def client_address(request: Request[Any, Any, Any]) -> str:
    """Return the network address that tries are counted for: behind a trusted proxy, the one that it names."""
    return counted_address(request.client.host) if request.client is not None else UNKNOWN_ADDRESS


def counted_address(host: str) -> str:
    """Return what an address counts as: of IPv6 its /64, since one connection has all the addresses of that."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), _IPV6_BITS), strict=False))


def known_device(mark: str, secret: str) -> str | None:
    """Return the mark if it is one of ours, else None."""
    number, _, signature = mark.partition(".")
    expected = _signature(number, secret)
    return mark if hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), expected.encode()) else None


def device_cookie(settings: Settings, *, is_secure: bool) -> Cookie:
    """Return a new mark, for a device that carries none."""
    number = secrets.token_hex(_MARK_BYTES)
    return Cookie(
        key=DEVICE_COOKIE,
        value=f"{number}.{_signature(number, settings.secret)}",
        path="/",
        max_age=DEVICE_SECONDS,
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )


def _signature(number: str, secret: str) -> str:
    told = b"device:" + number.encode("utf-8", "surrogatepass")
    return hmac.digest(secret.encode(), told, hashlib.sha256).hex()[:_SIGNATURE_FIGURES]
