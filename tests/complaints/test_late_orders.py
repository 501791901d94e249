"""A claim on an order that then is refunded because it never came: the money goes back once, and the claim closes."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from tests.complaints.conftest import Cases
from tests.conftest import Clock

CLAIM = {"amount_minor": 20_000, "currency": "CNY"}


async def test_an_unshipped_order_with_a_claim_on_a_part_is_refunded_wholly_and_the_claim_closes(
    cases: Cases, clock: Clock, drain: Callable[[], Awaitable[None]]
) -> None:
    order_id = await cases.order(batch=False)
    await cases.sql("UPDATE deadline SET due_at = due_at + interval '1 year' WHERE name <> 'ship_order' RETURNING 1")
    case = await cases.filed(order_id, claim=CLAIM)
    await cases.sql("UPDATE deadline SET due_at = due_at + interval '1 year' WHERE name <> 'ship_order' RETURNING 1")
    holds = await cases.sql("SELECT state FROM hold WHERE reference_id = :id ORDER BY id", id=order_id)
    assert sorted(each.state for each in holds) == ["awaiting_delivery", "awaiting_delivery", "divided"]
    clock.forward(timedelta(days=14, seconds=1))
    await drain()
    holds = await cases.sql("SELECT state FROM hold WHERE reference_id = :id", id=order_id)
    assert sorted(each.state for each in holds) == ["divided", "refunded", "refunded"]
    refunds = await cases.sql(
        "SELECT sum(amount_minor)::bigint, count(*) FROM payment WHERE kind = 'refund' AND reference_id = :id",
        id=order_id,
    )
    assert tuple(refunds[0]) == (48_000, 2)
    (order,) = await cases.sql('SELECT status, cancel_reason FROM "order" WHERE id = :id', id=order_id)
    assert tuple(order) == ("cancelled", "not_shipped")
    assert (await cases.get(f"/{case['id']}"))["status"] == "closed"
