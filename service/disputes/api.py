"""JSON routes about disputes, and escalation, which makes one of a complaint."""

from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from service.core.actor import Actor
from service.db.pages import LIMIT_DEFAULT
from service.db.query_parameters import After, Limit, State
from service.db.schemas import PageOf
from service.db.session import Tx
from service.disputes import actions, queries
from service.disputes.schemas import DisputeView, NewAssignment, NewRuling


@post(
    "/complaints/{complaint_id:uuid}/escalation",
    opt={"allow": "disputes.escalate"},
    summary="Ask for a mediator",
    tags=["Disputes"],
)
async def escalate(
    complaint_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Response[DisputeView]:
    """Put a claim before a mediator, after the seller refused or an offer was refused."""
    dispute = await actions.escalate(tx, actor, complaint_id, now=await tx.now())
    view = await queries.get_dispute(tx, actor, dispute.id)
    return Response(view, status_code=201, headers={"Location": f"/api/v1/disputes/{dispute.id}"})


class Disputes(Controller):
    """Claims that mediators decide."""

    path = "/disputes"
    tags = ("Disputes",)

    @get("/", opt={"allow": "disputes.read"}, summary="List disputes")
    async def listing(
        self,
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        in_state: State = None,
        mine: FromQuery[bool] = False,  # noqa: FBT002 - a query parameter
        open: FromQuery[bool] = False,  # noqa: A002, FBT002 - the name in the address
        after: After = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> PageOf[DisputeView]:
        """List the disputes that you may see, the oldest first."""
        page = await queries.disputes_page(
            tx, actor, state=in_state, is_mine=mine, is_open=open, after=after, limit=limit
        )
        return page.answer()

    @get("/{dispute_id:uuid}", opt={"allow": "disputes.read"}, summary="Get a dispute")
    async def one(
        self, dispute_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> DisputeView:
        """Get one dispute with its ruling and what you may do."""
        return await queries.get_dispute(tx, actor, dispute_id)

    @post("/{dispute_id:uuid}/assignment", opt={"allow": "disputes.assign"}, summary="Take or give out a dispute")
    async def assign(
        self,
        dispute_id: FromPath[UUID],
        data: JSONBody[NewAssignment],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> DisputeView:
        """Take a dispute; a supervisor may give it to another mediator of the tenant."""
        await actions.assign(tx, actor, dispute_id, data.mediator_id, now=await tx.now())
        return await _seen(tx, actor, dispute_id)

    @post("/{dispute_id:uuid}/ruling", opt={"allow": "disputes.rule"}, summary="Rule")
    async def rule(
        self,
        dispute_id: FromPath[UUID],
        data: JSONBody[NewRuling],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> DisputeView:
        """Decide what the buyer gets back of what is held, with reasons that both sides read."""
        await actions.rule(tx, actor, dispute_id, data, now=await tx.now())
        return await _seen(tx, actor, dispute_id)

    @post("/{dispute_id:uuid}/acceptance", opt={"allow": "disputes.accept"}, summary="Accept the ruling")
    async def accept(
        self, dispute_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> DisputeView:
        """Accept the ruling for your side; when both sides have, the money moves."""
        await actions.accept(tx, actor, dispute_id, now=await tx.now())
        return await _seen(tx, actor, dispute_id)


async def _seen(tx: Tx, actor: Actor, dispute_id: UUID) -> DisputeView:
    await tx.flush()  # the view is read from the database
    return await queries.get_dispute(tx, actor, dispute_id)


HANDLERS = [escalate, Disputes]
