"""Pages for everybody: front page, sign-in and registration, help, the language switch, static files."""

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from service.accounts import actions, passwords
from service.accounts import sign_in as signing
from service.accounts.devices import client_address
from service.accounts.guards import SESSION_COOKIE, session_cookie
from service.accounts.rules import REGISTRATIONS_BY_ADDRESS, check_password
from service.core.actor import Actor
from service.core.errors import NotFound, Unauthenticated
from service.db.requests import LATE_CLAIM
from service.db.session import Database, Tx
from service.db.throttle import count_attempt
from service.settings import Settings
from service.web import paths
from service.web.language import is_language
from service.web.pages.area import home_of, safe_next
from service.web.pages.shell import REFUSALS, Page, ShellOf, missing
from service.web.views.base import View
from service.web.views.entrance import (
    AccessibilityPage,
    HeldPage,
    HelpPage,
    PrivacyPage,
    Register,
    SignInPage,
    Welcome,
)
from service.web.views.parts import EMPTY_FORM, Form

OPEN = {"allow": "web.open"}
OPEN_FORM = {"allow": "web.open", LATE_CLAIM: True}
_HELP: dict[str, View] = {
    paths.HELP: HelpPage(),
    paths.HELP_PRIVACY: PrivacyPage(),
    paths.HELP_ACCESSIBILITY: AccessibilityPage(),
    paths.HELP_HELD: HeldPage(),
}


@get(paths.HOME, opt=OPEN)
async def home(shell: ShellOf, actor: NamedDependency[Actor]) -> Page:
    """The front page, or the desk of whoever is signed in."""
    if actor.person_id is not None:
        return shell.go(home_of(actor))
    return await shell.page(Welcome())


@get(list(_HELP), opt=OPEN)
async def show_help(request: Request[Actor, Any, Any], shell: ShellOf) -> Page:
    """One of the pages that explain."""
    return await shell.page(_HELP[request.url.path])


@get("/language/{code:str}", opt=OPEN)
async def switch_language(code: FromPath[str], shell: ShellOf, next: FromQuery[str | None] = None) -> Page:  # noqa: A002 - the address says next
    """Set the language and go back."""
    if not is_language(code):
        raise NotFound("language_unknown", "pages are in en and zh")
    return shell.speak(code, safe_next(next) or paths.HOME)


@get(paths.SIGN_IN, opt=OPEN)
async def show_sign_in(shell: ShellOf, actor: NamedDependency[Actor], next: FromQuery[str | None] = None) -> Page:  # noqa: A002 - the address says next
    """Ask for address and password; who is signed in goes on."""
    then = safe_next(next) or ""
    if actor.person_id is not None and not then:
        return shell.go(home_of(actor))
    return await shell.page(SignInPage(then=then))


@post(paths.SIGN_IN, opt=OPEN_FORM)
async def sign_in(
    request: Request[Actor, Any, Any],
    shell: ShellOf,
    tx: NamedDependency[Tx],
    database: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Page:
    """Start a session and go to the page that asked for it, or home."""
    form = await shell.form()
    try:
        signed = await signing.sign_in(
            tx,
            database,
            email=form.value("email"),
            password=form.value("password"),
            address=client_address(request),
            salt=settings.secret,
        )
    except (*REFUSALS, Unauthenticated) as error:
        return await shell.refused(error, form, _ask_sign_in)
    answer = shell.go(safe_next(form.value("next")) or home_of(signed.actor))
    answer.set_cookie(session_cookie(signed.token, settings))
    return answer


@post(paths.SIGN_OUT, opt={"allow": "web.signed_in", LATE_CLAIM: True})
async def sign_out(
    request: Request[Actor, Any, Any],
    shell: ShellOf,
    tx: NamedDependency[Tx],
    actor: NamedDependency[Actor],
    settings: NamedDependency[Settings],
) -> Page:
    """End the session."""
    await signing.sign_out(tx, actor, request.cookies.get(SESSION_COOKIE, ""), now=await tx.now())
    answer = shell.go(paths.HOME, done="done.signed_out")
    answer.set_cookie(session_cookie("", settings))
    return answer


@get(paths.REGISTER, opt=OPEN)
async def show_register(
    shell: ShellOf,
    actor: NamedDependency[Actor],
    next: FromQuery[str | None] = None,  # noqa: A002 - the address says next
) -> Page:
    """Ask for what an account needs; who is signed in has one."""
    if actor.person_id is not None:
        return shell.go(home_of(actor))
    return await shell.page(Register(then=safe_next(next) or ""))


@post(paths.REGISTER, opt=OPEN_FORM)
async def register(
    request: Request[Actor, Any, Any],
    shell: ShellOf,
    tx: NamedDependency[Tx],
    database: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Page:
    """Make a buyer's account and sign in with it."""
    form = await shell.form()
    asked = missing(form, email="error.email_malformed", name="error.name_malformed", password="error.password_short")  # noqa: S106 - a phrase
    if asked.errors:
        return await shell.wrong(asked, _ask_register)
    try:
        token = await _register(tx, database, form, shell.language, client_address(request), settings.secret)
    except REFUSALS as error:
        return await shell.refused(error, form, _ask_register)
    answer = shell.go(safe_next(form.value("next")) or paths.MINE)
    answer.set_cookie(session_cookie(token, settings))
    return answer


async def _register(tx: Tx, database: Database, form: Form, language: str, address: str, salt: str) -> str:
    """Return the token of a new account's first session. The password is hashed before the transaction begins."""
    email, name = form.value("email"), form.value("name")
    await count_attempt(database, {REGISTRATIONS_BY_ADDRESS: address}, salt=salt)
    password_hash = await passwords.hash_password(check_password(form.value("password"), not_like=(email, name)))
    now = await tx.now()
    person = await actions.register_buyer(
        tx, email=email, password_hash=password_hash, name=name, language=language, phone=None, now=now
    )
    await tx.flush()  # the session refers to the person
    return (await signing.start_session(tx, person.id, now=now)).token


async def _ask_sign_in(form: Form) -> SignInPage:
    return SignInPage(form, safe_next(form.value("next")) or "")


async def _ask_register(form: Form = EMPTY_FORM) -> Register:
    return Register(form, safe_next(form.value("next")) or "")


HANDLERS: list[Any] = [
    home,
    show_help,
    switch_language,
    show_sign_in,
    sign_in,
    sign_out,
    show_register,
    register,
]
