"""Static files: few, small and read once. Their addresses carry a mark of their content, so browsers keep them."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from typing import Any

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from service.core.errors import NotFound
from service.web.render import STATIC

_SERVED = frozenset({".css", ".js", ".svg", ".png", ".ico", ".txt"})
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "public, no-cache"
_MARK_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Asset:
    """A file with its type and the mark of its content."""

    content: bytes
    media_type: str
    mark: str


@get("/static/{name:str}", opt={"allow": "web.open", "exclude_from_csrf": True})
async def asset(name: FromPath[str], v: FromQuery[str | None] = None) -> Response[bytes]:
    """Return a static file; for ever where the address names its content, else to be asked for again."""
    found = _assets().get(name)
    if found is None:
        raise NotFound("asset_not_found", "there is no such file")
    headers = {
        "Cache-Control": _FOR_EVER if v == found.mark else _ASK_AGAIN,
        "ETag": f'"{found.mark}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(found.content, media_type=found.media_type, headers=headers)


@cache
def _assets() -> dict[str, Asset]:
    return {
        path.name: _read(path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream")
        for path in STATIC.iterdir()
        if path.suffix in _SERVED
    }


def _read(content: bytes, media_type: str) -> Asset:
    return Asset(content, media_type, hashlib.sha256(content).hexdigest()[:_MARK_LENGTH])


HANDLERS: list[Any] = [asset]
