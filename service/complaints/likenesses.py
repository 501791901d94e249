"""Earlier photos that look like those of a case: in other cases, and in what sellers showed of their batches.

For mediators and regulators. Buyers and sellers never learn of it, because it tells of other people's cases. A case of
a tenant whose mediator the reader is not is only counted.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import and_, select
from sqlalchemy import case as sql_case
from sqlalchemy.orm import aliased

from service.batches.photos import Listed, listed
from service.complaints.actions.steps import tell
from service.complaints.queries.access import get_row, require_side
from service.complaints.queries.parts import evidence_of, not_removed
from service.complaints.schemas import EvidenceView
from service.complaints.tables import Complaint, ComplaintEvidence
from service.core.actor import Actor, Role
from service.db.session import Tx
from service.files.likeness import REACH_MAX, Compared, Comparison, Near, nearest_earlier

SIMILAR_SHOWN_MAX = 10


class SimilarPhoto(msgspec.Struct, frozen=True):
    """An earlier photo. `distance` is how many bits of 256 differ; `is_same_file`: not one byte does.

    `is_mirrored`: left and right are swapped. Of a case there are its reference and the side that added the photo, of a
    listing its batch, and when the photo was taken away. Buyer, seller and side are compared with those of the case.
    """

    file_id: UUID
    distance: int
    is_same_file: bool
    is_mirrored: bool
    received_at: datetime
    found_in: Literal["case", "listing"]
    complaint_id: UUID | None
    reference: str | None
    side: str | None
    batch_id: UUID | None
    lot_code: str | None
    removed_at: datetime | None
    seller_id: UUID | None
    is_same_buyer: bool
    is_same_seller: bool
    is_same_side: bool
    thumbnail: str | None


class PhotoLikenesses(msgspec.Struct, frozen=True):
    """What one photo of the case is like, the nearest first. `more` are left out because there are many.

    `elsewhere` is how many copies lie in cases that the reader may not see. `comparison` says whether the photo could
    be compared by its looks; otherwise, as for documents, only copies with the same bytes are found.
    """

    file_id: UUID
    side: str
    comparison: Comparison
    quality: int | None
    similar: list[SimilarPhoto]
    more: int
    elsewhere: int


class Likenesses(msgspec.Struct, frozen=True):
    """The files of a case with the earlier ones that are at most `reach` bits of 256 from each."""

    complaint_id: UUID
    reach: int
    photos: list[PhotoLikenesses]


_IS_ADDITION = and_(Complaint.submitted_at.is_(None), Complaint.merged_into_id.is_not(None))
_CASE_ID = sql_case((_IS_ADDITION, Complaint.merged_into_id), else_=Complaint.id)
"""The case that shows a complaint's photos: itself, or the case that a draft became an addition to."""


@dataclass(frozen=True, slots=True)
class _InCase:
    """The case that a photo belongs to."""

    complaint_id: UUID
    reference: str
    tenant_id: UUID
    buyer_id: UUID | None
    seller_id: UUID | None
    side: str


async def likenesses(tx: Tx, actor: Actor, complaint_id: UUID, *, now: datetime, reach: int = REACH_MAX) -> Likenesses:
    """Return the earlier photos that those of a case are like, and record the look.

    Other photos of the same case, drafts and what was taken out of drafts are left out. Raises `NotFound`
    ("complaint_not_found"), `Forbidden` ("not_your_part") for everybody but mediators and regulators.
    """
    complaint = await get_row(tx, actor, complaint_id)
    side = require_side(actor, complaint, "mediator", "regulator")
    photos = await evidence_of(tx, complaint.id, side)
    compared = [await nearest_earlier(tx, each.file_id, reach=reach) for each in photos]
    near_ids = {near.file_id for each in compared for near in each.near}
    cases, listings = await _cases(tx, near_ids), await listed(tx, near_ids)
    found = [
        _found(actor, complaint, photo, each, cases, listings) for photo, each in zip(photos, compared, strict=True)
    ]
    facts = {"count": sum(len(each.similar) + each.more + each.elsewhere for each in found)}
    await tell(tx, actor, complaint, "complaint.likenesses_viewed", side=side, now=now, facts=facts)
    return Likenesses(complaint.id, reach, found)


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
        .join(shown, shown.id == _CASE_ID)
        .where(ComplaintEvidence.file_id.in_(list(file_ids)), not_removed(), shown.submitted_at.is_not(None))
    )
    return {row[0]: _InCase(*row[1:]) for row in found}


def _found(
    actor: Actor,
    complaint: Complaint,
    photo: EvidenceView,
    compared: Compared,
    cases: Mapping[UUID, _InCase],
    listings: Mapping[UUID, Listed],
) -> PhotoLikenesses:
    similar, elsewhere = [], 0
    for near in compared.near:
        case = cases.get(near.file_id)
        if near.file_id in listings:
            similar.append(_in_listing(complaint, photo, near, listings[near.file_id]))
        elif case is None or case.complaint_id == complaint.id:
            continue
        elif _may_know(actor, case):
            similar.append(_in_case(complaint, photo, near, case))
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


def _may_know(actor: Actor, case: _InCase) -> bool:
    return actor.has(Role.REGULATOR) or case.tenant_id in actor.tenants(Role.MEDIATOR, Role.SUPERVISOR)


def _in_case(complaint: Complaint, photo: EvidenceView, near: Near, case: _InCase) -> SimilarPhoto:
    return SimilarPhoto(
        file_id=near.file_id,
        distance=near.distance,
        is_same_file=near.is_same_file,
        is_mirrored=near.is_mirrored,
        received_at=near.received_at,
        found_in="case",
        complaint_id=case.complaint_id,
        reference=case.reference,
        side=case.side,
        batch_id=None,
        lot_code=None,
        removed_at=None,
        seller_id=case.seller_id,
        is_same_buyer=case.buyer_id is not None and case.buyer_id == complaint.buyer_id,
        is_same_seller=case.seller_id is not None and case.seller_id == complaint.seller_id,
        is_same_side=case.side == photo.side,
        thumbnail=f"/api/v1/complaints/{case.complaint_id}/evidence/{near.file_id}/thumbnail"
        if photo.has_view
        else None,
    )


def _in_listing(complaint: Complaint, photo: EvidenceView, near: Near, shown: Listed) -> SimilarPhoto:
    return SimilarPhoto(
        file_id=near.file_id,
        distance=near.distance,
        is_same_file=near.is_same_file,
        is_mirrored=near.is_mirrored,
        received_at=near.received_at,
        found_in="listing",
        complaint_id=None,
        reference=None,
        side=None,
        batch_id=shown.batch_id,
        lot_code=shown.lot_code,
        removed_at=shown.removed_at,
        seller_id=shown.seller_id,
        is_same_buyer=False,
        is_same_seller=shown.seller_id == complaint.seller_id,
        is_same_side=photo.side == "seller",
        thumbnail=f"/api/v1/batches/{shown.batch_id}/photos/{near.file_id}/thumbnail",
    )
