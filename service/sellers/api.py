"""JSON routes about sellers."""

from uuid import UUID

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.core.actor import Actor
from service.db.pages import LIMIT_DEFAULT, whole_list
from service.db.query_parameters import After, Limit, Search
from service.db.requests import Claim
from service.db.schemas import PageOf
from service.db.session import Tx
from service.escrow import queries as escrow
from service.escrow import schemas as money
from service.sellers import actions, queries
from service.sellers.schemas import (
    AgentView,
    NewAgent,
    NewDeposit,
    NewPayout,
    NewPayoutBlock,
    NewSeller,
    NewSuspension,
    SellerView,
    Suspension,
)


class Sellers(Controller):
    """Who sells."""

    path = "/sellers"
    tags = ("Sellers",)

    @post("/", opt={"allow": "sellers.register"}, summary="Register a seller")
    async def register(
        self, data: JSONBody[NewSeller], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> Response[SellerView]:
        """Register a shop, person or company; whoever does it acts for it from then on."""
        seller = await actions.register_seller(tx, actor, data, now=await tx.now())
        return Response(queries.view_of(seller), status_code=201, headers={"Location": f"/api/v1/sellers/{seller.id}"})

    @get("/", opt={"allow": "sellers.read"}, summary="List sellers")
    async def listing(
        self,
        tx: NamedDependency[Tx],
        q: Search = None,
        after: After = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> PageOf[SellerView]:
        """List sellers, the newest first; `q` finds words of a name in either language."""
        page = await queries.sellers_page(tx, search=q, after=after, limit=limit)
        return page.answer_of(queries.view_of)

    @get("/{seller_id:uuid}", opt={"allow": "sellers.read"}, summary="Get a seller")
    async def one(self, seller_id: FromPath[UUID], tx: NamedDependency[Tx]) -> SellerView:
        """Get one seller."""
        return queries.view_of(await queries.get_seller(tx, seller_id))

    @get("/{seller_id:uuid}/agents", opt={"allow": "sellers.read"}, summary="List a seller's agents")
    async def agents(self, seller_id: FromPath[UUID], tx: NamedDependency[Tx]) -> PageOf[AgentView]:
        """List who sells this seller's goods, one step down the tree."""
        await queries.get_seller(tx, seller_id)
        found = await queries.agents_of(tx, seller_id)
        return whole_list(queries.agent_view_of(link, agent) for link, agent in found)

    @post("/{seller_id:uuid}/agents", opt={"allow": "sellers.add_agent"}, summary="Add an agent")
    async def add_agent(
        self,
        seller_id: FromPath[UUID],
        data: JSONBody[NewAgent],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> Response[AgentView]:
        """Record that another seller sells this seller's goods."""
        link = await actions.add_agent(tx, actor, seller_id, data.agent_id, now=await tx.now())
        agent = await queries.get_seller(tx, data.agent_id)
        return Response(
            queries.agent_view_of(link, agent),
            status_code=201,
            headers={"Location": f"/api/v1/sellers/{seller_id}/agents"},
        )

    @get("/{seller_id:uuid}/suspension", opt={"allow": "sellers.read_suspension"}, summary="Is a seller suspended?")
    async def suspension(
        self, seller_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> Suspension:
        """Say whether a seller is suspended, why and since when."""
        return await queries.suspension_of(tx, actor, seller_id)

    @post("/{seller_id:uuid}/suspension", opt={"allow": "sellers.suspend"}, summary="Suspend a seller")
    async def suspend(
        self,
        seller_id: FromPath[UUID],
        data: JSONBody[NewSuspension],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> Response[Suspension]:
        """Let the seller take no orders and be paid nothing out until it is reinstated. Held payments go their way."""
        await actions.suspend_seller(tx, actor, seller_id, reason=data.reason, now=await tx.now())
        shown = await queries.suspension_of(tx, actor, seller_id)
        return Response(shown, status_code=201, headers={"Location": f"/api/v1/sellers/{seller_id}/suspension"})

    @delete("/{seller_id:uuid}/suspension", opt={"allow": "sellers.suspend"}, summary="Reinstate a seller")
    async def reinstate(
        self, seller_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> None:
        """End the suspension. Payouts that are blocked for another reason stay blocked."""
        await actions.reinstate_seller(tx, actor, seller_id, now=await tx.now())


class SellerMoney(Controller):
    """What a seller has, is paid and deposits."""

    path = "/sellers/{seller_id:uuid}"
    tags = ("Payouts",)

    @get("/balances", opt={"allow": "payouts.read"}, summary="A seller's balances")
    async def balances(
        self, seller_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> PageOf[money.Balance]:
        """List what a seller has earned, deposited, owes and has on its way, by currency."""
        await queries.get_seller(tx, seller_id)
        return whole_list(money.Balance.of(each) for each in await escrow.balances_of(tx, actor, seller_id))

    @post("/payouts", opt={"allow": "payouts.request"}, summary="Ask for a payout", status_code=202)
    async def pay_out(
        self,
        seller_id: FromPath[UUID],
        data: JSONBody[NewPayout],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        claim: NamedDependency[Claim],
    ) -> Response[money.Payout]:
        """Pay out what the seller has earned. What it owes is taken off first; the answer says what is sent.

        An `Idempotency-Key` asks for money once, for ever.
        """
        amount, now = data.amount.money(), await tx.now()
        payout_id = await actions.request_payout(tx, actor, seller_id, amount, key=claim.key, now=now)
        shown = money.Payout.of(await escrow.get_payout(tx, actor, payout_id))
        return Response(shown, status_code=202, headers={"Location": f"/api/v1/payouts/{payout_id}"})

    @get("/deposits", opt={"allow": "deposits.read"}, summary="List a seller's deposits")
    async def deposits(
        self,
        seller_id: FromPath[UUID],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        after: After = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> PageOf[money.Deposit]:
        """List what went into the deposit and out of it, the newest first."""
        await queries.get_seller(tx, seller_id)
        page = await escrow.deposits_page(tx, actor, seller_id, after=after, limit=limit)
        return page.answer_of(money.Deposit.of)

    @post("/deposits", opt={"allow": "deposits.move"}, summary="Pay a deposit, or ask for it back", status_code=202)
    async def deposit(
        self,
        seller_id: FromPath[UUID],
        data: JSONBody[NewDeposit],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        claim: NamedDependency[Claim],
    ) -> Response[money.Deposit]:
        """Take an amount from the seller into its deposit, or with `direction` "out" send it back.

        It stays while the seller owes anything or any of its held payments is frozen.
        """
        amount, now = data.amount.money(), await tx.now()
        moved_id = await actions.move_deposit(
            tx, actor, seller_id, amount, direction=data.direction, key=claim.key, now=now
        )
        shown = money.Deposit.of(await escrow.get_deposit(tx, actor, moved_id))
        return Response(shown, status_code=202, headers={"Location": f"/api/v1/sellers/{seller_id}/deposits"})

    @get("/payout-blocks", opt={"allow": "payouts.read_blocks"}, summary="List what blocks payouts")
    async def blocks(
        self, seller_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> PageOf[money.PayoutBlock]:
        """List why the seller is or was paid nothing out, the newest first. A freeze of the seller blocks as well."""
        await queries.get_seller(tx, seller_id)
        return whole_list(money.PayoutBlock.of(each) for each in await escrow.blocks_of(tx, actor, seller_id))

    @post("/payout-blocks", opt={"allow": "payouts.block"}, summary="Block payouts")
    async def block(
        self,
        seller_id: FromPath[UUID],
        data: JSONBody[NewPayoutBlock],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> Response[money.PayoutBlock]:
        """Pay the seller nothing out until the block is lifted. What is on its way goes on."""
        block_id = await actions.block_payouts(tx, actor, seller_id, reason=data.reason, now=await tx.now())
        found = await escrow.blocks_of(tx, actor, seller_id)
        shown = money.PayoutBlock.of(next(each for each in found if each.id == block_id))
        place = f"/api/v1/sellers/{seller_id}/payout-blocks/{block_id}"
        return Response(shown, status_code=201, headers={"Location": place})

    @delete("/payout-blocks/{block_id:uuid}", opt={"allow": "payouts.block"}, summary="Lift a block of payouts")
    async def lift(
        self,
        seller_id: FromPath[UUID],
        block_id: FromPath[UUID],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> None:
        """Lift a block; the row stays and says by whom and when. Lifting twice changes nothing."""
        await actions.lift_payout_block(tx, actor, seller_id, block_id, now=await tx.now())


HANDLERS = [Sellers, SellerMoney]
