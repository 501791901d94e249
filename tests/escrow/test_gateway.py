"""Captures and refunds against the sandbox provider, a process of its own that misbehaves on request."""

import json
from datetime import timedelta
from uuid import UUID

from service.core.ids import new_id
from service.core.money import Money
from service.core.wire import Kind, MoneyNotice, MoneyRequest, encode
from service.db.session import Database
from service.deadlines.actions import fire_due
from service.escrow import jobs
from service.escrow.actions.notices import apply_notice, store_notice
from service.escrow.gateway import HttpGateway, Known
from service.escrow.jobs import money_request
from service.escrow.tables import Payment
from tests.conftest import Clock
from tests.escrow.asking import carry_out, provider_knows, switch
from tests.escrow.world import World
from tests.sandbox.running import SECRET, Sandbox, sign_message


async def test_a_capture_that_is_done_funds_the_hold_once(world: World, sandbox: Sandbox, gateway: HttpGateway) -> None:
    payment_id = await world.request(Money(36_000, "CNY"))
    for _ in range(3):
        assert await carry_out(world, gateway, payment_id) == "done"
    assert await world.balances() == {"gateway": -36_000, "held": 36_000}
    assert await provider_knows(world, sandbox) == [("capture", "done", 36_000)]
    await world.assert_clean()


async def test_a_refused_capture_fails_and_funds_nothing(world: World, sandbox: Sandbox, gateway: HttpGateway) -> None:
    await switch(world, sandbox, refuse_next=1)
    payment_id = await world.request(Money(36_000, "CNY"))
    assert await carry_out(world, gateway, payment_id) == "failed"
    assert await world.value("SELECT reason FROM payment") == "refused"
    assert await world.balances() == {}
    assert await world.value("SELECT count(*) FROM event WHERE name = 'payment.failed'") == 1


async def test_no_answer_after_the_work_was_done_is_unknown_then_done_once(
    world: World, sandbox: Sandbox, gateway: HttpGateway, clock: Clock
) -> None:
    await switch(world, sandbox, time_out_after_work=1)
    payment_id = await world.request(Money(36_000, "CNY"))
    assert await carry_out(world, gateway, payment_id) == "unknown"
    assert await world.balances() == {}
    clock.forward(timedelta(seconds=3))
    async with world.database.begin() as tx:
        assert await fire_due(tx, now=await tx.now()) == 1
    queued = await world.value("SELECT args FROM procrastinate_jobs WHERE task_name = 'escrow.ask_payment'")
    await jobs.carry_out(queued, database=world.database, gateway=gateway)
    assert await world.value("SELECT state FROM payment") == "done"
    assert await world.balances() == {"gateway": -36_000, "held": 36_000}
    assert await provider_knows(world, sandbox) == [("capture", "done", 36_000)]
    await world.assert_clean()


async def test_a_provider_that_is_down_is_asked_again_with_the_same_key(
    world: World, sandbox: Sandbox, gateway: HttpGateway
) -> None:
    await switch(world, sandbox, down=True)
    payment_id = await world.request(Money(36_000, "CNY"))
    for _ in range(2):
        assert await carry_out(world, gateway, payment_id) == "unknown"
    await switch(world, sandbox, down=False)
    assert await carry_out(world, gateway, payment_id) == "done"  # the provider never took it: sent again
    assert await provider_knows(world, sandbox) == [("capture", "done", 36_000)]


async def test_a_refund_goes_out_once_and_leaves_the_ledger_when_done(
    world: World, sandbox: Sandbox, gateway: HttpGateway
) -> None:
    payment_id = await world.request(Money(10_000, "CNY"))
    await carry_out(world, gateway, payment_id)
    hold_id = await world.value("SELECT id FROM hold")
    await world.deliver(hold_id)
    source_id = new_id()
    claimed_id = await world.claim(hold_id, 4_000, source_id)
    await world.settle(claimed_id, 1_500, source_id)
    refund_id = await world.value("SELECT id FROM payment WHERE kind = 'refund'")
    queued = await world.value("SELECT args FROM procrastinate_jobs WHERE task_name = 'escrow.send_refund'")
    assert queued == {"payment_id": str(refund_id)}
    for _ in range(2):
        assert await carry_out(world, gateway, refund_id) == "done"
    assert await world.balances() == {"gateway": -8_500, "held": 6_000, "payable": 2_425, "fees": 75}
    assert await provider_knows(world, sandbox) == [("capture", "done", 10_000), ("refund", "done", 1_500)]
    await world.assert_clean()


async def test_a_wrong_secret_or_a_dead_address_teaches_nothing(
    world: World, sandbox: Sandbox, database: Database
) -> None:
    payment_id = await world.request(Money(100, "CNY"))
    async with database.begin() as tx:
        payment = await tx.get(Payment, payment_id)
        now = await tx.now()
    assert payment is not None
    for url, secret in (
        (f"http://127.0.0.1:{sandbox.port}/provider", "whsec_" + "A" * 32),
        ("http://127.0.0.1:9/provider", SECRET),
        (f"http://127.0.0.1:{sandbox.port}/nothing", SECRET),
    ):
        stranger = HttpGateway(url, secret)
        assert (await stranger.capture(money_request(payment), now=now)).known is Known.UNKNOWN
        await stranger.close()


async def notice(world: World, payment_id: UUID, state: str, amount_minor: int = 36_000) -> bytes:
    """Return a notice's body."""
    at = str(await world.value("SELECT fairhold_now()"))
    return encode(
        MoneyNotice(f"nt_{new_id()}", "capture", str(payment_id), state, amount_minor, "CNY", at)  # type: ignore[arg-type]  # as it is on the wire
    )


async def store(world: World, body: bytes, notice_id: str) -> bool:
    """Store a rightly signed notice."""
    async with world.database.begin() as tx:
        now = await tx.now()
        headers = sign_message(SECRET, notice_id, body, now=now)
        return await store_notice(tx, headers=headers, body=body, secret=SECRET, now=now)


async def apply(world: World, notice_id: str) -> str:
    """Apply a stored notice and return its outcome."""
    async with world.database.begin() as tx:
        await apply_notice(tx, notice_id, now=await tx.now())
    return str(await world.value("SELECT outcome FROM gateway_notice WHERE id = :id", id=notice_id))


async def test_notices_that_come_twice_or_in_the_wrong_order_have_one_effect(world: World) -> None:
    payment_id = await world.request(Money(36_000, "CNY"))
    outcomes = []
    for state, amount in (("done", 36_000), ("pending", 36_000), ("done", 36_000), ("failed", 36_000)):
        body = await notice(world, payment_id, state, amount)
        notice_id = json.loads(body)["id"]
        assert await store(world, body, notice_id)
        assert not await store(world, body, notice_id)
        outcomes.append(await apply(world, notice_id))
        await apply(world, notice_id)
    assert outcomes == ["applied", "no_change", "no_change", "no_change"]
    assert await world.balances() == {"gateway": -36_000, "held": 36_000}


async def test_a_notice_of_another_amount_or_of_nothing_we_asked_for_moves_nothing(world: World) -> None:
    payment_id = await world.request(Money(36_000, "CNY"))
    for about, amount, outcome in ((payment_id, 35_999, "differs"), (new_id(), 36_000, "unknown_payment")):
        body = await notice(world, about, "done", amount)
        notice_id = json.loads(body)["id"]
        assert await store(world, body, notice_id)
        assert await apply(world, notice_id) == outcome
    assert await world.balances() == {}
    assert await world.value("SELECT state FROM payment") == "requested"


async def test_the_statement_is_read_page_by_page_and_gone_on_with(
    world: World, sandbox: Sandbox, gateway: HttpGateway
) -> None:
    async with world.database.begin() as tx:
        now = await tx.now()
    await gateway.status(Kind.CAPTURE, MoneyRequest("nothing", 1, "CNY", "-", payer="-"), now=now)  # tells the time
    empty = await gateway.statement(0, now=now)
    assert empty is not None
    assert (list(empty.lines), empty.last, empty.is_last_page) == ([], None, True)
    first = await world.request(Money(36_000, "CNY"))
    await carry_out(world, gateway, first)
    told = await gateway.statement(0, now=now)
    assert told is not None
    assert [(line.kind, line.client_id, line.state, line.amount_minor) for line in told.lines] == [
        ("capture", str(first), "done", 36_000)
    ]
    assert (told.last, told.is_last_page) == (1, True)
    second = await world.request(Money(500, "JPY"))
    await carry_out(world, gateway, second)
    more = await gateway.statement(1, now=now)
    assert more is not None
    assert ([line.client_id for line in more.lines], more.last) == ([str(second)], 2)
    await switch(world, sandbox, down=True)
    assert await gateway.statement(2, now=now) is None
