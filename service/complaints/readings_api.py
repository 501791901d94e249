"""JSON routes about what was read on photos."""

from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.complaints import actions, queries
from service.complaints.queries.readings import get_readings
from service.complaints.reading_schemas import ReadingsView
from service.complaints.recognise.acceptance import accept_reading
from service.complaints.schemas import ComplaintView
from service.core.actor import Actor
from service.db.session import Tx


class Readings(Controller):
    """What photos say: barcodes, lot codes, days. In the case once somebody takes it over.

    Until then a lot or barcode of the buyer's photos suggests batches and holds links back; it never links.
    """

    path = "/complaints/{complaint_id:uuid}/readings"
    tags = ("Evidence",)

    @get("/", opt={"allow": "complaints.read_readings"}, summary="What the photos say")
    async def listing(
        self, complaint_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> ReadingsView:
        """Get what was read on your photos, or as a mediator on all; photos are read soon after they came."""
        return await get_readings(tx, actor, complaint_id)

    @post(
        "/{reading_id:uuid}/acceptance",
        opt={"allow": "complaints.accept_reading"},
        summary="Take a reading over",
        status_code=200,
    )
    async def accept(
        self,
        complaint_id: FromPath[UUID],
        reading_id: FromPath[UUID],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> ComplaintView:
        """Take a lot code or a barcode's number over into your draft; of a case that was sent, add it in words.

        A mediator's becomes a note. What was sent is not changed. With it the batch is looked for again.
        """
        await accept_reading(tx, actor, complaint_id, reading_id, now=await tx.now())
        await tx.flush()  # the view is read from the database
        view = await queries.get_complaint(tx, actor, complaint_id)
        await actions.record_view(tx, actor, view, now=await tx.now())
        return view
