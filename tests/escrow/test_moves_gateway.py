"""Payouts, deposits and chargebacks against the sandbox provider, a process of its own that misbehaves on request."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from service.core.money import Money
from service.deadlines.actions import fire_due
from service.escrow import actions, jobs
from service.escrow.actions.notices import apply_notice, store_notice
from service.escrow.gateway import HttpGateway
from tests.conftest import Clock
from tests.escrow.asking import carry_out, provider_knows, switch
from tests.escrow.moves import OPERATOR, Moves
from tests.sandbox.running import SECRET, Listener, Sandbox


async def ask_again(moves: Moves, gateway: HttpGateway, clock: Clock) -> None:
    """Let the promise to ask the provider again fall due, and run its job."""
    clock.forward(timedelta(seconds=3))
    async with moves.world.database.begin() as tx:
        assert await fire_due(tx, now=await tx.now()) == 1
    queued = await moves.world.value("SELECT args FROM procrastinate_jobs WHERE task_name = 'escrow.ask_payment'")
    await jobs.carry_out(queued, database=moves.world.database, gateway=gateway)


async def test_a_payout_without_an_answer_is_asked_for_again_and_paid_once(
    moves: Moves, sandbox: Sandbox, gateway: HttpGateway, clock: Clock
) -> None:
    await moves.earn(10_000)
    payout = await moves.pay_out(9_700)
    await switch(moves.world, sandbox, time_out_after_work=1)
    assert await carry_out(moves.world, gateway, payout) == "unknown"
    assert await moves.world.balances() == {"gateway": -10_000, "fees": 300, "payouts": 9_700}
    await ask_again(moves, gateway, clock)
    assert await moves.world.balances() == {"gateway": -300, "fees": 300}
    assert await provider_knows(moves.world, sandbox) == [("payout", "done", 9_700)]
    await moves.world.assert_clean()


async def test_a_payout_that_never_arrived_is_sent_again_under_its_key(
    moves: Moves, sandbox: Sandbox, gateway: HttpGateway
) -> None:
    await moves.earn(10_000)
    payout = await moves.pay_out(9_700)
    await switch(moves.world, sandbox, down=True)
    for _ in range(2):
        assert await carry_out(moves.world, gateway, payout) == "unknown"
    await switch(moves.world, sandbox, down=False)
    for _ in range(3):
        assert await carry_out(moves.world, gateway, payout) == "done"
    assert await provider_knows(moves.world, sandbox) == [("payout", "done", 9_700)]


async def test_a_refused_payout_is_back_and_a_refused_deposit_never_was(
    moves: Moves, sandbox: Sandbox, gateway: HttpGateway
) -> None:
    await moves.earn(10_000)
    await moves.deposit(5_000)
    await switch(moves.world, sandbox, refuse_next=2)
    assert await carry_out(moves.world, gateway, await moves.pay_out(9_700)) == "failed"
    assert await carry_out(moves.world, gateway, await moves.withdraw(5_000)) == "failed"
    assert await moves.world.balances() == {"gateway": -15_000, "fees": 300, "payable": 9_700, "deposit": 5_000}
    assert await carry_out(moves.world, gateway, await moves.withdraw(5_000)) == "done"
    await moves.world.assert_clean()


async def test_a_deposit_is_captured_from_the_seller_once(moves: Moves, sandbox: Sandbox, gateway: HttpGateway) -> None:
    async with moves.world.database.begin() as tx:
        asked = await actions.request_deposit(
            tx, OPERATOR, moves.world.seller_id, Money(5_000, "KWD"), now=await tx.now()
        )
    for _ in range(2):
        assert await carry_out(moves.world, gateway, asked.id) == "done"
    assert await provider_knows(moves.world, sandbox) == [("capture", "done", 5_000)]
    assert await moves.world.balances("KWD") == {"gateway": -5_000, "deposit": 5_000}


async def test_the_providers_own_chargeback_notice_is_applied_once(moves: Moves, tmp_path: Path) -> None:
    world, listener = moves.world, Listener()
    sandbox = Sandbox(tmp_path / "sandbox", listener.url)
    gateway = HttpGateway(f"http://127.0.0.1:{sandbox.port}/provider", SECRET)
    payment_id = await world.request(Money(10_000, "CNY"))
    await carry_out(world, gateway, payment_id)
    body = json.dumps({"chargeback": "cb_1", "amount_minor": 2_500, "reason": "not_received"}).encode()
    path = f"/provider/v1/captures/{payment_id}/chargebacks"
    answer = sandbox.call("POST", path, body, now=await world.value("SELECT fairhold_now()"))
    assert answer.status_code == 201, answer.text
    heard = next(each for each in listener.wait_for(2) if each.json["kind"] == "chargeback")
    for is_new in (True, False):
        async with world.database.begin() as tx:
            now = await tx.now()
            stored = await store_notice(tx, headers=heard.headers, body=heard.body, secret=SECRET, now=now)
            assert stored == is_new
    for _ in range(2):
        async with world.database.begin() as tx:
            await apply_notice(tx, heard.json["id"], now=await tx.now())
    assert await world.balances() == {"gateway": -7_500, "held": 7_500}
    assert UUID(heard.json["client_id"]) == payment_id
    await world.assert_clean()
    await gateway.close()
    sandbox.close()
    listener.close()
