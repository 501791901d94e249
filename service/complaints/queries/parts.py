"""The parts of a case: entries, offers, evidence, the held payment. The caller has checked the permission."""

from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import aliased

from service.complaints.queries.access import visible_to
from service.complaints.queries.complainants import case_id_of, of_one_buyer
from service.complaints.queries.lists import claim_of
from service.complaints.rules import Side
from service.complaints.schemas import (
    Addition,
    CaseHold,
    CommitmentView,
    EntryView,
    EvidenceView,
    HoldFreeze,
    OfferView,
    Told,
)
from service.complaints.tables import (
    Challenge,
    Complaint,
    ComplaintEntry,
    ComplaintEntryText,
    ComplaintEvidence,
    ComplaintEvidenceRemoval,
    ComplaintText,
    Offer,
)
from service.core.actor import Actor
from service.core.errors import NotFound
from service.db.schemas import MoneyView
from service.db.session import Tx
from service.escrow.queries import HoldView, hold_by_reference
from service.files.queries import FileView, files_of_cases
from service.orders.packing import order_of_photo, packing_of

READS_ALL_ORIGINALS: frozenset[Side] = frozenset({"mediator", "regulator", "system"})
READS_NOTES: frozenset[Side] = frozenset({"mediator", "regulator", "system"})


async def entries_of(tx: Tx, complaint_id: UUID, side: Side) -> list[EntryView]:
    """Return the entries of a case, oldest first; the parties do not get the mediators' notes."""
    query = (
        select(ComplaintEntry, ComplaintEntryText.text, Complaint, ComplaintText)
        .outerjoin(ComplaintEntryText, ComplaintEntryText.entry_id == ComplaintEntry.id)
        .outerjoin(Complaint, Complaint.id == ComplaintEntry.draft_id)
        .outerjoin(ComplaintText, ComplaintText.complaint_id == ComplaintEntry.draft_id)
        .where(ComplaintEntry.complaint_id == complaint_id)
        .order_by(ComplaintEntry.id)
    )
    if side not in READS_NOTES:
        query = query.where(ComplaintEntry.kind != "note")
    return [
        EntryView(e.id, e.kind, e.side, e.decision, words, e.at, _addition(draft, texts, side) if e.draft_id else None)
        for e, words, draft, texts in await tx.execute(query)
    ]


def _addition(draft: Complaint, texts: ComplaintText | None, side: Side) -> Addition:
    return Addition(
        reference=draft.reference,
        harm=draft.harm,
        harmed_on=draft.harmed_on,
        treatment=None if texts is None else texts.treatment,
        wanted=draft.wanted,
        claim=claim_of(draft),
        batch_id=draft.batch_id,
        may_publish=draft.may_publish,
        told=told_of(draft, texts, side),
    )


def told_of(row: Complaint, texts: ComplaintText | None, side: Side) -> Told:
    """Return what the buyer told of the goods. `row` is the complaint, or any row with its columns.

    Sellers do not learn where the buyer bought: it says where they live, and helps to find the batch alone.
    """
    return Told(
        product_text=row.product_text,
        brand_text=row.brand_text,
        seller_text=row.seller_text,
        agent_text=texts.agent_text if texts else "",
        lot_text=row.lot_text,
        gtin=row.gtin,
        bought_on=row.bought_on,
        bought_through=row.bought_through,
        bought_in=texts.bought_in if texts and side != "seller" else "",
    )


async def count_files_of(tx: Tx, complaint_id: UUID) -> int:
    """Return how many files both sides put into a case, with those of its buyer's additions.

    What mediators asked for is not counted.
    """
    asked_for = select(Challenge.file_id).where(Challenge.complaint_id == complaint_id, Challenge.file_id.is_not(None))
    query = select(func.count()).where(ComplaintEvidence.complaint_id.in_(of_one_buyer(complaint_id)), not_removed())
    return await tx.scalar(query.where(ComplaintEvidence.file_id.not_in(asked_for))) or 0


async def count_in_additions(tx: Tx, complaint_id: UUID) -> int:
    """Return how many files came into a case with drafts that became additions to it."""
    query = select(func.count()).where(ComplaintEvidence.complaint_id.in_(of_one_buyer(complaint_id)), not_removed())
    return await tx.scalar(query.where(ComplaintEvidence.complaint_id != complaint_id)) or 0


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
    """Return the complaint whose evidence a file is, if the actor may see it; raises `NotFound` ("file_not_found").

    Of a packing photo, the newest case about its order that was sent.
    """
    kept_in = aliased(Complaint)
    query = (
        select(Complaint.id)
        .join(kept_in, Complaint.id == case_id_of(kept_in))
        .join(ComplaintEvidence, ComplaintEvidence.complaint_id == kept_in.id)
        .where(ComplaintEvidence.file_id == file_id, not_removed(), visible_to(actor))
    )
    found = await tx.scalar(query)
    if found is None and (order_id := await order_of_photo(tx, file_id)) is not None:
        cases = select(Complaint.id).where(Complaint.order_id == order_id, Complaint.submitted_at.is_not(None))
        found = await tx.scalar(cases.where(visible_to(actor)).order_by(Complaint.id.desc()).limit(1))
    if found is None:
        raise NotFound("file_not_found", "no such file, or not yours to see")
    return found


def may_read_original(reader: Side, added_by_side: str) -> bool:
    """Whether a side may read an original with all its metadata: staff, and whoever added it."""
    return reader in READS_ALL_ORIGINALS or reader == added_by_side


def not_removed() -> ColumnElement[bool]:
    """Return the filter of evidence that still belongs to its case."""
    removal = select(ComplaintEvidenceRemoval.file_id).where(
        ComplaintEvidenceRemoval.file_id == ComplaintEvidence.file_id
    )
    return ~removal.exists()  # NOT IN would read all removals there are


async def evidence_of(tx: Tx, complaint_id: UUID, side: Side) -> list[EvidenceView]:
    """Return the files of a case in the order they came."""
    found = await tx.execute(
        select(ComplaintEvidence.file_id, ComplaintEvidence.side, ComplaintEvidence.complaint_id).where(
            ComplaintEvidence.complaint_id.in_(of_one_buyer(complaint_id)), not_removed()
        )
    )
    kept = list(found)
    if not kept:
        return []
    sides = {row.file_id: row.side for row in kept}
    found_files = await files_of_cases(tx, {row.complaint_id for row in kept})
    return [_evidence_view(each, sides[each.id], side) for each in found_files if each.id in sides]


async def commitment_of(tx: Tx, complaint: Complaint, side: Side) -> CommitmentView | None:
    """Return what the seller showed of the order before it was sent, None where there is nothing.

    A draft shows none of it: nobody is to fit a story to these photos.
    """
    if complaint.order_id is None or complaint.submitted_at is None:
        return None
    found = await packing_of(tx, complaint.order_id)
    if found is None:
        return None
    return CommitmentView(found.committed_at, [_evidence_view(each, "seller", side) for each in found.photos])


def _evidence_view(file: FileView, added_by_side: str, reader: Side) -> EvidenceView:
    return EvidenceView(
        file_id=file.id,
        side=added_by_side,
        kind=file.kind,
        state=file.state,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        width_px=file.width_px,
        height_px=file.height_px,
        pages=file.pages,
        received_at=file.received_at,
        locked_at=file.locked_at,
        version_id=file.version_id,
        has_view=file.has_view,
        may_read_original=may_read_original(reader, added_by_side),
    )


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
