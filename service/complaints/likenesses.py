"""Earlier photos that look like those of a case: in other cases, in listings, and packed into other orders.

For mediators and regulators. Buyers and sellers never learn of it, because it tells of other people's cases. What
belongs to a tenant whose mediator the reader is not is only counted.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import aliased

from service.batches.photos import Listed, listed
from service.complaints.actions.steps import tell
from service.complaints.likeness_schemas import Likenesses, PhotoLikenesses, SimilarPhoto
from service.complaints.queries.access import get_row, require_side
from service.complaints.queries.complainants import case_id_of
from service.complaints.queries.parts import commitment_of, evidence_of, not_removed
from service.complaints.schemas import EvidenceView
from service.complaints.tables import Complaint, ComplaintEvidence
from service.core.actor import Actor, Role
from service.db.session import Tx
from service.files.likeness import REACH_MAX, Compared, Comparison, Near, nearest_earlier
from service.orders.packing import Packed, packed

SIMILAR_SHOWN_MAX = 10

NOT_SENT = """
EXISTS (SELECT FROM complaint_evidence e JOIN complaint c ON c.id = e.complaint_id WHERE e.file_id = f.id
    AND ((c.submitted_at IS NULL AND c.merged_into_id IS NULL)
        OR EXISTS (SELECT FROM complaint_evidence_removal r WHERE r.file_id = e.file_id)))
"""
"""Drafts are left out where photos are counted, so that nobody pushes a copy out of the list with many of their own."""


@dataclass(frozen=True, slots=True)
class _InCase:
    """The case that a photo belongs to."""

    complaint_id: UUID
    reference: str
    tenant_id: UUID
    buyer_id: UUID | None
    seller_id: UUID | None
    side: str


_Place = _InCase | Listed | Packed


async def likenesses(tx: Tx, actor: Actor, complaint_id: UUID, *, now: datetime, reach: int = REACH_MAX) -> Likenesses:
    """Return the earlier photos that those of a case are like, and record the look.

    The packing photos of the case's order are the case's as well. Other photos of the same case and order, drafts and
    what was taken out of drafts are left out. Raises `NotFound` ("complaint_not_found"), `Forbidden` ("not_your_part")
    for everybody but mediators and regulators.
    """
    complaint = await get_row(tx, actor, complaint_id)
    side = require_side(actor, complaint, "mediator", "regulator")
    packing = await commitment_of(tx, complaint, side)
    photos = [*await evidence_of(tx, complaint.id, side), *(packing.photos if packing else ())]
    compared = await nearest_earlier(tx, [each.file_id for each in photos], reach=reach, but_not=NOT_SENT)
    places = await _places(tx, {near.file_id for each in compared.values() for near in each.near})
    found = [_found(actor, complaint, photo, compared[photo.file_id], places) for photo in photos]
    facts = {"count": sum(len(each.similar) + each.more + each.elsewhere for each in found)}
    await tell(tx, actor, complaint, "complaint.likenesses_viewed", side=side, now=now, facts=facts)
    return Likenesses(complaint.id, reach, found, _complaints_of_buyer_photos(complaint, photos, compared, places))


async def _places(tx: Tx, file_ids: Collection[UUID]) -> dict[UUID, _Place]:
    """Return where each of the files is to be seen; what is to be seen nowhere is left out."""
    return {**await _cases(tx, file_ids), **await packed(tx, file_ids), **await listed(tx, file_ids)}


async def _cases(tx: Tx, file_ids: Collection[UUID]) -> dict[UUID, _InCase]:
    """Return the cases that show those of the files that are evidence which was sent."""
    if not file_ids:
        return {}
    shown = aliased(Complaint)
    found = await tx.execute(
        select(
            ComplaintEvidence.file_id,
            shown.id,
            shown.reference,
            shown.tenant_id,
            shown.buyer_id,
            shown.seller_id,
            ComplaintEvidence.side,
        )
        .join(Complaint, Complaint.id == ComplaintEvidence.complaint_id)
        .join(shown, shown.id == case_id_of(Complaint))
        .where(ComplaintEvidence.file_id.in_(list(file_ids)), not_removed(), shown.submitted_at.is_not(None))
    )
    return {row[0]: _InCase(*row[1:]) for row in found}


def _found(
    actor: Actor, complaint: Complaint, photo: EvidenceView, compared: Compared, places: Mapping[UUID, _Place]
) -> PhotoLikenesses:
    similar, elsewhere = [], 0
    for near in compared.near:
        place = places.get(near.file_id)
        if place is None or _is_here(complaint, place):
            continue
        if isinstance(place, Listed) or _may_know(actor, place.tenant_id):
            similar.append(_similar(actor, complaint, photo, near, place))
        else:
            elsewhere += 1
    return PhotoLikenesses(
        file_id=photo.file_id,
        side=photo.side,
        comparison=compared.comparison,
        quality=compared.quality,
        similar=similar[:SIMILAR_SHOWN_MAX],
        more=max(0, len(similar) - SIMILAR_SHOWN_MAX),
        elsewhere=elsewhere,
    )


def _complaints_of_buyer_photos(
    complaint: Complaint,
    photos: Collection[EvidenceView],
    compared: Mapping[UUID, Compared],
    places: Mapping[UUID, _Place],
) -> int:
    """Return how many other complaints have a copy of a photo of the buyer's, whoever may see them."""
    by_buyer = [compared[photo.file_id] for photo in photos if photo.side == "buyer"]
    seen = [each for each in by_buyer if each.comparison is not Comparison.NOT_A_PHOTO]
    found = [places.get(near.file_id) for each in seen for near in each.near]
    return len({each.complaint_id for each in found if isinstance(each, _InCase)} - {complaint.id})


def _is_here(complaint: Complaint, place: _Place) -> bool:
    if isinstance(place, _InCase):
        return place.complaint_id == complaint.id
    return isinstance(place, Packed) and place.order_id == complaint.order_id


def _may_know(actor: Actor, tenant_id: UUID) -> bool:
    return actor.has(Role.REGULATOR) or _mediates(actor, tenant_id)


def _mediates(actor: Actor, tenant_id: UUID) -> bool:
    return tenant_id in actor.tenants(Role.MEDIATOR, Role.SUPERVISOR)


def _similar(actor: Actor, complaint: Complaint, photo: EvidenceView, near: Near, place: _Place) -> SimilarPhoto:
    buyer_id = None if isinstance(place, Listed) else place.buyer_id
    added_by = place.side if isinstance(place, _InCase) else "seller"
    return SimilarPhoto(
        file_id=near.file_id,
        distance=near.distance,
        is_same_file=near.is_same_file,
        is_mirrored=near.is_mirrored,
        received_at=near.received_at,
        is_same_buyer=buyer_id is not None and buyer_id == complaint.buyer_id,
        is_same_seller=place.seller_id is not None and place.seller_id == complaint.seller_id,
        is_same_side=added_by == photo.side,
        seller_id=place.seller_id,
        **_where(actor, near.file_id, place, has_view=photo.has_view),
    )


def _where(actor: Actor, file_id: UUID, place: _Place, *, has_view: bool) -> dict[str, Any]:
    """Return the fields that say where a photo is, and the address of its thumbnail."""
    if isinstance(place, _InCase):
        path = f"complaints/{place.complaint_id}/evidence" if has_view else None
        where = {"complaint_id": place.complaint_id, "reference": place.reference, "side": place.side}
        kind = "case"
    elif isinstance(place, Packed):
        path = f"orders/{place.order_id}/packing-photos" if _mediates(actor, place.tenant_id) else None
        where, kind = {"order_id": place.order_id}, "packing"
    else:
        path = f"batches/{place.batch_id}/photos"
        where = {"batch_id": place.batch_id, "lot_code": place.lot_code, "removed_at": place.removed_at}
        kind = "listing"
    return {**where, "found_in": kind, "thumbnail": path and f"/api/v1/{path}/{file_id}/thumbnail"}
