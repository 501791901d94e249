"""JSON routes about photos with a one-time code."""

from dataclasses import dataclass
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, MultipartBody

from service.complaints import actions, challenges, queries
from service.complaints.challenge_schemas import ChallengeView, NewChallenge, NewJudgement
from service.core.actor import Actor
from service.core.errors import ensure
from service.db.requests import LATE_CLAIM, Claim
from service.db.session import Database, Tx
from service.files.images import ImageWorkshop
from service.files.posted import contents
from service.files.receiving import PHOTO_BYTES_MAX, receive_photos
from service.files.sealing import KeyRing
from service.files.store import Store
from service.settings import Settings

CaseId = FromPath[UUID]
ChallengeId = FromPath[UUID]
TxOf = NamedDependency[Tx]
ActorOf = NamedDependency[Actor]


@dataclass(frozen=True)
class PhotoUpload:
    """One photo of at most 20 MB: JPEG, PNG, WebP, HEIC or AVIF, judged by content."""

    photo: UploadFile


class Challenges(Controller):
    """Photos with a one-time code in the frame, which mediators ask a side for."""

    path = "/complaints/{complaint_id:uuid}/challenges"
    tags = ("Evidence",)

    @get("/", opt={"allow": "complaints.read_evidence"}, summary="List photos that were asked for")
    async def listing(self, complaint_id: CaseId, tx: TxOf, actor: ActorOf) -> list[ChallengeView]:
        """List what mediators asked for, the oldest first, as your side may see it."""
        case = await queries.get_complaint(tx, actor, complaint_id)
        await actions.record_view(tx, actor, case, now=await tx.now())
        return case.challenges

    @post("/", opt={"allow": "complaints.challenge"}, summary="Ask for a photo with a code")
    async def ask(
        self, complaint_id: CaseId, data: JSONBody[NewChallenge], tx: TxOf, actor: ActorOf
    ) -> Response[ChallengeView]:
        """Ask a side, as a mediator. They have 72 hours to open it, and then 15 minutes to send the photo."""
        made = await challenges.ask(tx, actor, complaint_id, data, now=await tx.now())
        location = f"/api/v1/complaints/{complaint_id}/challenges"
        view = await _seen(tx, actor, complaint_id, made.id)
        return Response(view, status_code=201, headers={"Location": location})

    @post(
        "/{challenge_id:uuid}/opening",
        opt={"allow": "complaints.answer_challenge"},
        summary="See the code",
        status_code=200,
    )
    async def open(self, complaint_id: CaseId, challenge_id: ChallengeId, tx: TxOf, actor: ActorOf) -> ChallengeView:
        """Get the code, as the side that was asked. The 15 minutes run from the first time."""
        await challenges.open_challenge(tx, actor, complaint_id, challenge_id, now=await tx.now())
        return await _seen(tx, actor, complaint_id, challenge_id)

    @post(
        "/{challenge_id:uuid}/photo",
        opt={"allow": "complaints.answer_challenge", LATE_CLAIM: True},
        summary="Send the photo",
        request_max_body_size=PHOTO_BYTES_MAX,
    )
    async def answer(  # noqa: PLR0913, PLR0917 - the framework fills a handler's parameters by name
        self, complaint_id: CaseId, challenge_id: ChallengeId, data: MultipartBody[PhotoUpload], tx: TxOf,
        actor: ActorOf, claim: NamedDependency[Claim], database: NamedDependency[Database],
        store: NamedDependency[Store], workshop: NamedDependency[ImageWorkshop], ring: NamedDependency[KeyRing],
        settings: NamedDependency[Settings],
    ) -> ChallengeView:  # fmt: skip
        """Send one photo (form field `photo`) with the code in the frame. A late one is refused, and recorded."""
        await claim.replay(database)
        key = await challenges.begin_answer(database, actor, complaint_id, challenge_id, ring=ring)
        (received,) = await receive_photos(store, workshop, key, contents([data.photo]), field="photo")
        await claim.take()
        days = settings.evidence_retention_days
        await challenges.answer(
            tx, actor, complaint_id, challenge_id, received, retention_days=days, now=await tx.now()
        )
        return await _seen(tx, actor, complaint_id, challenge_id)

    @post(
        "/{challenge_id:uuid}/judgement",
        opt={"allow": "complaints.challenge"},
        summary="Say whether the code is in the frame",
        status_code=200,
    )
    async def judge(
        self, complaint_id: CaseId, challenge_id: ChallengeId, data: JSONBody[NewJudgement], tx: TxOf, actor: ActorOf
    ) -> ChallengeView:
        """Record, as a mediator, what you see in the photo. It stays."""
        await challenges.judge(tx, actor, complaint_id, challenge_id, data.verdict, now=await tx.now())
        return await _seen(tx, actor, complaint_id, challenge_id)

    @post(
        "/{challenge_id:uuid}/withdrawal",
        opt={"allow": "complaints.challenge"},
        summary="Take it back",
        status_code=200,
    )
    async def withdraw(
        self, complaint_id: CaseId, challenge_id: ChallengeId, tx: TxOf, actor: ActorOf
    ) -> ChallengeView:
        """Take back, as a mediator, what was not answered yet."""
        await challenges.withdraw(tx, actor, complaint_id, challenge_id, now=await tx.now())
        return await _seen(tx, actor, complaint_id, challenge_id)


async def _seen(tx: Tx, actor: Actor, complaint_id: UUID, challenge_id: UUID) -> ChallengeView:
    """Return a challenge as its changer sees it now. The flush: the view is read from the database."""
    await tx.flush()
    case = await queries.get_complaint(tx, actor, complaint_id)
    found = next((each for each in case.challenges if each.id == challenge_id), None)
    ensure(found is not None, "who changes a challenge may see it")
    return found  # type: ignore[return-value]  # ensured above
