"""Photos with a one-time code in the frame: states, limits, the code, and the two times that run; pure.

Whoever is asked may sleep, and may stall. So the asked side has days to open the request, which shows the code, and
from that moment a quarter of an hour to send the photo. A request is opened once; a code is of one request.
"""

from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from service.core.errors import Conflict
from service.core.lifecycle import Lifecycle, row

AskedSide = Literal["buyer", "seller"]
Verdict = Literal["in_frame", "not_in_frame", "unreadable"]
ASKED_SIDES: Final = get_args(AskedSide)
VERDICTS: Final = get_args(Verdict)

CHALLENGE = Lifecycle(
    "challenge",
    "asked",
    [
        row("asked", "open", "opened", "buyer seller", "complaint.challenge_opened"),
        row("asked", "expire", "expired", "system", "complaint.challenge_expired"),
        row("asked", "withdraw", "withdrawn", "mediator system", "complaint.challenge_withdrawn"),
        row("opened", "answer", "answered", "buyer seller", "complaint.challenge_answered"),
        row("opened", "expire", "expired", "system", "complaint.challenge_expired"),
        row("opened", "withdraw", "withdrawn", "mediator system", "complaint.challenge_withdrawn"),
        row("answered", "judge", "answered", "mediator", "complaint.challenge_judged"),
    ],
)
LIVE: Final = ("asked", "opened")
PER_SIDE_MAX: Final = 5
TEXT_MAX: Final = 500
STORING_GRACE: Final = timedelta(minutes=2)
"""How long after its time a photo may still be written that came whole within it: judging and sealing take a while."""

ALPHABET: Final = "CFHKMNPRTWXY3479"
"""Neither look-alikes (0 O Q D, 1 I L J, 2 Z, 5 S, 8 B, 6 G, U V) nor vowels, which could make words."""
CODE_LETTERS: Final = 6


def code_of(random_bytes: bytes) -> str:
    """Return a code such as `K7M-3PX` of at least 3 random bytes: short to write by hand, 16.8 million to choose from.

    It need not withstand guessing: what it proves is that the photo was taken after it was shown.
    """
    number = int.from_bytes(random_bytes[:3], "big")
    letters = "".join(ALPHABET[(number >> (4 * place)) & 15] for place in range(CODE_LETTERS))
    return f"{letters[:3]}-{letters[3:]}"


def promise_name(side: str) -> str:
    """Return the name of the deadline that waits for a side; a side has one live challenge at most."""
    return f"challenge_{side}"


def asked_of(deadline: str) -> tuple[str, AskedSide] | None:
    """Return what a challenge's deadline waits for and from which side, or None for another one."""
    return next((("answer_challenge", side) for side in ASKED_SIDES if promise_name(side) == deadline), None)


def check_openable(open_by: datetime, now: datetime) -> None:
    """Raise `Conflict` ("challenge_expired") once the time to open a challenge has passed."""
    if now > open_by:
        raise Conflict("challenge_expired", "the time to open this has passed")


def is_late(status: str, answer_by: datetime | None, now: datetime, *, grace: timedelta = timedelta(0)) -> bool:
    """Whether a photo comes too late: the quarter of an hour has passed, or the challenge has expired for good."""
    return status == "expired" or (answer_by is not None and status == "opened" and now > answer_by + grace)


def check_count(asked_before: int) -> None:
    """Raise `Conflict` ("challenges_too_many") once a side was asked as often as a case allows."""
    if asked_before >= PER_SIDE_MAX:
        raise Conflict("challenges_too_many", "this side was asked as often as a case allows", limit=PER_SIDE_MAX)


def sees_code(viewer: str, side: str, status: str) -> bool:
    """Whether a viewer is shown the code: the asked side from its opening, mediators once there is a photo to compare.

    A mediator who knew it before could pass it on, so nobody but the asked side does.
    """
    if viewer == side:
        return True
    return viewer in {"mediator", "regulator", "system"} and status == "answered"
