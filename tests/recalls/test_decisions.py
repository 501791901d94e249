"""People confirm or lift a freeze; time lifts it too; then it takes three new buyers."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from service.core.actor import COMMONS, Role
from tests.recalls.street import Street
from tests.world import Account, Whose

Drain = Callable[[], Awaitable[None]]


async def frozen(street: Street, buyers: int = 3) -> str:
    """Freeze the street's batch and return the signal's id."""
    for _ in range(buyers):
        await street.complains()
    assert await street.evaluate() == "preliminary"
    ((signal_id,),) = await street.sql("SELECT id FROM signal WHERE state = 'preliminary'")
    return str(signal_id)


async def post(client: httpx.AsyncClient, by: Account, signal_id: str, verb: str, body: Any) -> httpx.Response:
    return await client.post(f"/api/v1/signals/{signal_id}/{verb}", json=body, headers=by.by_key)


async def test_a_freeze_that_nobody_confirms_lifts_after_48_hours_and_then_takes_three_new_buyers(
    street: Street, drain: Drain, clock: Any
) -> None:
    order_id, _ = await street.order()
    await frozen(street)
    await drain()
    clock.forward(timedelta(hours=25))
    await drain()
    assert await street.events() == ["signal.opened", "signal.frozen", "signal.supervisor_called"]
    assert (await street.hold(order_id)).is_frozen
    clock.forward(timedelta(hours=24))
    await drain()
    assert await street.signals() == [("closed", "not_confirmed")]
    assert not (await street.hold(order_id)).is_frozen
    assert await street.statuses() == ["held", "active"]
    assert await street.evaluate() is None
    for _ in range(2):
        await street.complains()
    assert await street.evaluate() == "screening"
    await street.complains()
    assert await street.evaluate() == "preliminary"


async def test_a_confirmed_freeze_lasts_seven_days(
    street: Street, drain: Drain, clock: Any, client: httpx.AsyncClient
) -> None:
    order_id, _ = await street.order()
    signal_id = await frozen(street)
    answer = await post(client, street.judges[Role.MEDIATOR], signal_id, "confirmation", {"explanation": "Two shops."})
    assert (answer.status_code, answer.json()["state"]) == (201, "analysis")
    assert answer.json()["available_actions"] == ["lift"]
    clock.forward(timedelta(days=6))
    await drain()
    assert (await street.hold(order_id)).is_frozen
    assert await street.signals() == [("analysis", None)]
    clock.forward(timedelta(days=1, minutes=1))
    await drain()
    assert await street.signals() == [("closed", "time_over")]
    assert not (await street.hold(order_id)).is_frozen


async def test_lifting_publishes_a_reason_and_clears_the_batch(
    street: Street, drain: Drain, client: httpx.AsyncClient
) -> None:
    order_id, _ = await street.order()
    signal_id = await frozen(street)
    await drain()
    supervisor = street.judges[Role.SUPERVISOR]
    answer = await post(client, supervisor, signal_id, "lift", {"reason": "not_genuine"})
    assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (201, "closed", "not_genuine")
    await drain()
    assert not (await street.hold(order_id)).is_frozen
    assert await street.statuses() == ["held", "cleared"]
    again = await post(client, supervisor, signal_id, "lift", {"reason": "no_risk"})
    assert (again.status_code, again.json()["code"]) == (409, "signal_state")
    assert await street.signals() == [("closed", "not_genuine")]


async def test_who_is_party_to_it_does_not_decide(street: Street, client: httpx.AsyncClient) -> None:
    signal_id = await frozen(street)
    mediator = street.judges[Role.MEDIATOR]
    await street.sql(
        "INSERT INTO role_grant (id, person_id, role, tenant_id, seller_id, granted_at)"
        " VALUES (uuidv7(), :id, 'seller', :commons, :seller_id, fairhold_now()) RETURNING id",
        id=mediator.person_id, commons=COMMONS, seller_id=street.seller_id,
    )  # fmt: skip
    answer = await post(client, mediator, signal_id, "lift", {"reason": "no_risk"})
    assert (answer.status_code, answer.json()["code"]) == (403, "own_case")
    assert await street.signals() == [("preliminary", None)]


@pytest.mark.parametrize(("role", "status"), [(Role.MEDIATOR, 404), (Role.REGULATOR, 403), (Role.SELLER, 403)])
async def test_only_those_of_commons_decide(street: Street, client: httpx.AsyncClient, role: Role, status: int) -> None:
    signal_id = await frozen(street)
    for verb, body in (("confirmation", {}), ("lift", {"reason": "no_risk"})):
        assert (await post(client, street.world.account(role), signal_id, verb, body)).status_code == status
    assert await street.signals() == [("preliminary", None)]
    assert len(await street.sql("SELECT id FROM scope_freeze WHERE lifted_at IS NULL")) == 1


async def test_sellers_see_counts_about_their_own_batches_only(street: Street, client: httpx.AsyncClient) -> None:
    signal_id = await frozen(street)

    async def seen(account: Account) -> list[Any]:
        answer = await client.get("/api/v1/signals?open=true", headers=account.by_key)
        assert answer.status_code == 200
        return list(answer.json()["data"])

    (own,) = await seen(street.world.account(Role.SELLER))
    assert (own["id"], own["complaint_ids"], own["batch_ids"]) == (signal_id, None, None)
    assert (own["numbers"]["buyers"], own["available_actions"]) == (3, [])
    assert await seen(street.world.account(Role.SELLER, Whose.OTHERS)) == []
    (full,) = await seen(street.world.account(Role.REGULATOR))
    assert (len(full["complaint_ids"]), full["batch_ids"]) == (3, [str(street.goods.batch_id)])
    assert full["on_expiry"] == "freeze_lifted"
    (decidable,) = await seen(street.judges[Role.MEDIATOR])
    assert decidable["available_actions"] == ["confirm", "lift"]


async def test_an_unknown_reason_is_refused(street: Street, client: httpx.AsyncClient) -> None:
    signal_id = await frozen(street)
    answer = await post(client, street.judges[Role.MEDIATOR], signal_id, "lift", {"reason": "because"})
    assert answer.status_code in (400, 422)
    assert await street.signals() == [("preliminary", None)]
