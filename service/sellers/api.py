"""JSON routes about sellers."""

from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.core.actor import Actor
from service.db.pages import LIMIT_DEFAULT, whole_list
from service.db.query_parameters import After, Limit, Search
from service.db.schemas import PageOf
from service.db.session import Tx
from service.sellers import actions, queries
from service.sellers.schemas import AgentView, NewAgent, NewSeller, SellerView


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


HANDLERS = [Sellers]
