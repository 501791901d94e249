"""A provider that fails in every way it can: one effect each, and the ledger's balances to the minor unit."""

from datetime import timedelta
from uuid import UUID

import pytest

from service.core.ids import new_id
from service.core.money import Money
from service.core.signatures import sign_message
from service.escrow.tables import Payment
from service.jobs.queue import enqueue
from tests.escrow.faults.provider import INBOUND, Provider
from tests.escrow.test_gateway import notice
from tests.sandbox.running import SECRET

AMOUNT = 36_000
HELD = {"gateway": -AMOUNT, "held": AMOUNT}


async def captured_once(provider: Provider, payment_id: UUID) -> None:
    """The capture is done on both sides, once, and nothing else has happened."""
    assert await provider.state(payment_id) == "done"
    assert await provider.world.balances() == HELD
    assert await provider.world.value("SELECT count(*) FROM hold") == 1
    assert await provider.books() == [("capture", str(payment_id), AMOUNT)]
    await provider.world.assert_clean()


async def nothing_moved(provider: Provider, payment_id: UUID, state: str) -> None:
    """The payment is where it was, and no account has changed."""
    assert await provider.state(payment_id) == state
    assert await provider.world.balances() == {}
    assert await provider.world.value("SELECT count(*) FROM hold") == 0


async def test_no_answer_after_the_work_is_unknown_until_it_is_asked_for(provider: Provider) -> None:
    await provider.switch(time_out_after_work=1)
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    await nothing_moved(provider, payment_id, "unknown")
    await provider.ask_again()
    await captured_once(provider, payment_id)
    (late,) = provider.told(1)
    assert (await provider.carry(late)).status_code == 401  # it is ten minutes old by now
    assert await provider.outcomes() == []
    await captured_once(provider, payment_id)


async def test_no_answer_after_the_work_and_the_notice_comes_first(provider: Provider) -> None:
    await provider.switch(time_out_after_work=1)
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    assert await provider.state(payment_id) == "unknown"
    assert (await provider.carry(provider.told(1)[0])).status_code == 202
    await provider.work()
    await captured_once(provider, payment_id)
    await provider.ask_again()
    await captured_once(provider, payment_id)


async def test_a_failure_before_the_work_is_sent_again_with_the_same_key(provider: Provider) -> None:
    await provider.switch(fail_next=1)
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    await nothing_moved(provider, payment_id, "unknown")
    assert await provider.books() == []
    await provider.ask_again()
    await captured_once(provider, payment_id)


async def test_a_failure_after_the_work_is_not_sent_again(provider: Provider) -> None:
    await provider.switch(fail_after_work=1)
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    await nothing_moved(provider, payment_id, "unknown")
    await provider.ask_again()
    await captured_once(provider, payment_id)


async def test_a_refusal_is_final_and_moves_nothing(provider: Provider) -> None:
    await provider.switch(refuse_next=1)
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    await nothing_moved(provider, payment_id, "failed")
    await provider.ask_again()
    await nothing_moved(provider, payment_id, "failed")
    assert await provider.books() == []


async def test_doubles_are_stored_once_and_have_one_effect(provider: Provider) -> None:
    await provider.switch(duplicate_notices=True, time_out_after_work=1)
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    answers = [await provider.carry(each) for each in provider.told(2)]
    assert [each.json() for each in answers] == [{"is_new": True}, {"is_new": False}]
    await provider.work()
    assert await provider.outcomes() == ["applied"]
    await captured_once(provider, payment_id)


async def test_the_end_told_before_the_beginning_is_the_end(provider: Provider) -> None:
    await provider.switch(reorder_notices=True, delay_ms=100)
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    await nothing_moved(provider, payment_id, "requested")
    first, second = provider.told(2)
    assert [first.json["state"], second.json["state"]] == ["done", "pending"]
    for each in (first, second):
        assert (await provider.carry(each)).status_code == 202
        await provider.work()
    assert await provider.outcomes() == ["applied", "no_change"]
    await captured_once(provider, payment_id)


async def test_a_delayed_capture_whose_notices_are_lost_is_asked_for(provider: Provider) -> None:
    await provider.switch(drop_notices=True, delay_ms=50)
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    await nothing_moved(provider, payment_id, "requested")
    await provider.ask_again()
    await captured_once(provider, payment_id)
    assert provider.listener.heard == []


async def test_a_provider_killed_after_the_work_and_before_the_answer_did_it_once(provider: Provider) -> None:
    await provider.switch(time_out_after_work=1)
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    provider.sandbox.kill()
    await provider.ask_again()
    await nothing_moved(provider, payment_id, "unknown")
    provider.sandbox.start()
    await provider.ask_again()
    await captured_once(provider, payment_id)


async def test_a_provider_that_was_down_gets_the_capture_with_the_same_key(provider: Provider) -> None:
    provider.sandbox.kill()
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    await nothing_moved(provider, payment_id, "unknown")
    provider.sandbox.start()
    await provider.ask_again()
    await captured_once(provider, payment_id)


async def test_a_provider_restarted_while_a_capture_is_pending_ends_it_once(provider: Provider) -> None:
    await provider.switch(delay_ms=300)
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    await nothing_moved(provider, payment_id, "requested")
    provider.sandbox.kill()
    provider.sandbox.start()
    states = set()
    while "done" not in states:
        for told in provider.told(1):
            states.add(told.json["state"])
            assert (await provider.carry(told)).status_code == 202
        await provider.work()
    await captured_once(provider, payment_id)


@pytest.mark.parametrize(
    ("switch", "code"), [("forge_notices", "signature_wrong"), ("stale_notices", "signature_stale")]
)
async def test_forged_and_stale_notices_are_refused_and_nothing_is_stored(
    provider: Provider, switch: str, code: str
) -> None:
    await provider.switch(time_out_after_work=1, **{switch: True})
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    answer = await provider.carry(provider.told(1)[0])
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    await provider.work()
    assert await provider.outcomes() == []
    await nothing_moved(provider, payment_id, "unknown")
    await provider.ask_again()
    await captured_once(provider, payment_id)


async def test_an_unsigned_notice_is_refused_and_not_stored(provider: Provider) -> None:
    await provider.switch(delay_ms=600_000)
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    answer = await provider.client.post(INBOUND, content=await notice(provider.world, payment_id, "done"))
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_missing")
    await provider.work()
    assert await provider.outcomes() == []
    await nothing_moved(provider, payment_id, "requested")


async def test_a_notice_of_another_amount_is_kept_and_moves_nothing(provider: Provider) -> None:
    await provider.switch(wrong_notices=True, time_out_after_work=1)
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    assert (await provider.carry(provider.told(1)[0])).status_code == 202
    await provider.work()
    assert await provider.outcomes() == ["differs"]
    await nothing_moved(provider, payment_id, "unknown")
    await provider.ask_again()
    await captured_once(provider, payment_id)


async def test_a_notice_of_another_currency_or_kind_or_payment_moves_nothing(provider: Provider) -> None:
    await provider.switch(delay_ms=600_000)
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    body = await notice(provider.world, payment_id, "done")
    for change in ((b'"CNY"', b'"JPY"'), (b'"capture"', b'"refund"'), (str(payment_id).encode(), b"no-such-payment")):
        notice_id = f"nt_{new_id()}"
        wrong = body.replace(*change).replace(body.split(b'"')[3], notice_id.encode(), 1)
        headers = sign_message(SECRET, notice_id, wrong, now=await provider.now())
        assert (await provider.client.post(INBOUND, content=wrong, headers=headers)).status_code == 202
        await provider.work()
    assert await provider.outcomes() == ["differs", "differs", "unknown_payment"]
    await nothing_moved(provider, payment_id, "requested")


async def test_an_answer_about_another_operation_teaches_nothing(provider: Provider) -> None:
    await provider.switch(wrong_answers=2)
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    await nothing_moved(provider, payment_id, "unknown")
    await provider.ask_again()
    await nothing_moved(provider, payment_id, "unknown")
    await provider.ask_again()
    await captured_once(provider, payment_id)


async def test_an_old_message_replayed_changes_nothing(provider: Provider) -> None:
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    (told,) = provider.told(1)
    answers = []
    for pause in (timedelta(0), timedelta(seconds=200), timedelta(seconds=200), timedelta(days=40)):
        provider.clock.forward(pause)
        answer = await provider.carry(told)
        answers.append((answer.status_code, answer.json().get("is_new"), answer.json().get("code")))
        await provider.work()
    stale = (401, None, "signature_stale")
    assert answers == [(202, True, None), (202, False, None), stale, stale]
    assert await provider.outcomes() == ["no_change"]
    await captured_once(provider, payment_id)


async def test_a_key_that_was_used_with_another_body_is_asked_about_and_not_taken_for_a_failure(
    provider: Provider,
) -> None:
    """The worker died between sending and recording, and meanwhile a buyer claimed the order: the payer differs."""
    await provider.switch(time_out_after_work=1)
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    async with provider.world.database.begin() as tx:
        payment = await tx.get(Payment, payment_id)
        assert payment is not None
        payment.buyer_id, payment.asked_count, payment.state = new_id(), 0, "requested"
        await enqueue(tx, "escrow.capture_payment", {"payment_id": str(payment_id)})
    await provider.work()
    await nothing_moved(provider, payment_id, "unknown")
    await provider.ask_again()
    await captured_once(provider, payment_id)


@pytest.mark.parametrize(
    "switches", [{"time_out_after_work": 1}, {"fail_after_work": 1}, {"fail_next": 1}, {"wrong_answers": 1}]
)
async def test_a_refund_in_doubt_goes_out_once(provider: Provider, switches: dict[str, int]) -> None:
    payment_id = await provider.world.request(Money(AMOUNT, "CNY"))
    await provider.work()
    await captured_once(provider, payment_id)
    await provider.switch(**switches)
    await provider.world.refund(await provider.world.value("SELECT id FROM hold"))
    await provider.work()
    refund_id = await provider.world.value("SELECT id FROM payment WHERE kind = 'refund'")
    assert await provider.state(refund_id) == "unknown"
    assert await provider.world.balances() == {"gateway": -AMOUNT, "refunds": AMOUNT}
    for _ in range(2):
        await provider.ask_again()
        assert await provider.state(refund_id) == "done"
        assert await provider.world.balances() == {}
    assert await provider.books() == [("capture", str(payment_id), AMOUNT), ("refund", str(refund_id), AMOUNT)]
    await provider.world.assert_clean()
