"""Stored files as pages give them: pictures for a page, and originals to whoever may have them."""

from litestar import Response

from service.core.errors import NotFound
from service.files.reading import Part, Ticket, fetch
from service.files.showing import file_answer
from service.files.store import Store
from service.web.pages.shell import SECURITY_HEADERS

_PICTURES = {"view": Part.VIEW, "small": Part.THUMBNAIL}
_FILES = {**_PICTURES, "original": Part.ORIGINAL}
_ALONE = "default-src 'none'; sandbox; frame-ancestors 'none'"


def picture_part(kind: str) -> Part:
    """Return what a picture's address asks for: view or small; raises `NotFound` ("file_not_found") for all else."""
    return _part(kind, _PICTURES)


def file_part(kind: str) -> Part:
    """Return what a file's address asks for, the original among it; raises `NotFound` ("file_not_found")."""
    return _part(kind, _FILES)


def _part(kind: str, parts: dict[str, Part]) -> Part:
    if kind not in parts:
        raise NotFound("file_not_found")
    return parts[kind]


async def shown(store: Store, ticket: Ticket) -> Response[bytes]:
    """Return what a ticket is for. The view was recorded and committed with the ticket, before a byte is read."""
    answer = file_answer(await fetch(store, ticket), ticket)
    answer.headers.update({**SECURITY_HEADERS, **answer.headers, "Content-Security-Policy": _ALONE})
    return answer
