"""What every page handler works with: the frame, the form with its key, redirects, refusals and security headers.

A handler names `shell: ShellOf`. A page that changes something has `opt={..., LATE_CLAIM: True}` and goes like this:

    form = await shell.form()
    try:
        await shell.take(form)                      # a second sending of the same form gets the first one's answer
        await actions.claim_order(tx, actor, form.value("code"), now=await tx.now())
    except REFUSALS as error:                       # back on the same page, with what was typed
        return await shell.refused(error, form, lambda form: the_view(tx, actor, form))
    return shell.go(paths.MINE, done="done.order_claimed")
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from litestar import Request, Response
from litestar.datastructures import Cookie, UploadFile
from litestar.di import NamedDependency

from service.accounts.guards import CSRF_COOKIE, SESSION_COOKIE, csrf_token
from service.core.actor import NOBODY, Actor
from service.core.errors import Conflict, FairholdError, Forbidden, Invalid, TooLarge, TooMany, Unauthenticated
from service.core.ids import new_id
from service.db.requests import Claim
from service.db.session import Database, Tx
from service.web.language import Language, choose
from service.web.pages.area import area_of
from service.web.phrase import Phrase
from service.web.render import Pages
from service.web.views.base import Area, Frame, View
from service.web.views.parts import FieldError, Form, refusal
from service.web.words import PHRASES

LANGUAGE_COOKIE = "fairhold_language"
DONE_COOKIE = "fairhold_done"
REFUSALS = (Invalid, Conflict, Forbidden, TooLarge, TooMany)
"""What a form explains on its own page; all else (not found, not signed in, a part is down) is a page of its own."""
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "private, no-store",
    "Vary": "Cookie, Accept-Language, HX-Request",
}
_UNKNOWN_TIME = datetime(2000, 1, 1, tzinfo=UTC)  # of pages that show no time, such as "the database is down"
_DONE_SECONDS = 60
_LANGUAGE_SECONDS = 365 * 86_400
_STATUS: tuple[tuple[type[FairholdError], int], ...] = (
    (Invalid, 422),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (Conflict, 409),
    (TooLarge, 413),
    (TooMany, 429),
)
_HIDDEN = frozenset({"_csrf_token", "_form_key"})
_FORM_KEY = re.compile("[!-~]{1,64}")
_HASHED_CHUNK_BYTES = 2**20

Page = Response[str]
Draw = Callable[[Form], Awaitable[View]]
Counter = Callable[[Tx, Actor], Awaitable[Mapping[str, int]]]
Struct = TypeVar("Struct", bound=msgspec.Struct)


@cache
def pages() -> Pages:
    """Return the renderer, made once a process."""
    return Pages()


class Shell:
    """One request for a page."""

    def __init__(
        self,
        request: Request[Actor, Any, Any],
        tx: Tx,
        claim: Claim,
        counters: Mapping[Area, Counter],
        *,
        is_secure: bool,
    ) -> None:
        self.request = request
        self.tx = tx
        self.actor = request.user
        self._claim = claim
        self._counters = counters
        self._is_secure = is_secure

    @property
    def language(self) -> Language:
        """The language of this request's pages."""
        return language_of(self.request)

    async def page(self, view: View, *, status: int = 200) -> Page:
        """Return the page of a view."""
        frame = await self._frame()
        answer = html(pages().page(view, frame), status)
        if frame.done is not None:
            answer.set_cookie(self._cookie(DONE_COOKIE, "", 0))
        return answer

    async def fragment(self, template: str, view: View) -> Page:
        """Return a part of a page for htmx."""
        return html(pages().fragment(template, view, await self._frame()), 200)

    def go(self, path: str, *, done: str = "") -> Page:
        """Redirect to another page, which says `done` (a phrase `done.*`) once."""
        cookies = [self._cookie(DONE_COOKIE, done, _DONE_SECONDS)] if done else []
        return redirect(path, cookies)

    def speak(self, language: Language, then: str) -> Page:
        """Set the language of the switch and go back."""
        return redirect(then, [self._cookie(LANGUAGE_COOKIE, language, _LANGUAGE_SECONDS)])

    async def form(self) -> Form:
        """Return what was typed, without files; of a name that stands twice the first value.

        Raises `Invalid` ("value_not_storable") for a NUL, which no person can type.
        """
        posted = await self.request.form()
        texts = {name: value for name, value in reversed(list(posted.multi_items())) if isinstance(value, str)}
        for name, value in texts.items():
            if "\0" in name + value:  # PostgreSQL stores it nowhere
                raise Invalid("value_not_storable", "a text holds a NUL", field=name.replace("\0", ""))
        return Form({name: value for name, value in texts.items() if name not in _HIDDEN})

    async def files(self, name: str) -> list[UploadFile]:
        """Return the files of a field; a file field that was left open sends one without a name."""
        posted = await self.request.form()
        return [each for each in posted.getall(name, []) if isinstance(each, UploadFile) and each.filename]

    async def take(self, form: Form) -> None:
        """Claim the form's own key, so that the same form with the same answers is one act however often it is sent.

        Raises `Replayed`, which the middleware answers. Changed answers (after "back") are another act.
        """
        if (sent := await self._sending(form)) is not None:
            await self._claim.take(key=sent[0], fingerprint=sent[1])

    async def replay(self, form: Form, database: Database) -> None:
        """Raise `Replayed` if the same form was answered before; for pages that take photos in before they `take`.

        What was done then might be refused now: the order was sent meanwhile, or has all the photos that it may.
        """
        if (sent := await self._sending(form)) is not None:
            await self._claim.replay(database, key=sent[0], fingerprint=sent[1])

    async def _sending(self, form: Form) -> tuple[str, bytes] | None:
        """Return the key and the fingerprint of the form with these answers, None of one without a key."""
        posted = await self.request.form()
        key = posted.get("_form_key")
        if not isinstance(key, str) or _FORM_KEY.fullmatch(key) is None:
            return None
        digest = hashlib.sha256(self.request.url.path.encode())
        for name, value in sorted(form.values.items()):
            digest.update(msgspec.json.encode([name, value]))
        for name, value in posted.multi_items():
            if isinstance(value, UploadFile):
                digest.update(name.encode() + b"\0")
                await _hash_file(value, digest)
        return f"form:{key}:{digest.hexdigest()}", digest.digest()

    async def refused(
        self, error: FairholdError, form: Form, draw: Draw, fields: Mapping[str, str] | None = None
    ) -> Page:
        """Undo what was begun, and return the form's own page with the refusal on it.

        `fields` says which field of the form the domain's field is; one that the form does not have goes above it.
        """
        place = str(error.facts.get("field", "form"))
        if fields is not None:
            place = fields.get(place, "form")
        wrong = FieldError(place, refusal(error))
        return await self.wrong(Form(form.values, (*form.errors, wrong)), draw, status=status_of(error))

    async def wrong(self, form: Form, draw: Draw, *, status: int = 422) -> Page:
        """Undo what was begun, and return a page whose form says what is wrong with it."""
        await self.tx.rollback()
        return await self.page(await draw(form), status=status)

    async def _frame(self) -> Frame:
        area = area_of(self.actor, self.request.url.path)
        counter = self._counters.get(area)
        counts = await counter(self.tx, self.actor) if counter else {}
        return frame_of(self.request, now=await self.tx.now(), counts=counts)

    def _cookie(self, name: str, value: str, seconds: int) -> Cookie:
        return Cookie(
            key=name, value=value, path="/", max_age=seconds, secure=self._is_secure, httponly=True, samesite="lax"
        )


ShellOf = NamedDependency[Shell]


def language_of(request: Request[Any, Any, Any]) -> Language:
    """Return the language for a request: the switch's cookie, the person's, the browser's."""
    actor = actor_of(request)
    person = actor.language if actor.person_id is not None else None
    return choose(request.cookies.get(LANGUAGE_COOKIE), person, request.headers.get("accept-language"))


def actor_of(request: Request[Any, Any, Any]) -> Actor:
    """Return who asks; nobody, where the request failed before that was known."""
    user = request.scope.get("user")
    return user if isinstance(user, Actor) else NOBODY


def frame_of(request: Request[Any, Any, Any], *, now: datetime | None, counts: Mapping[str, int]) -> Frame:
    """Return the frame around a page."""
    actor = actor_of(request)
    query = request.url.query
    done = request.cookies.get(DONE_COOKIE, "")
    return Frame(
        language=language_of(request),
        path=request.url.path + (f"?{query}" if query else ""),
        now=now or _UNKNOWN_TIME,
        area=_area(request, actor),
        name=actor.name,
        csrf_token=csrf_token(request) or request.cookies.get(CSRF_COOKIE, ""),
        form_key=str(new_id()),
        counts=counts,
        done=Phrase(done) if done.startswith("done.") and done in PHRASES else None,
    )


def _area(request: Request[Any, Any, Any], actor: Actor) -> Area:
    """Return the page's area. At an unknown address nobody asked who it is: a session shows no "sign in" there."""
    if "user" not in cast("Mapping[str, Any]", request.scope) and request.cookies.get(SESSION_COOKIE):
        return "platform"
    return area_of(actor, request.url.path)


def html(text: str, status: int) -> Page:
    """Return HTML as an answer."""
    return Response(text, status_code=status, media_type="text/html; charset=utf-8", headers=dict(SECURITY_HEADERS))


def redirect(path: str, cookies: list[Cookie] | None = None) -> Page:
    """Return a redirect that the browser follows with GET."""
    headers = {**SECURITY_HEADERS, "Location": path}
    return Response("", status_code=303, media_type="text/html; charset=utf-8", headers=headers, cookies=cookies or [])


def status_of(error: FairholdError) -> int:
    """Return the status of a page that explains a refusal of its form."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 422)


def checked(kind: type[Struct], values: Mapping[str, object], fields: Mapping[str, str] | None = None) -> Struct:
    """Return a request's struct from what a form says; raises `Invalid` ("field_malformed") naming the form's field.

    `fields` says which field of the form a member of the struct comes from, where the names differ.
    """
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        member = str(error).partition("`$.")[2].partition("`")[0].partition(".")[0]
        raise Invalid("field_malformed", str(error), field=(fields or {}).get(member, member or "form")) from error


def missing(form: Form, **phrases: str) -> Form:
    """Return the form with an error (`error.*`) beside each named field that was left open."""
    errors = tuple(FieldError(name, Phrase(code)) for name, code in phrases.items() if not form.value(name).strip())
    return Form(form.values, (*form.errors, *errors))


async def _hash_file(file: UploadFile, digest: "hashlib._Hash") -> None:
    await file.seek(0)  # whoever took it in before has read it to its end
    while chunk := await file.read(_HASHED_CHUNK_BYTES):
        digest.update(chunk)
    await file.seek(0)
