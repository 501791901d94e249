"""Photos with a one-time code, as each side may see them. The caller has checked that the case may be seen."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from service.complaints.challenge_rules import ASKED_SIDES, promise_name, sees_code
from service.complaints.challenge_schemas import ChallengeView
from service.complaints.rules import Side
from service.complaints.schemas import AvailableAction
from service.complaints.tables import Challenge, ChallengeText
from service.db.session import Tx


async def challenges_of(tx: Tx, complaint_id: UUID, viewer: Side) -> list[ChallengeView]:
    """Return the challenges of a case, oldest first, with the code where the viewer may see it."""
    found = await tx.execute(
        select(Challenge, ChallengeText.text)
        .outerjoin(ChallengeText, ChallengeText.challenge_id == Challenge.id)
        .where(Challenge.complaint_id == complaint_id)
        .order_by(Challenge.id)
        .execution_options(populate_existing=True)
    )
    return [_view(each, text, viewer) for each, text in found]


def challenge_steps(due: Mapping[str, datetime]) -> list[AvailableAction]:
    """Return what the asked sides may do; `due` has the case's deadlines by name. Silence is recorded, no more."""
    return [
        AvailableAction("answer_challenge", side, due[promise_name(side)], "recorded")
        for side in ASKED_SIDES
        if promise_name(side) in due
    ]


def _view(of: Challenge, text: str | None, viewer: Side) -> ChallengeView:
    return ChallengeView(
        id=of.id,
        side=of.side,
        status=of.status,
        text=text,
        asked_at=of.asked_at,
        open_by=of.open_by,
        opened_at=of.opened_at,
        answer_by=of.answer_by,
        code=of.code if sees_code(viewer, of.side, of.status) else None,
        late_at=of.late_at,
        file_id=of.file_id,
        ended_at=of.ended_at,
        verdict=of.verdict,
        judged_at=of.judged_at,
    )
