"""Limits and forms of accounts, and who may grant what; pure."""

import re
import unicodedata
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from service.core.actor import COMMONS, Actor, Role
from service.core.errors import Forbidden, Invalid
from service.core.limits import Limit

SESSION_LASTS = timedelta(days=14)
SESSION_IDLE_MAX = timedelta(days=2)
SESSION_SEEN_EVERY = timedelta(minutes=10)  # so that reading pages does not write a row each time
LANGUAGES = ("en", "zh")

EMAIL_LENGTH_MAX = 254
NAME_LENGTH_MAX = 100
LABEL_LENGTH_MAX = 60
PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 128
API_KEYS_MAX = 20

SIGN_INS_BY_EMAIL = Limit("sign_in_email", 10, timedelta(minutes=15))
SIGN_INS_BY_ADDRESS = Limit("sign_in_address", 60, timedelta(minutes=15))
REGISTRATIONS_BY_ADDRESS = Limit("register_address", 30, timedelta(hours=1))

KEY_START = "fh_"
KEY_PREFIX_LENGTH = 8
PASS_START = "fr_"  # noqa: S105 - how a pass begins; the rest of it is the secret
PASS_LASTS = timedelta(hours=1)
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f.]+(\.[^\s@\x00-\x1f\x7f.]+)+")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_COMMONS_ROLES = frozenset({Role.BUYER, Role.REGULATOR, Role.OPERATOR})


def fold_email(email: str) -> str:
    """Return the one written form of an e-mail address; raises `Invalid` ("email_malformed")."""
    folded = unicodedata.normalize("NFKC", email).strip().lower()
    if len(folded) > EMAIL_LENGTH_MAX or not _EMAIL.fullmatch(folded):
        raise Invalid("email_malformed", "an e-mail address is name@domain", field="email")
    return folded


def check_phone(phone: str | None) -> str | None:
    """Return the number if it is E.164 (`+` and 7 to 15 figures) or None; raises `Invalid` ("phone_malformed")."""
    if phone is not None and not _PHONE.fullmatch(phone):
        raise Invalid("phone_malformed", "a phone number is + and 7 to 15 figures", field="phone")
    return phone


def check_text(field: str, text: str, length_max: int) -> str:
    """Return the text without outer spaces; raises `Invalid` ("<field>_malformed") if empty, long or unprintable."""
    trimmed = text.strip()
    if not 0 < len(trimmed) <= length_max or not trimmed.isprintable():
        raise Invalid(f"{field}_malformed", f"1 to {length_max} printable characters", field=field)
    return trimmed


def check_language(language: str) -> str:
    """Return the language if pages speak it; raises `Invalid` ("language_unknown")."""
    if language not in LANGUAGES:
        raise Invalid("language_unknown", f"one of {', '.join(LANGUAGES)}", field="language")
    return language


def check_password(password: str, *, not_like: Collection[str] = ()) -> str:
    """Return the password in its one written form. `not_like` are texts that a guesser tries first, such as the e-mail.

    Raises `Invalid` ("password_short", "password_long", "password_known").
    """
    folded = fold_password(password)
    if len(folded) < PASSWORD_LENGTH_MIN or len(set(folded)) <= 2:  # "aaaaaaaaaa", "ababababab"
        raise Invalid("password_short", f"at least {PASSWORD_LENGTH_MIN} characters, not all alike", field="password")
    if len(folded) > PASSWORD_LENGTH_MAX:
        raise Invalid("password_long", f"at most {PASSWORD_LENGTH_MAX} characters", field="password")
    if folded.casefold() in {text.casefold() for text in not_like}:
        raise Invalid("password_known", "not your name or address", field="password")
    return folded


def fold_password(password: str) -> str:
    """Return the NFKC form, so that full-width and half-width keyboards give the same password."""
    return unicodedata.normalize("NFKC", password)


def check_tenant_of_role(role: Role, tenant_id: UUID, *, kind: str) -> None:
    """Raise `Invalid` ("tenant_wrong_for_role") where a role makes no sense in a tenant.

    Buyers, regulators and operators belong to the commons; the platform role only to a platform.
    """
    fits = tenant_id == COMMONS if role in _COMMONS_ROLES else role is not Role.PLATFORM or kind == "platform"
    if not fits:
        raise Invalid("tenant_wrong_for_role", f"{role} cannot be granted in this tenant", field="tenant_id")


def check_may_grant(actor: Actor, *, person_id: UUID, role: Role, tenant_id: UUID) -> None:
    """Raise `Forbidden` unless the actor may give or take this role.

    An operator may for every role, a supervisor for mediators of their own tenants; nobody for themselves
    ("grant_to_self"), anything else is "grant_not_allowed".
    """
    if actor.is_system:
        return
    if actor.person_id == person_id:
        raise Forbidden("grant_to_self", "nobody changes their own roles")
    if actor.has(Role.OPERATOR):
        return
    if role is Role.MEDIATOR and tenant_id in actor.tenants(Role.SUPERVISOR):
        return
    raise Forbidden("grant_not_allowed", "an operator, or for mediators a supervisor of the tenant")
