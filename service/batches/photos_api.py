"""JSON routes about the photos that sellers show of their batches."""

from uuid import UUID

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, MultipartBody

from service.batches import photos
from service.batches.schemas import BatchPhotoView
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
from service.settings import Settings

BatchId = FromPath[UUID]
FileId = FromPath[UUID]


class BatchPhotos(Controller):
    """Photos of what is listed. Everybody who is signed in sees them; a complaint with a copy of one finds it."""

    path = "/batches/{batch_id:uuid}/photos"
    tags = ("Batches",)
    dependencies = {"room": Provide(provide_room, sync_to_thread=False)}  # noqa: RUF012 - Litestar reads it once

    @get("/", opt={"allow": "batches.read"}, summary="List a batch's photos")
    async def listing(
        self, batch_id: BatchId, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> list[BatchPhotoView]:
        """List the photos of a batch in the order they came; mediators and regulators get those taken away as well."""
        return await photos.photos_of(tx, actor, batch_id)

    @post(
        "/",
        opt={"allow": "batches.show_photos", LATE_CLAIM: True},
        summary="Add photos to a batch",
        request_max_body_size=UPLOAD_BYTES_MAX,
    )
    async def add(  # noqa: PLR0913, PLR0917 - the framework fills a handler's parameters by name
        self, batch_id: BatchId, data: MultipartBody[PhotosUpload], tx: NamedDependency[Tx],
        actor: NamedDependency[Actor], claim: NamedDependency[Claim], database: NamedDependency[Database],
        store: NamedDependency[Store], workshop: NamedDependency[ImageWorkshop], settings: NamedDependency[Settings],
        ring: NamedDependency[KeyRing],
    ) -> list[BatchPhotoView]:  # fmt: skip
        """Show photos of a batch of your seller (form field `files`, repeated). All are taken, or none.

        A batch shows at most 20, and has shown at most 100 in all.
        """
        await claim.replay(database)
        key = await photos.open_case(database, actor, batch_id, ring=ring, new=len(data.files))
        received = await receive_photos(store, workshop, key, contents(data.files))
        await claim.take()
        days = settings.evidence_retention_days
        await photos.attach(tx, actor, batch_id, received, retention_days=days, now=await tx.now())
        return await photos.photos_of(tx, actor, batch_id)

    @delete("/{file_id:uuid}", opt={"allow": "batches.show_photos"}, summary="Take a photo of a batch away")
    async def remove(
        self, batch_id: BatchId, file_id: FileId, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> None:
        """Show a photo of your seller's batch no longer. It is kept; taking it away twice changes nothing."""
        await photos.take_away(tx, actor, batch_id, file_id, now=await tx.now())

    @get("/{file_id:uuid}/view", opt={"allow": "batches.read"}, summary="See a batch's photo")
    async def view(
        self, batch_id: BatchId, file_id: FileId, actor: NamedDependency[Actor], room: RoomOf
    ) -> Response[bytes]:
        """Get a photo as WebP of at most 2,048 pixels, without metadata. The view is recorded."""
        return await room.show(photos.open_photo, actor, batch_id, file_id, Part.VIEW)

    @get("/{file_id:uuid}/thumbnail", opt={"allow": "batches.read"}, summary="See a batch's small photo")
    async def thumbnail(
        self, batch_id: BatchId, file_id: FileId, actor: NamedDependency[Actor], room: RoomOf
    ) -> Response[bytes]:
        """Get a photo as WebP of at most 480 pixels, without metadata. The view is recorded."""
        return await room.show(photos.open_photo, actor, batch_id, file_id, Part.THUMBNAIL)
