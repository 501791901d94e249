"""The parts of a case: entries, offers, evidence, the held payment. The caller has checked the permission."""

from uuid import UUID

from sqlalchemy import ColumnElement, select

from service.complaints.queries.access import visible_to
from service.complaints.rules import Side
from service.complaints.schemas import CaseHold, EntryView, EvidenceView, HoldFreeze, OfferView
from service.complaints.tables import (
    Complaint,
    ComplaintEntry,
    ComplaintEntryText,
    ComplaintEvidence,
    ComplaintEvidenceRemoval,
    Offer,
)
from service.core.actor import Actor
from service.core.errors import NotFound
from service.db.schemas import MoneyView
from service.db.session import Tx
from service.escrow.queries import HoldView, hold_by_reference
from service.files.queries import files_of_cases

READS_ALL_ORIGINALS: frozenset[Side] = frozenset({"mediator", "regulator", "system"})
READS_NOTES: frozenset[Side] = frozenset({"mediator", "regulator", "system"})


async def entries_of(tx: Tx, complaint_id: UUID, side: Side) -> list[EntryView]:
    """Return the entries of a case, oldest first; the parties do not get the mediators' notes."""
    query = (
        select(ComplaintEntry, ComplaintEntryText.text)
        .outerjoin(ComplaintEntryText, ComplaintEntryText.entry_id == ComplaintEntry.id)
        .where(ComplaintEntry.complaint_id == complaint_id)
        .order_by(ComplaintEntry.id)
    )
    if side not in READS_NOTES:
        query = query.where(ComplaintEntry.kind != "note")
    return [EntryView(e.id, e.kind, e.side, e.decision, text, e.at) for e, text in await tx.execute(query)]


async def offers_of(tx: Tx, complaint_id: UUID) -> list[OfferView]:
    """Return the offers of a case, oldest first."""
    found = await tx.execute(
        select(Offer, ComplaintEntryText.text)
        .outerjoin(ComplaintEntryText, ComplaintEntryText.entry_id == Offer.entry_id)
        .where(Offer.complaint_id == complaint_id)
        .order_by(Offer.id)
        .execution_options(populate_existing=True)
    )
    return [
        OfferView(o.id, o.kind, MoneyView(o.amount_minor, o.currency), o.status, text, o.made_at, o.expires_at)
        for o, text in found
    ]


async def case_of_file(tx: Tx, actor: Actor, file_id: UUID) -> UUID:
    """Return the complaint whose evidence a file is, if the actor may see it; raises `NotFound` ("file_not_found")."""
    query = (
        select(ComplaintEvidence.complaint_id)
        .join(Complaint, Complaint.id == ComplaintEvidence.complaint_id)
        .where(ComplaintEvidence.file_id == file_id, not_removed(), visible_to(actor))
    )
    found = await tx.scalar(query)
    if found is None:
        raise NotFound("file_not_found", "no such file, or not yours to see")
    return found


def may_read_original(reader: Side, added_by_side: str) -> bool:
    """Whether a side may read an original with all its metadata: staff, and whoever added it."""
    return reader in READS_ALL_ORIGINALS or reader == added_by_side


def not_removed() -> ColumnElement[bool]:
    """Return the filter of evidence that still belongs to its case."""
    return ComplaintEvidence.file_id.not_in(select(ComplaintEvidenceRemoval.file_id))


async def evidence_of(tx: Tx, complaint_id: UUID, side: Side) -> list[EvidenceView]:
    """Return the files of a case in the order they came."""
    found = await tx.execute(
        select(ComplaintEvidence.file_id, ComplaintEvidence.side).where(
            ComplaintEvidence.complaint_id == complaint_id, not_removed()
        )
    )
    sides = {row.file_id: row.side for row in found}
    if not sides:
        return []
    return [
        EvidenceView(
            file_id=each.id,
            side=sides[each.id],
            kind=each.kind,
            state=each.state,
            size_bytes=each.size_bytes,
            sha256=each.sha256,
            width_px=each.width_px,
            height_px=each.height_px,
            pages=each.pages,
            received_at=each.received_at,
            locked_at=each.locked_at,
            version_id=each.version_id,
            has_view=each.has_view,
            may_read_original=may_read_original(side, sides[each.id]),
        )
        for each in await files_of_cases(tx, [complaint_id])
        if each.id in sides
    ]


async def hold_of(tx: Tx, complaint: Complaint) -> CaseHold | None:
    """Return the hold that the complaint claims, else its order's open one, else the order's; None without an order."""
    if complaint.order_id is None:
        return None
    whole = await hold_by_reference(tx, complaint.order_id)
    if whole is None:
        return None
    claimed = [hold for hold in (whole, *whole.children) if hold.id == complaint.hold_id]
    return _hold_view(next(iter([*claimed, *whole.open_holds, whole])))


def _hold_view(hold: HoldView) -> CaseHold:
    return CaseHold(
        id=hold.id,
        state=hold.state,
        amount=MoneyView.of(hold.amount),
        fee_bps=hold.fee_bps,
        freezes=[HoldFreeze(freeze.kind, freeze.at) for freeze in hold.freezes],
        window_ends_at=hold.window_ends_at,
        window_left_seconds=None if hold.window_left is None else int(hold.window_left.total_seconds()),
    )
