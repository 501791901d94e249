"""Complaints of a frozen signal that were moved to another batch. Ranks as `actions`.

What a freeze was decided on stays written; a move is noted beside it. A person of the service or the matcher moves a
complaint: that a buyer picks another batch, adds a photo of one or withdraws takes nothing away from a freeze, as all
of that can be bought.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select

from service.complaints.queries import case_facts, placed_by_photos
from service.core.ids import new_id
from service.db.session import Tx
from service.recalls.counting import Counted
from service.recalls.queries import left_members
from service.recalls.tables import Signal, SignalMember, SignalMemberMove


@dataclass(frozen=True, slots=True)
class Moves:
    """Who is away, and who left and came back since the last look.

    `silent` is how many buyers were counted and are no more, though nobody but themselves took all of their complaints
    away.
    """

    away: Collection[UUID]
    left: Collection[UUID]
    returned: Collection[UUID]
    silent: int

    @property
    def is_news(self) -> bool:
        """Whether anybody left or came back."""
        return bool(self.left or self.returned)


async def note_moves(tx: Tx, signal: Signal, counted: Counted, *, now: datetime) -> Moves:
    """Write who left a locked signal's scope, and who came back, since it was last noted."""
    scope = {batch.id for batch in counted.batches}
    members = await tx.scalars(select(SignalMember.complaint_id).where(SignalMember.signal_id == signal.id))
    cases = await case_facts(tx, list(members))
    gone = {complaint_id for complaint_id, case in cases.items() if case.batch_id not in scope}
    away = {each for each in gone if cases[each].link_by != "buyer"}
    away -= await placed_by_photos(tx, away)
    known = (await left_members(tx, [signal.id])).get(signal.id, set())
    left, returned = sorted(away - known), sorted(known - away)
    rows = [
        {"id": new_id(), "signal_id": signal.id, "complaint_id": complaint_id, "step": step, "at": now}
        for step, moved in (("left", left), ("returned", returned))
        for complaint_id in moved
    ]
    if rows:
        await tx.execute(insert(SignalMemberMove), rows)
    heard = {report.buyer_id for report in counted.reports if report.complaint_id in counted.grouped}
    silent = {case.buyer_id for at, case in cases.items() if at not in away and at not in counted.grouped} - heard
    return Moves(away, left, returned, len(silent))
