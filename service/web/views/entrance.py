"""Pages for anybody: front page, sign-in, help, refusals."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from service.web.phrase import Phrase
from service.web.views.base import View
from service.web.views.parts import EMPTY_FORM, Clock, Form


@dataclass(frozen=True, slots=True)
class Welcome(View):
    """The front page of people who are not signed in."""

    template: ClassVar[str] = "welcome.html"


@dataclass(frozen=True, slots=True)
class SignInPage(View):
    """Fields: email, password, next."""

    template: ClassVar[str] = "sign_in.html"
    form: Form = EMPTY_FORM
    then: str = ""


@dataclass(frozen=True, slots=True)
class Register(View):
    """A buyer's new account. Fields: email, name, password, next."""

    template: ClassVar[str] = "register.html"
    form: Form = EMPTY_FORM
    then: str = ""


@dataclass(frozen=True, slots=True)
class HelpPage(View):
    """One of the pages behind the foot's links."""

    template: ClassVar[str] = "help/index.html"


@dataclass(frozen=True, slots=True)
class PrivacyPage(View):
    """What is kept, who sees it, how it is erased."""

    template: ClassVar[str] = "help/privacy.html"


@dataclass(frozen=True, slots=True)
class AccessibilityPage(View):
    """What works, what is known not to."""

    template: ClassVar[str] = "help/accessibility.html"


@dataclass(frozen=True, slots=True)
class HeldPage(View):
    """How held payments work."""

    template: ClassVar[str] = "help/held.html"


@dataclass(frozen=True, slots=True)
class Refused(View):
    """An error as a page. `status` is the HTTP status, `message` the phrase of the error's code where it helps."""

    template: ClassVar[str] = "refused.html"
    status: Literal[400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503]
    message: Phrase | None = None
    request_id: str = ""
    retry: Clock | None = None
    back: str = "/"
