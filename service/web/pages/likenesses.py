"""What a case's photos are like, for the pages of mediators and regulators; and photos of listings, for everybody."""

from typing import cast
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.batches.photos import batch_of_photo, open_photo
from service.complaints.likeness_schemas import SimilarPhoto as FoundPhoto
from service.complaints.likenesses import likenesses
from service.complaints.schemas import ComplaintView
from service.core.actor import Actor
from service.db.session import Database, Tx
from service.files.likeness import Comparison
from service.files.sealing import KeyRing
from service.files.store import Store
from service.web import paths
from service.web.pages.pictures import picture_part, shown
from service.web.phrase import Lot, Phrase, Reference, say
from service.web.views.likenesses import LikePhoto, SimilarPhoto, SimilarPhotos
from service.web.views.parts import Side


async def similar_photos(tx: Tx, actor: Actor, view: ComplaintView) -> SimilarPhotos:
    """Return the block of a case that the actor reads as mediator or regulator. The look is recorded."""
    found = await likenesses(tx, actor, view.id, now=await tx.now())
    comparisons = [each.comparison for each in found.photos]
    return SimilarPhotos(
        photos=tuple(
            LikePhoto(
                id=str(each.file_id),
                of=cast("Side", each.side),
                similar=tuple(_shown(near, view.viewer) for near in each.similar),
                more=each.more,
                elsewhere=each.elsewhere,
            )
            for each in found.photos
            if (each.similar or each.elsewhere) and each.comparison is not Comparison.NOT_A_PHOTO
        ),
        complaints_of_buyer_photos=found.complaints_of_buyer_photos,
        compared=comparisons.count(Comparison.COMPARED),
        plain=comparisons.count(Comparison.TOO_PLAIN) + comparisons.count(Comparison.UNREADABLE),
        waiting=comparisons.count(Comparison.WAITING),
    )


def _shown(near: FoundPhoto, viewer: str) -> SimilarPhoto:
    by_buyer = near.side == "buyer"
    is_same = near.is_same_buyer if by_buyer else near.is_same_seller
    address = paths.listing_photo if near.found_in == "listing" else paths.evidence
    case = paths.regulator_case if viewer == "regulator" else paths.mediator_case
    return SimilarPhoto(
        picture=address(near.file_id, "small") if near.thumbnail else "",
        large=address(near.file_id),
        where=_where(near),
        who=say(f"similar.{'buyer' if by_buyer else 'seller'}_{'same' if is_same else 'other'}"),
        at=near.received_at,
        distance=None if near.is_same_file else near.distance,
        case=case(near.reference) if near.reference else "",
        is_listing=near.found_in == "listing",
        taken_away=near.removed_at is not None,
        mirrored=near.is_mirrored,
    )


def _where(near: FoundPhoto) -> Phrase:
    if near.found_in == "listing":
        return say("similar.listing", lot=Lot(near.lot_code or ""))
    if near.found_in == "packing":
        return say("similar.packing")
    return say("similar.case", reference=Reference(near.reference or ""))


@get("/listing-photos/{file_id:uuid}/{kind:str}", opt={"allow": "web.signed_in"})
async def show_listing_photo(
    file_id: FromPath[UUID],
    kind: FromPath[str],
    actor: NamedDependency[Actor],
    database: NamedDependency[Database],
    store: NamedDependency[Store],
    ring: NamedDependency[KeyRing],
) -> Response[bytes]:
    """Return a photo of a batch without its metadata. The view is recorded first."""
    part = picture_part(kind)
    async with database.begin() as tx:
        batch_id = await batch_of_photo(tx, file_id)
        ticket = await open_photo(tx, actor, batch_id, file_id, part, ring=ring, now=await tx.now())
    return await shown(store, ticket)


HANDLERS = [show_listing_photo]
