"""JSON routes about signals."""

from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from service.core.actor import Actor
from service.db.pages import LIMIT_DEFAULT
from service.db.query_parameters import After, Limit, State
from service.db.schemas import PageOf
from service.db.session import Tx
from service.recalls import actions, queries
from service.recalls.schemas import NewConfirmation, NewLift, SignalView


class Signals(Controller):
    """Batches whose complaints are more than their base rate explains."""

    path = "/signals"
    tags = ("Signals",)

    @get("/", opt={"allow": "signals.read"}, summary="List signals")
    async def listing(
        self,
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        in_state: State = None,
        open: FromQuery[bool] = False,  # noqa: A002, FBT002 - the name in the address
        batch_id: FromQuery[UUID | None] = None,
        after: After = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> PageOf[SignalView]:
        """List the signals that you may see, the newest first. Sellers see counts about their own batches."""
        page = await queries.signals_page(
            tx, actor, state=in_state, is_open=open, batch_id=batch_id, after=after, limit=limit
        )
        return page.answer()

    @get("/{signal_id:uuid}", opt={"allow": "signals.read"}, summary="Get a signal")
    async def one(
        self, signal_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> SignalView:
        """Get one signal with its numbers, its deadline and what you may do."""
        return await queries.get_signal(tx, actor, signal_id)

    @post("/{signal_id:uuid}/confirmation", opt={"allow": "signals.decide"}, summary="Confirm a freeze")
    async def confirm(
        self,
        signal_id: FromPath[UUID],
        data: JSONBody[NewConfirmation],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> SignalView:
        """Say that the freeze is right: it stays for its whole time instead of lifting after 48 hours."""
        await actions.confirm(tx, actor, signal_id, explanation=data.explanation, now=await tx.now())
        return await _seen(tx, actor, signal_id)

    @post("/{signal_id:uuid}/lift", opt={"allow": "signals.decide"}, summary="Lift a freeze")
    async def lift(
        self,
        signal_id: FromPath[UUID],
        data: JSONBody[NewLift],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> SignalView:
        """End the freeze for a published reason; the windows of the held payments resume."""
        await actions.lift(tx, actor, signal_id, reason=data.reason, explanation=data.explanation, now=await tx.now())
        return await _seen(tx, actor, signal_id)


async def _seen(tx: Tx, actor: Actor, signal_id: UUID) -> SignalView:
    await tx.flush()  # the view is read from the database
    return await queries.get_signal(tx, actor, signal_id)


HANDLERS = [Signals]
