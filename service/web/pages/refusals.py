"""Errors as pages: what a person sees where a program would get problem+json."""

from collections.abc import Mapping
from typing import Any, Literal, cast

from litestar import Request, Response

from service.core.errors import FairholdError
from service.web import paths
from service.web.pages.area import safe_next
from service.web.pages.shell import frame_of, html, pages, redirect
from service.web.phrase import Phrase
from service.web.views.entrance import Refused
from service.web.views.parts import refusal
from service.web.words import PHRASES

_FOR_PROGRAMS = ("/api", "/health")
_SHOWN = (400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503)
_PASSED_ON = ("retry-after", "allow")
Status = Literal[400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503]


def is_for_people(request: Request[Any, Any, Any]) -> bool:
    """Whether a refusal of this request is read by a person."""
    return not request.url.path.startswith(_FOR_PROGRAMS)


def explain(
    request: Request[Any, Any, Any], error: Exception, status: int, headers: Mapping[str, str]
) -> Response[str]:
    """Return the page of an error; who must sign in goes there and comes back."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if status == 401 and request.method in {"GET", "HEAD"}:
        return redirect(paths.sign_in(here))
    shown = status if status in _SHOWN else 500 if status >= 500 else 400
    view = Refused(cast("Status", shown), _message(error), back=_back(request))
    tx = request.scope["state"].get("tx")
    answer = html(pages().page(view, frame_of(request, now=getattr(tx, "known_now", None), counts={})), status)
    answer.headers.update({name: value for name, value in headers.items() if name.lower() in _PASSED_ON})
    return answer


def _message(error: Exception) -> Phrase | None:
    if not isinstance(error, FairholdError):
        return None
    phrase = refusal(error)
    return phrase if phrase.code in PHRASES else None


def _back(request: Request[Any, Any, Any]) -> str:
    """Return where "go back" leads: the page that a form was sent from, else the front page."""
    if request.method in {"GET", "HEAD"}:
        return paths.HOME
    origin = f"{request.url.scheme}://{request.url.netloc}"
    referer = request.headers.get("referer", "")
    before = referer.removeprefix(origin) if referer.startswith(origin + "/") else None
    return safe_next(before) or paths.HOME
