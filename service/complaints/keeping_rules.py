"""When what a case holds may be erased, and why it may be held; pure."""

from typing import Final, Literal, get_args

from service.complaints.rules import OPEN_SENT
from service.core.errors import Conflict

Action = Literal["erase", "hold", "release"]
EraseReason = Literal["buyer_asked", "court_order", "unlawful_content"]
HoldReason = Literal["court_order", "regulator_order", "open_proceedings"]
ReleaseReason = Literal["proceedings_over", "set_in_error"]

ACTIONS: Final = get_args(Action)
REASONS: Final = tuple(sorted({*get_args(EraseReason), *get_args(HoldReason), *get_args(ReleaseReason)}))
NOTE_MAX: Final = 500
_WAITS_FOR_THE_END: Final = frozenset({"buyer_asked"})
"""Who asks for erasure waits until the case has ended: until then both sides need what was sent."""


def check_may_erase(status: str, reason: str) -> None:
    """Raise `Conflict` ("case_open") where a case that has not ended is to be erased because its buyer asked for it."""
    if status in OPEN_SENT and reason in _WAITS_FOR_THE_END:
        raise Conflict("case_open", "what a case holds is erased once the case has ended", status=status)
