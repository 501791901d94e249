"""The refusals of the domain.

FairholdError
├── Invalid           the input breaks a rule              (422)
├── Unauthenticated   nobody, or not who they say          (401)
├── Forbidden         known, but may not                   (403)
├── NotFound          does not exist, or must look so      (404)
├── Conflict          the state does not allow it now      (409)
├── TooLarge          more bytes than the limit            (413)
├── TooMany           a limit over time is used up         (429)
└── Unavailable       a part we need does not answer       (503)

An error carries a stable `code` (lowercase words and underscores), a message for developers and the facts that a
client needs to explain it. Only `api/problems.py` knows how these become HTTP.
"""

from collections.abc import Mapping
from typing import Any, NoReturn


class FairholdError(Exception):
    """A refusal with a stable code; raising it rolls the transaction back."""

    def __init__(self, code: str, message: str = "", **facts: Any) -> None:
        super().__init__(message or code.replace("_", " "))
        self.code = code
        self.message = message or code.replace("_", " ")
        self.facts: Mapping[str, Any] = facts


class Invalid(FairholdError):
    """The input breaks a rule. `field` among the facts names the field, where there is one."""


class Unauthenticated(FairholdError):
    """No sign-in, or one that is not valid."""


class Forbidden(FairholdError):
    """The actor is known and the thing may be seen, but this is not allowed."""


class NotFound(FairholdError):
    """It does not exist, or the actor must not learn that it does."""


class Conflict(FairholdError):
    """The state does not allow the action now."""


class TooLarge(FairholdError):
    """More bytes than a named limit."""


class TooMany(FairholdError):
    """A limit over time is used up; `retry_after_seconds` among the facts says for how long."""


class Unavailable(FairholdError):
    """A part that we need (database, S3, provider) does not answer; nothing was done."""


class InvariantBroken(Exception):
    """What must never happen did; the transaction is rolled back and the error is logged, not explained."""


def ensure(condition: object, message: str) -> None:
    """Check an invariant, in production too; raises `InvariantBroken` with `message`."""
    if not condition:
        raise InvariantBroken(message)


def unreachable(message: str) -> NoReturn:
    """Say that a branch cannot be reached; raises `InvariantBroken`."""
    raise InvariantBroken(message)
