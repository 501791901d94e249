"""JSON routes about held payments, and the provider's notices."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import MutableScopeHeaders
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from service.core.actor import Actor
from service.core.wire import BODY_BYTES_MAX, FAIRHOLD_NOW, format_instant
from service.db.hot import HOT
from service.db.pages import LIMIT_DEFAULT
from service.db.query_parameters import WORD_LENGTH_MAX, After, Limit, State
from service.db.schemas import MoneyView, PageOf
from service.db.session import Tx
from service.escrow import actions, hot, queries, schemas
from service.escrow.alerts import alerts_page
from service.escrow.queries import HoldView
from service.settings import Settings

_NOW = "fairhold_now"
Kind = Annotated[
    str | None, QueryParameter(name="kind", max_length=WORD_LENGTH_MAX, description="Only those of this kind.")
]


class Holds(Controller):
    """Held payments."""

    path = "/holds"
    tags = ("Holds",)

    @get("/", opt={"allow": "holds.read"}, summary="List held payments")
    async def listing(
        self,
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        in_state: State = None,
        is_frozen: FromQuery[bool | None] = None,
        seller_id: FromQuery[UUID | None] = None,
        batch_id: FromQuery[UUID | None] = None,
        after: After = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> PageOf[schemas.Hold]:
        """List the held payments that you may see, the newest first, with what is left of their windows."""
        page = await queries.holds_page(
            tx,
            actor,
            state=in_state,
            is_frozen=is_frozen,
            seller_id=seller_id,
            batch_id=batch_id,
            after=after,
            limit=limit,
        )
        return page.answer_of(lambda hold: schemas.Hold(**_shown(hold)))

    @get("/{hold_id:uuid}", opt={"allow": "holds.read"}, summary="Get a held payment")
    async def one(
        self, hold_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> schemas.HoldWithLedger:
        """Get one held payment with its ledger lines."""
        hold = await queries.get_hold(tx, actor, hold_id)
        lines = await queries.hold_ledger(tx, hold_id)
        return schemas.HoldWithLedger(**_shown(hold), ledger=[schemas.LedgerLine.of(line) for line in lines])


@get("/alerts", opt={"allow": "alerts.read"}, summary="List alerts", tags=["Alerts"])
async def alerts(
    tx: NamedDependency[Tx],
    actor: NamedDependency[Actor],
    is_live: Annotated[bool, QueryParameter(description="What is still wrong, or what was.")] = True,  # noqa: FBT002 - the route's default
    after: After = None,
    limit: Limit = LIMIT_DEFAULT,
) -> PageOf[schemas.Alert]:
    """List what somebody must look at, the newest first: what is still wrong, or with `is_live=false` what was.

    Supervisors see what concerns their tenants. While an alert with `stops_sweep` lives, no seller is paid.
    """
    page = await alerts_page(tx, actor, is_live=is_live, after=after, limit=limit)
    return page.answer_of(schemas.Alert.of)


class Payments(Controller):
    """What the provider was asked for."""

    path = "/payments"
    tags = ("Payments",)

    @get("/", opt={"allow": "payments.read"}, summary="List payments")
    async def listing(
        self,
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        kind: Kind = None,
        in_state: State = None,
        after: After = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> PageOf[schemas.Payment]:
        """List what the provider was asked for, the newest first: of your tenants, or all for operators."""
        page = await queries.payments_page(tx, actor, kind=kind, state=in_state, after=after, limit=limit)
        return page.answer_of(schemas.Payment.of)

    @get("/{payment_id:uuid}", opt={"allow": "payments.read"}, summary="Get a payment")
    async def one(
        self, payment_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> schemas.Payment:
        """Get one operation as it stands."""
        return schemas.Payment.of(await queries.get_payment(tx, actor, payment_id))

    @post(
        "/{payment_id:uuid}/retry", opt={"allow": "payments.retry"}, summary="Ask for a failed refund again",
        status_code=202,
    )  # fmt: skip
    async def retry(
        self, payment_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> Response[schemas.Payment]:
        """Ask the provider for a new refund in place of one that it refused for good; never two at once."""
        refund = await actions.retry_refund(tx, actor, payment_id, now=await tx.now())
        shown = schemas.Payment.of(await queries.get_payment(tx, actor, refund.id))
        return Response(shown, status_code=202, headers={"Location": f"/api/v1/payments/{refund.id}"})


class Payouts(Controller):
    """What goes out to sellers."""

    path = "/payouts"
    tags = ("Payouts",)

    @get("/", opt={"allow": "payouts.read"}, summary="List payouts")
    async def listing(
        self,
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        seller_id: FromQuery[UUID | None] = None,
        in_state: State = None,
        after: After = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> PageOf[schemas.Payout]:
        """List the payouts of your shops, or of all for operators, the newest first."""
        page = await queries.payouts_page(tx, actor, seller_id=seller_id, state=in_state, after=after, limit=limit)
        return page.answer_of(schemas.Payout.of)

    @get("/{payout_id:uuid}", opt={"allow": "payouts.read"}, summary="Get a payout")
    async def one(
        self, payout_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> schemas.Payout:
        """Get one payout as it stands."""
        return schemas.Payout.of(await queries.get_payout(tx, actor, payout_id))


class TellsTheTime:
    """Puts `Fairhold-Now` on every answer, refusals too, so that a sandbox with an old idea of it can sign again."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the header once the handler has read the time."""

        async def with_time(message: Message) -> None:
            if message["type"] == "http.response.start" and _NOW in scope["state"]:
                MutableScopeHeaders(message)[FAIRHOLD_NOW] = scope["state"][_NOW]
            await send(message)

        await self.app(scope, receive, with_time)


@post(
    "/inbound/gateway",
    opt={"allow": "gateway.receive_notice", HOT: hot.fund},
    summary="The payment provider's signed notice",
    tags=["Inbound"],
    status_code=202,
    middleware=[TellsTheTime],
    request_max_body_size=BODY_BYTES_MAX,
)
async def gateway_notice(
    request: Request[Any, Any, Any], tx: NamedDependency[Tx], settings: NamedDependency[Settings]
) -> schemas.Stored:
    """Store a notice as docs/gateway.md describes it, and apply it now or after the answer. A forged one is refused."""
    now = await tx.now()
    request.scope["state"][_NOW] = format_instant(now)
    body = await request.body()
    secret = settings.gateway_secret
    return schemas.Stored(await actions.store_notice(tx, headers=request.headers, body=body, secret=secret, now=now))


def _shown(hold: HoldView) -> dict[str, Any]:
    parts = hold.parts
    return {
        "id": hold.id,
        "tenant_id": hold.tenant_id,
        "order_id": hold.reference_id,
        "parent_hold_id": hold.parent_hold_id,
        "seller_id": hold.seller_id,
        "product_id": hold.product_id,
        "batch_id": hold.batch_id,
        "amount": MoneyView.of(hold.amount),
        "state": hold.state,
        "is_frozen": hold.is_frozen,
        "funded_at": hold.funded_at,
        "delivered_at": hold.delivered_at,
        "window_ends_at": hold.window_ends_at,
        "window_left_seconds": None if hold.window_left is None else int(hold.window_left.total_seconds()),
        "ended_at": hold.ended_at,
        "freezes": [schemas.Freeze(each.kind, each.source_id, each.at) for each in hold.freezes],
        "parts": None
        if parts is None
        else schemas.Parts(MoneyView.of(parts.buyer), MoneyView.of(parts.seller), MoneyView.of(parts.fee)),
    }


HANDLERS = [Holds, Payments, Payouts, alerts, gateway_notice]
