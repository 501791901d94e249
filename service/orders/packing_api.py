"""JSON routes about packing photos."""

from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, MultipartBody

from service.core.actor import Actor
from service.db.requests import LATE_CLAIM, Claim
from service.db.session import Database, Tx
from service.files.images import ImageWorkshop
from service.files.posted import PhotosUpload, contents
from service.files.reading import Part
from service.files.receiving import UPLOAD_BYTES_MAX, receive_photos
from service.files.sealing import KeyRing
from service.files.showing import RoomOf, provide_room
from service.files.store import Store
from service.orders import packing
from service.orders.schemas import PackingPhoto, PackingView
from service.settings import Settings

OrderId = FromPath[UUID]
FileId = FromPath[UUID]
ActorOf = NamedDependency[Actor]
_SEE = {"allow": "orders.read_packing"}


class PackingPhotos(Controller):
    """What a seller shows of an order before it is sent. Every view is recorded."""

    path = "/orders/{order_id:uuid}/packing-photos"
    tags = ("Orders",)
    dependencies = {"room": Provide(provide_room, sync_to_thread=False)}  # noqa: RUF012 - Litestar reads it once

    @post(
        "/",
        opt={"allow": "orders.pack", LATE_CLAIM: True},
        summary="Add packing photos",
        request_max_body_size=UPLOAD_BYTES_MAX,
    )
    async def add(  # noqa: PLR0913, PLR0917 - the framework fills a handler's parameters by name
        self, order_id: OrderId, data: MultipartBody[PhotosUpload], tx: NamedDependency[Tx], actor: ActorOf,
        claim: NamedDependency[Claim], database: NamedDependency[Database], store: NamedDependency[Store],
        workshop: NamedDependency[ImageWorkshop], ring: NamedDependency[KeyRing], settings: NamedDependency[Settings],
    ) -> PackingView:  # fmt: skip
        """Add photos (form field `files`, repeated) before the order is sent; they stay. All are taken, or none."""
        await claim.replay(database)
        key = await packing.open_order(database, actor, order_id, ring=ring, new=len(data.files))
        received = await receive_photos(store, workshop, key, contents(data.files))
        await claim.take()
        days = settings.evidence_retention_days
        await packing.attach(tx, actor, order_id, received, retention_days=days, now=await tx.now())
        await tx.flush()  # the answer lists what was written
        return view_of(await packing.get_packing(tx, actor, order_id))

    @get("/", opt=_SEE, summary="List packing photos")
    async def listing(self, order_id: OrderId, tx: NamedDependency[Tx], actor: ActorOf) -> PackingView:
        """List them in the order they came, with the SHA-256 of their received bytes. A buyer sees them in a case."""
        return view_of(await packing.get_packing(tx, actor, order_id))

    @get("/{file_id:uuid}/view", opt=_SEE, summary="See a packing photo")
    async def view(self, order_id: OrderId, file_id: FileId, actor: ActorOf, room: RoomOf) -> Response[bytes]:
        """Get a photo as WebP of at most 2,048 pixels, without metadata. The view is recorded."""
        return await room.show(packing.open_photo, actor, order_id, file_id, Part.VIEW)

    @get("/{file_id:uuid}/thumbnail", opt=_SEE, summary="See a small packing photo")
    async def thumbnail(self, order_id: OrderId, file_id: FileId, actor: ActorOf, room: RoomOf) -> Response[bytes]:
        """Get a photo as WebP of at most 480 pixels, without metadata. The view is recorded."""
        return await room.show(packing.open_photo, actor, order_id, file_id, Part.THUMBNAIL)

    @get("/{file_id:uuid}/original", opt=_SEE, summary="Get an original packing photo")
    async def original(self, order_id: OrderId, file_id: FileId, actor: ActorOf, room: RoomOf) -> Response[bytes]:
        """Get the bytes as they were received. It is recorded."""
        return await room.show(packing.open_photo, actor, order_id, file_id, Part.ORIGINAL)


def view_of(found: packing.Packing) -> PackingView:
    """Return packing photos as the API shows them."""
    return PackingView(
        found.committed_at,
        [
            PackingPhoto(
                each.id, each.kind, each.state, each.size_bytes, each.sha256, each.width_px, each.height_px,
                each.received_at, each.locked_at, each.version_id,
            )
            for each in found.photos
        ],
    )  # fmt: skip
