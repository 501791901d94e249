"""JSON routes about complaints and their evidence."""

from dataclasses import dataclass
from uuid import UUID

from litestar import Controller, Response, delete, get, patch, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, MultipartBody

from service.complaints import actions, evidence, hot, queries
from service.complaints.challenges_api import Challenges
from service.complaints.keeping_api import Keeping
from service.complaints.likenesses_api import Similar
from service.complaints.limits import Counter, Use
from service.complaints.match_schemas import MatchesView
from service.complaints.matching_api import show_matching
from service.complaints.readings_api import Readings
from service.complaints.reports_api import CounterOf, SafetyReports, provide_counter
from service.complaints.rules import Kind, MatchStatus, Risk
from service.complaints.schemas import (
    CaseEvent,
    ComplaintSummary,
    ComplaintView,
    DraftChanges,
    EvidenceView,
    NewAnswer,
    NewComplaint,
    NewEntry,
    NewJoin,
    NewLink,
    NewOffer,
    NewTriage,
)
from service.complaints.uploads_api import DeskOf, Uploads, provide_desk
from service.core.actor import Actor
from service.db.hot import HOT
from service.db.pages import LIMIT_DEFAULT
from service.db.query_parameters import After, Limit, Status
from service.db.requests import LATE_CLAIM, Claim
from service.db.schemas import PageOf
from service.db.session import Tx
from service.files.posted import contents
from service.files.reading import Part
from service.files.showing import RoomOf, provide_room

CaseId = FromPath[UUID]
TxOf = NamedDependency[Tx]
ActorOf = NamedDependency[Actor]


@dataclass(frozen=True)
class Upload:
    """Up to ten files, each of at most 20 MB: JPEG, PNG, WebP, HEIC, AVIF or PDF, judged by content."""

    files: list[UploadFile]


async def _seen(tx: Tx, actor: Actor, complaint_id: UUID) -> ComplaintView:
    await tx.flush()  # the view is read from the database
    view = await queries.get_complaint(tx, actor, complaint_id)
    await actions.record_view(tx, actor, view, now=await tx.now())
    return view


async def _count(claim: Claim, counter: Counter, use: Use) -> None:
    """Count a use, but not a second sending under one key, and take the key.

    In this order: whoever counts with a transaction open holds one connection and waits for another.
    """
    await claim.replay(counter.database)
    await counter.count(use)
    await claim.take()


class Complaints(Controller):
    """Complaints: from the draft to the end of the case."""

    path = "/complaints"
    tags = ("Complaints",)
    dependencies = {"counter": Provide(provide_counter, sync_to_thread=False)}  # noqa: RUF012 - Litestar reads it once

    @post("/", opt={"allow": "complaints.file", LATE_CLAIM: True}, summary="Begin a complaint")
    async def begin(
        self, data: JSONBody[NewComplaint], tx: TxOf, actor: ActorOf, counter: CounterOf, claim: NamedDependency[Claim]
    ) -> Response[ComplaintView]:
        """Begin a draft about one of your orders, or without one about goods bought elsewhere. Nothing is sent yet.

        Drafts are counted by person, device and network address: so are complaints, as each begins as one.
        """
        await _count(claim, counter, "complaints")
        draft = await actions.create_draft(tx, actor, data, now=await tx.now())
        view = await _seen(tx, actor, draft.id)
        return Response(view, status_code=201, headers={"Location": f"/api/v1/complaints/{draft.id}"})

    @get("/", opt={"allow": "complaints.read"}, summary="List complaints")
    async def listing(
        self, tx: TxOf, actor: ActorOf, status: Status = None,
        seller_id: FromQuery[UUID | None] = None, batch_id: FromQuery[UUID | None] = None,
        order_id: FromQuery[UUID | None] = None, risk: FromQuery[Risk | None] = None,
        match_status: FromQuery[MatchStatus | None] = None, kind: FromQuery[Kind | None] = None,
        mine: FromQuery[bool | None] = None, is_open: FromQuery[bool | None] = None,
        after: After = None, limit: Limit = LIMIT_DEFAULT,
    ) -> PageOf[ComplaintSummary]:  # fmt: skip
        """List the complaints that you may see, the newest first, each with its next deadline."""
        filters = queries.Filters(
            status=status, seller_id=seller_id, batch_id=batch_id, order_id=order_id, risk=risk,
            match_status=match_status, kind=kind, mine=bool(mine), is_open=is_open,
        )  # fmt: skip
        page = await queries.complaints_page(tx, actor, filters, after=after, limit=limit)
        return page.answer()

    @get("/{complaint_id:uuid}", opt={"allow": "complaints.read"}, summary="Get a case")
    async def one(self, complaint_id: CaseId, tx: TxOf, actor: ActorOf) -> ComplaintView:
        """Get a case as your side may see it, with what each side may do next and until when."""
        return await _seen(tx, actor, complaint_id)

    @patch("/{complaint_id:uuid}", opt={"allow": "complaints.file"}, summary="Change a draft")
    async def change(
        self, complaint_id: CaseId, data: JSONBody[DraftChanges], tx: TxOf, actor: ActorOf
    ) -> ComplaintView:
        """Change answers of a draft. What was sent is not changed: add an entry instead."""
        await actions.update_draft(tx, actor, complaint_id, data, now=await tx.now())
        return await _seen(tx, actor, complaint_id)

    @post(
        "/{complaint_id:uuid}/submission",
        opt={"allow": "complaints.file", HOT: hot.submit},
        summary="Send",
        status_code=200,
    )
    async def submit(self, complaint_id: CaseId, tx: TxOf, actor: ActorOf) -> ComplaintView:
        """Send the draft. The held payment that it claims is frozen in the same transaction.

        If you have an open case about the same order and kind, the draft becomes an addition to it: that case is the
        answer.
        """
        sent = await actions.submit(tx, actor, complaint_id, now=await tx.now())
        return await _seen(tx, actor, sent.id)

    @post(
        "/{complaint_id:uuid}/entries", opt={"allow": "complaints.add_entry", LATE_CLAIM: True}, summary="Add to a case"
    )
    async def add(
        self, complaint_id: CaseId, data: JSONBody[NewEntry], tx: TxOf, actor: ActorOf, counter: CounterOf,
        claim: NamedDependency[Claim],
    ) -> ComplaintView:  # fmt: skip
        """Add words to a case that was sent."""
        await _count(claim, counter, "entries")
        await actions.add_entry(tx, actor, complaint_id, data, now=await tx.now())
        return await _seen(tx, actor, complaint_id)

    @post("/{complaint_id:uuid}/triage", opt={"allow": "complaints.triage"}, summary="Look first", status_code=200)
    async def look(self, complaint_id: CaseId, data: JSONBody[NewTriage], tx: TxOf, actor: ActorOf) -> ComplaintView:
        """Give a case to its seller, or close it, as a mediator."""
        await actions.triage(tx, actor, complaint_id, data, now=await tx.now())
        return await _seen(tx, actor, complaint_id)

    @post("/{complaint_id:uuid}/parent", opt={"allow": "complaints.join"}, summary="Join to a case", status_code=200)
    async def join(self, complaint_id: CaseId, data: JSONBody[NewJoin], tx: TxOf, actor: ActorOf) -> ComplaintView:
        """Make a complaint part of another person's case, as a mediator of both; its complainant is told of it."""
        now = await tx.now()
        await actions.join(tx, actor, complaint_id, data.parent_id, text=data.text, now=now)
        return await _seen(tx, actor, complaint_id)

    @get("/{complaint_id:uuid}/matches", opt={"allow": "complaints.read_matches"}, summary="Batches that it may be")
    async def matches(self, complaint_id: CaseId, tx: TxOf, actor: ActorOf) -> MatchesView:
        """Get what matching found, with reasons, and the batches to pick from. For a draft it looks now."""
        return await actions.suggestions(tx, actor, complaint_id)

    @post("/{complaint_id:uuid}/link", opt={"allow": "complaints.link"}, summary="Name the batch", status_code=200)
    async def link(self, complaint_id: CaseId, data: JSONBody[NewLink], tx: TxOf, actor: ActorOf) -> ComplaintView:
        """Pick one of the suggested batches as the buyer, or name any batch (or none) as a mediator."""
        await actions.link_batch(tx, actor, complaint_id, data.batch_id, now=await tx.now())
        return await _seen(tx, actor, complaint_id)

    @post("/{complaint_id:uuid}/answer", opt={"allow": "complaints.answer"}, summary="Answer", status_code=200)
    async def answer(self, complaint_id: CaseId, data: JSONBody[NewAnswer], tx: TxOf, actor: ActorOf) -> ComplaintView:
        """Answer as the seller: accept in full, refuse, make an offer, or say that it is another company's."""
        await actions.answer(tx, actor, complaint_id, data, now=await tx.now())
        return await _seen(tx, actor, complaint_id)

    @post("/{complaint_id:uuid}/offers", opt={"allow": "complaints.answer"}, summary="Make an offer")
    async def offer(self, complaint_id: CaseId, data: JSONBody[NewOffer], tx: TxOf, actor: ActorOf) -> ComplaintView:
        """Offer a refund or a part of it. A new offer takes the place of the one that is open."""
        await actions.make_offer(tx, actor, complaint_id, data, now=await tx.now())
        return await _seen(tx, actor, complaint_id)

    @post(
        "/{complaint_id:uuid}/offers/{offer_id:uuid}/acceptance",
        opt={"allow": "complaints.decide_offer"},
        summary="Accept an offer",
        status_code=200,
    )
    async def accept(self, complaint_id: CaseId, offer_id: FromPath[UUID], tx: TxOf, actor: ActorOf) -> ComplaintView:
        """Accept: the case ends and the money moves at once."""
        await actions.accept_offer(tx, actor, complaint_id, offer_id, now=await tx.now())
        return await _seen(tx, actor, complaint_id)

    @post(
        "/{complaint_id:uuid}/offers/{offer_id:uuid}/refusal",
        opt={"allow": "complaints.decide_offer"},
        summary="Refuse an offer",
        status_code=200,
    )
    async def refuse(self, complaint_id: CaseId, offer_id: FromPath[UUID], tx: TxOf, actor: ActorOf) -> ComplaintView:
        """Refuse: you then have time to ask a mediator."""
        await actions.refuse_offer(tx, actor, complaint_id, offer_id, now=await tx.now())
        return await _seen(tx, actor, complaint_id)

    @post("/{complaint_id:uuid}/withdrawal", opt={"allow": "complaints.withdraw"}, summary="Withdraw", status_code=200)
    async def withdraw(self, complaint_id: CaseId, tx: TxOf, actor: ActorOf) -> ComplaintView:
        """Take the complaint back: its freeze is lifted and the window runs on."""
        await actions.withdraw(tx, actor, complaint_id, now=await tx.now())
        return await _seen(tx, actor, complaint_id)

    @get("/{complaint_id:uuid}/timeline", opt={"allow": "complaints.read"}, summary="What happened")
    async def timeline(self, complaint_id: CaseId, tx: TxOf, actor: ActorOf) -> list[CaseEvent]:
        """Get the events of the case, its order, its held payment and its dispute, as your side may know them."""
        return await queries.case_timeline(tx, actor, complaint_id)


class Evidence(Controller):
    """Photos and documents of a case. Everything is read through the service, and every view is recorded."""

    path = "/complaints/{complaint_id:uuid}/evidence"
    tags = ("Evidence",)
    dependencies = {  # noqa: RUF012 - Litestar reads it once
        "room": Provide(provide_room, sync_to_thread=False),
        "desk": Provide(provide_desk, sync_to_thread=False),
        "counter": Provide(provide_counter, sync_to_thread=False),
    }

    @get("/", opt={"allow": "complaints.read_evidence"}, summary="List evidence")
    async def listing(self, complaint_id: CaseId, tx: TxOf, actor: ActorOf) -> list[EvidenceView]:
        """List the files of a case in the order they came, with the SHA-256 of their received bytes."""
        return (await _seen(tx, actor, complaint_id)).evidence

    @post(
        "/",
        opt={"allow": "complaints.add_evidence", LATE_CLAIM: True},
        summary="Add evidence",
        request_max_body_size=evidence.UPLOAD_BYTES_MAX,
    )
    async def add(
        self, complaint_id: CaseId, data: MultipartBody[Upload], tx: TxOf, actor: ActorOf,
        claim: NamedDependency[Claim], desk: DeskOf, counter: CounterOf,
    ) -> list[EvidenceView]:  # fmt: skip
        """Add photos or PDFs (form field `files`, repeated). All are taken or, with the reason, none.

        A file that your side has put into the case before is not put there twice.
        """
        await claim.replay(desk.database)
        await counter.count("files", len(data.files))
        received = await evidence.take_in(desk, actor, complaint_id, contents(data.files))
        await claim.take()
        days = desk.settings.evidence_retention_days
        await evidence.attach(tx, actor, complaint_id, received, retention_days=days, now=await tx.now())
        return (await queries.get_complaint(tx, actor, complaint_id)).evidence

    @delete("/{file_id:uuid}", opt={"allow": "complaints.file"}, summary="Take a file out of a draft")
    async def remove(self, complaint_id: CaseId, file_id: FromPath[UUID], tx: TxOf, actor: ActorOf) -> None:
        """Take a file out of your draft; out of what was sent, nothing is taken. Doing it twice changes nothing."""
        await evidence.remove(tx, actor, complaint_id, file_id, now=await tx.now())

    @get("/{file_id:uuid}/view", opt={"allow": "complaints.read_evidence"}, summary="See a photo")
    async def view(
        self, complaint_id: CaseId, file_id: FromPath[UUID], actor: ActorOf, room: RoomOf
    ) -> Response[bytes]:
        """Get a photo as WebP of at most 2,048 pixels, without metadata. The view is recorded."""
        return await room.show(evidence.open_evidence, actor, complaint_id, file_id, Part.VIEW)

    @get("/{file_id:uuid}/thumbnail", opt={"allow": "complaints.read_evidence"}, summary="See a small photo")
    async def thumbnail(
        self, complaint_id: CaseId, file_id: FromPath[UUID], actor: ActorOf, room: RoomOf
    ) -> Response[bytes]:
        """Get a photo as WebP of at most 480 pixels, without metadata. The view is recorded."""
        return await room.show(evidence.open_evidence, actor, complaint_id, file_id, Part.THUMBNAIL)

    @get("/{file_id:uuid}/original", opt={"allow": "complaints.read_evidence"}, summary="Get an original")
    async def original(
        self, complaint_id: CaseId, file_id: FromPath[UUID], actor: ActorOf, room: RoomOf
    ) -> Response[bytes]:
        """Get the bytes as they were received, as whoever added them, a mediator or a regulator. It is recorded."""
        return await room.show(evidence.open_evidence, actor, complaint_id, file_id, Part.ORIGINAL)


HANDLERS = [Complaints, SafetyReports, Evidence, Readings, Similar, Challenges, Uploads, Keeping, show_matching]
