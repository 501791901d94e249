"""A mediator corrects which lots belong together: who is innocent thaws, and who is not is never without a freeze."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from reports.facts import DossierFacts
from service.accounts.actions import grant_role
from service.core.actor import COMMONS, Role
from service.escrow.check import reconcile
from service.reporting.gather import gather_dossier
from tests.recalls.street import Street
from tests.recalls.test_moved_links import is_frozen, second_batch
from tests.trade import Goods
from tests.world import Account, Whose

Drain = Callable[[], Awaitable[None]]


async def corrected(client: httpx.AsyncClient, by: Account, batch_id: UUID, maker_lot: str | None) -> httpx.Response:
    """Correct the maker's lot of a batch."""
    body = {"reason": "label_differs", "maker_lot_code": maker_lot}
    return await client.post(f"/api/v1/batches/{batch_id}/corrections", json=body, headers=by.by_key)


async def one_lot(street: Street, client: httpx.AsyncClient, drain: Drain) -> Goods:
    """A second batch that is said to be of the same maker's lot as the street's."""
    other = await second_batch(street)
    for batch_id in (street.goods.batch_id, other.batch_id):
        assert (await corrected(client, street.world.account(Role.SELLER), batch_id, "M1")).status_code == 201
    await drain()
    return other


async def statuses(street: Street, batch_id: UUID) -> list[tuple[str, str]]:
    rows = await street.sql(
        "SELECT status, reason_code FROM batch_status WHERE batch_id = :id ORDER BY id", id=batch_id
    )
    return [tuple(row) for row in rows]


async def dossier(street: Street, batch_id: UUID) -> DossierFacts:
    regulator = street.world.account(Role.REGULATOR).person_id
    async with street.database.begin() as tx:
        return (await gather_dossier(tx, batch_id, prepared_for=regulator, as_of=await tx.now())).facts


async def test_a_batch_that_is_corrected_out_of_a_frozen_lot_thaws_and_the_others_stay(
    street: Street, drain: Drain, clock: Any, client: httpx.AsyncClient
) -> None:
    other = await one_lot(street, client, drain)
    of_first, _ = await street.order()
    of_other, _ = await street.order(goods=other)
    for _ in range(3):
        await street.complains()
    assert await street.evaluate() == "preliminary"
    await drain()
    assert await is_frozen(street, of_first, of_other) == [True, True]
    seller, mediator = street.world.account(Role.SELLER), street.judges[Role.MEDIATOR]
    assert (await corrected(client, seller, other.batch_id, "M2")).json()["code"] == "batch_frozen"
    assert (await corrected(client, mediator, other.batch_id, "M2")).status_code == 201
    await drain()
    assert await is_frozen(street, of_first, of_other) == [True, False]
    assert await street.signals() == [("preliminary", None)]
    assert await statuses(street, street.goods.batch_id) == [("held", "signal")]
    assert await statuses(street, other.batch_id) == [("held", "signal"), ("active", "corrected")]
    later, _ = await street.order(batch_id=street.goods.batch_id, ships=False)
    of_none, _ = await street.order(batch_id=other.batch_id, ships=False)
    assert await is_frozen(street, later, of_none) == [True, False]
    ((live,),) = await street.sql("SELECT count(*) FROM scope_freeze WHERE lifted_at IS NULL")
    assert live == 1
    assert (await street.events())[-1] == "signal.narrowed"
    listed = await client.get("/api/v1/signals", params={"batch_id": str(other.batch_id)}, headers=mediator.by_key)
    assert listed.json()["data"] == []
    ((signal_id,),) = await street.sql("SELECT id FROM signal")
    seen = (await client.get(f"/api/v1/signals/{signal_id}", headers=mediator.by_key)).json()
    assert (seen["batch_ids"], seen["batch_count"]) == ([str(street.goods.batch_id)], 1)
    assert (await corrected(client, seller, other.batch_id, None)).status_code == 201
    clock.forward(timedelta(hours=49))
    await drain()
    assert await street.signals() == [("closed", "not_confirmed")]
    assert await is_frozen(street, of_first, later) == [False, False]


async def test_the_lot_that_a_freeze_began_with_thaws_and_the_guilty_one_has_a_freeze_of_its_own(
    street: Street, drain: Drain, client: httpx.AsyncClient
) -> None:
    guilty = await one_lot(street, client, drain)
    of_first, _ = await street.order()
    of_guilty, _ = await street.order(goods=guilty)
    for _ in range(3):
        order_id, buyer = await street.order(goods=guilty)
        await street.complain(order_id, buyer, batch_id=guilty.batch_id)
    assert await street.evaluate() == "preliminary"
    await drain()
    assert await is_frozen(street, of_first, of_guilty) == [True, True]
    mediator = street.judges[Role.MEDIATOR]
    assert (await corrected(client, mediator, street.goods.batch_id, "M2")).status_code == 201
    await drain()
    assert await is_frozen(street, of_first, of_guilty) == [False, True]
    rows = await street.sql("SELECT batch_id, state, reason_code FROM signal ORDER BY id")
    assert [tuple(row) for row in rows] == [
        (street.goods.batch_id, "closed", "links_moved"),
        (guilty.batch_id, "preliminary", None),
    ]
    assert await statuses(street, guilty.batch_id) == [("held", "signal")]  # not a moment without
    assert (await statuses(street, street.goods.batch_id))[-1] == ("active", "links_moved")


async def test_a_confirmed_freeze_lets_go_of_what_does_not_belong_to_it_and_takes_it_back(
    street: Street, drain: Drain, client: httpx.AsyncClient
) -> None:
    other = await one_lot(street, client, drain)
    of_other, _ = await street.order(goods=other)
    for _ in range(3):
        await street.complains()
    await street.evaluate()
    await drain()
    mediator = street.judges[Role.MEDIATOR]
    ((signal_id,),) = await street.sql("SELECT id FROM signal")
    await client.post(f"/api/v1/signals/{signal_id}/confirmation", json={}, headers=mediator.by_key)
    for maker_lot, frozen in (("M2", False), ("M1", True), ("M2", False)):
        assert (await corrected(client, mediator, other.batch_id, maker_lot)).status_code == 201
        await drain()
        assert await is_frozen(street, of_other) == [frozen]
    assert await street.signals() == [("analysis", None)]
    ((live, ends),) = await street.sql(
        "SELECT count(*), count(DISTINCT expires_at) FROM scope_freeze WHERE lifted_at IS NULL"
    )
    assert (live, ends) == (1, 1)
    async with street.database.begin() as tx:
        assert await reconcile(tx) == []


async def test_a_dossier_says_that_the_payments_of_those_who_stay_were_held_all_the_time(
    street: Street, drain: Drain, client: httpx.AsyncClient
) -> None:
    other = await one_lot(street, client, drain)
    await street.order(goods=other)
    for _ in range(3):
        await street.complains()
    await street.evaluate()
    await drain()
    before = await dossier(street, street.goods.batch_id)
    assert before.held_since is not None
    assert (await corrected(client, street.judges[Role.MEDIATOR], other.batch_id, "M2")).status_code == 201
    await drain()
    stays, left = await dossier(street, street.goods.batch_id), await dossier(street, other.batch_id)
    assert (stays.held_since, left.held_since) == (before.held_since, None)
    told = [
        [(each.kind, each.payments) for each in found.money_lines if "scope" in each.kind] for found in (stays, left)
    ]
    assert told == [[("scope_frozen", 3)], [("scope_frozen", 1), ("scope_lifted", 1)]]


async def test_a_mediator_who_is_party_to_it_corrects_nothing(street: Street, client: httpx.AsyncClient) -> None:
    complains, sells = street.judges[Role.MEDIATOR], street.judges[Role.SUPERVISOR]
    async with street.database.begin() as tx:
        others, now = street.world.things["seller", Whose.OTHERS], await tx.now()
        await grant_role(tx, sells.person_id, Role.SELLER, COMMONS, seller_id=others, now=now)
        await grant_role(tx, complains.person_id, Role.BUYER, COMMONS, now=now)
    bought, _ = await street.order(complains)
    await street.complain(bought, complains)
    assert await street.evaluate() == "screening"
    refused = [await corrected(client, by, street.goods.batch_id, "M2") for by in (complains, sells)]
    assert [(each.status_code, each.json()["code"]) for each in refused] == [(409, "own_case"), (403, "own_case")]
    body = {"reason": "typing_error", "brand": "B"}
    path = f"/api/v1/products/{street.goods.product_id}/corrections"
    refused = [await client.post(path, json=body, headers=by.by_key) for by in (complains, sells)]
    assert [(each.status_code, each.json()["code"]) for each in refused] == [(409, "own_case"), (403, "own_case")]
    assert await street.sql("SELECT id FROM correction") == []


async def test_a_buyer_who_takes_one_of_two_complaints_back_stands_for_a_freeze_once(
    street: Street, drain: Drain, client: httpx.AsyncClient
) -> None:
    held, _ = await street.order()
    bought, buyer = await street.order()
    first = await street.complain(bought, buyer)
    again, _ = await street.order(buyer)
    await street.complain(again, buyer)
    moved = await street.complains()
    await street.complains()
    assert await street.evaluate() == "preliminary"
    await drain()
    ended = "UPDATE complaint SET status = 'withdrawn', ended_at = fairhold_now() WHERE id = :id RETURNING id"
    await street.sql(ended, id=first)
    body = {"batch_id": None}
    mediator = street.world.account(Role.MEDIATOR)
    await client.post(f"/api/v1/complaints/{moved}/link", json=body, headers=mediator.by_key)
    await drain()
    assert (await street.signals())[0] == ("closed", "links_moved")  # two buyers are left, who would not have frozen
    assert await is_frozen(street, held) == [False]
