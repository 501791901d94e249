"""JSON routes for evidence that goes straight to the storage: ask for a form, send the file, say that it is there."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody

from service.complaints import queries, uploads
from service.complaints.evidence import Desk
from service.complaints.reports_api import CounterOf, provide_counter
from service.complaints.schemas import EvidenceView
from service.core.actor import Actor
from service.core.errors import Invalid, NotFound, TooLarge
from service.db.requests import LATE_CLAIM, Claim
from service.db.session import Database, Tx
from service.files.images import ImageWorkshop
from service.files.kinds import FILE_BYTES_MAX
from service.files.sealing import KeyRing
from service.files.store import Store
from service.files.uploads import Promise
from service.settings import Settings

CaseId = FromPath[UUID]
OPT = {"allow": "complaints.add_evidence", LATE_CLAIM: True}
Sha256 = Annotated[
    str, msgspec.Meta(min_length=64, max_length=64, pattern=r"^[0-9a-f]{64}(?!\n)$", examples=["9f86d081884c7d65" * 4])
]
_SIZE_MAX = 2**53 - 1  # what JSON numbers say exactly; the limit of files is told by its own code


class NewUpload(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What you know of the file, so that a wrong or broken one is noticed; both may be left out."""

    size_bytes: Annotated[int, msgspec.Meta(ge=1, le=_SIZE_MAX, examples=[3_145_728])] | None = None
    sha256: Sha256 | None = None


class UploadView(msgspec.Struct, frozen=True):
    """Where one file goes: a multipart form with all `fields`, in this order, and then the file as the field `file`."""

    id: UUID
    url: str
    fields: dict[str, str]
    size_bytes_max: int
    expires_at: datetime


def provide_desk(
    database: NamedDependency[Database],
    store: NamedDependency[Store],
    workshop: NamedDependency[ImageWorkshop],
    ring: NamedDependency[KeyRing],
    settings: NamedDependency[Settings],
) -> Desk:
    """Give handlers what they take files in with."""
    return Desk(database, store, workshop, ring, settings)


DeskOf = NamedDependency[Desk]


class Uploads(Controller):
    """Files that go straight to the storage, each by a form of its own."""

    path = "/complaints/{complaint_id:uuid}/uploads"
    tags = ("Evidence",)
    dependencies = {  # noqa: RUF012 - Litestar reads it once
        "desk": Provide(provide_desk, sync_to_thread=False),
        "counter": Provide(provide_counter, sync_to_thread=False),
    }

    @post("/", opt=OPT, summary="Ask where to send a file")
    async def offer(
        self, complaint_id: CaseId, data: JSONBody[NewUpload], tx: NamedDependency[Tx], actor: NamedDependency[Actor],
        claim: NamedDependency[Claim], desk: DeskOf, counter: CounterOf,
    ) -> Response[UploadView]:  # fmt: skip
        """Get a form for one file, good for ten minutes and as many tries as it takes. Then ask for its completion."""
        await claim.replay(desk.database)
        await counter.count("files")
        promise = Promise(data.size_bytes, None if data.sha256 is None else bytes.fromhex(data.sha256))
        prepared = await uploads.prepare_form(desk, actor, complaint_id, promise)
        await claim.take()
        made = await uploads.open_form(tx, actor, complaint_id, prepared, ring=desk.ring, now=await tx.now())
        view = UploadView(made.id, made.form.url, made.form.fields, data.size_bytes or FILE_BYTES_MAX, made.expires_at)
        location = f"/api/v1/complaints/{complaint_id}/uploads/{made.id}"
        return Response(view, status_code=201, headers={"Location": location})

    @post("/{upload_id:uuid}/completion", opt=OPT, summary="Say that a file is there", status_code=200)
    async def complete(
        self, complaint_id: CaseId, upload_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor],
        claim: NamedDependency[Claim], desk: DeskOf, counter: CounterOf,
    ) -> EvidenceView:  # fmt: skip
        """Take in what was sent, as if it had come to us directly. Asked again, the answer is the same file.

        A file that is refused can be replaced by another through the same form, until the form expires.
        """
        await claim.replay(desk.database)
        try:
            arrived = await uploads.take_in_form(desk, actor, complaint_id, upload_id)
        except (Invalid, TooLarge):
            await counter.count("files")  # as where files come directly: looking at it was the work
            raise
        await claim.take()
        days = desk.settings.evidence_retention_days
        file_id = await uploads.complete_form(tx, actor, complaint_id, arrived, retention_days=days, now=await tx.now())
        case = await queries.get_complaint(tx, actor, complaint_id)
        found = next((each for each in case.evidence if each.file_id == file_id), None)
        if found is None:
            raise NotFound("file_not_found", "the file was taken out of the draft")
        return found
