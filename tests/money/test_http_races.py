"""A claim and two waivers over HTTP, with a scope's freeze and a sweep, around the end of one window: one outcome."""

import asyncio
import random
from collections import Counter
from datetime import datetime, timedelta

import httpx
import pytest

from service.core.actor import SYSTEM
from service.core.ids import new_id
from service.db.session import Tx
from service.escrow import actions
from service.escrow.check import reconcile
from service.escrow.rules import ScopeKey
from service.escrow.sweep import release_due
from tests.accounts.asking import csrf
from tests.chance import new_seed
from tests.complaints.conftest import Cases
from tests.conftest import Clock
from tests.money.life import Life
from tests.world import PASSWORD

HELD = 48_000
LOSES_WITH = frozenset({"hold_state", "hold_frozen", "window_closed", "nothing_held", "order_state"})
BEFORE = timedelta(milliseconds=20)


class Window:
    """A delivered order, its held payment, and the end of its window."""

    def __init__(self, order_id: str, hold_id: str, ends_at: datetime) -> None:
        self.order_id, self.hold_id, self.ends_at = order_id, hold_id, ends_at


async def open_window(life: Life, number: int) -> Window:
    order_id = await life.delivered(ref=f"WX-{number}")
    (hold,) = await life.cases.sql("SELECT id, window_ends_at FROM hold WHERE reference_id = :id", id=order_id)
    return Window(order_id, str(hold.id), hold.window_ends_at)


async def draft_claim(life: Life, window: Window) -> str:
    """Begin a complaint that claims all of it, and return its id."""
    body = life.complaint(window.order_id, {"amount_minor": HELD, "currency": "CNY"})
    return str((await life.ok(life.cases.buyer, "/complaints", body))["id"])


async def race(life: Life, window: Window, draft_id: str, dice: random.Random, *, is_frozen: bool) -> Counter[str]:
    """Start everybody at once, each after a moment; return who won and how the others were refused."""
    cases, told = life.cases, Counter[str]()
    start = asyncio.Event()
    key = ScopeKey.batch(cases.goods.batch_id)

    async def request(name: str, path: str, body: object, headers: dict[str, str]) -> None:
        await start.wait()
        # A claim takes longer than a waiver; so that each wins some races, it mostly comes before.
        await asyncio.sleep(dice.random() * (1 if name == "claim" else 4) * BEFORE.total_seconds())
        answer = await cases.client.post(f"/api/v1{path}", json=body, headers=headers)
        told[f"{name} {outcome_of(answer)}"] += 1

    async def sweep(tx: Tx) -> int:
        return await release_due(tx, now=await tx.now())

    async def freeze(tx: Tx) -> None:
        await actions.freeze_scopes(
            tx, SYSTEM, [key], reason="signal", source_id=new_id(), expires_at=None, now=await tx.now()
        )

    async def directly(work: object) -> None:
        await start.wait()
        await asyncio.sleep(dice.random() * 2 * BEFORE.total_seconds())
        await cases.database.run(work)  # type: ignore[arg-type]  # either of the two above

    waive = (f"/orders/{window.order_id}/receipt", {"waive": True}, csrf(cases.client))
    runs = [
        request("claim", f"/complaints/{draft_id}/submission", None, cases.buyer.by_key),
        request("waive", *waive),
        request("waive", *waive),
        directly(sweep),
        *([directly(freeze)] if is_frozen else []),
    ]
    tasks = [asyncio.create_task(run) for run in runs]
    start.set()
    await asyncio.gather(*tasks)
    return told


def outcome_of(answer: httpx.Response) -> str:
    """Return "won", or the code of a 409 that is a problem document."""
    if answer.is_success:
        return "won"
    code = str(answer.json().get("code"))
    assert (answer.status_code, code in LOSES_WITH) == (409, True), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return code


async def run_races(cases: Cases, clock: Clock, count: int) -> None:
    """Open all the windows, some seconds apart, then race at the end of each; a freeze of their batch ends the last."""
    dice = random.Random(new_seed())
    life = Life(cases)
    await cases.sql("UPDATE policy SET value = 100000 WHERE name LIKE 'limit\\_complaints\\_%'")
    windows = []
    for number in range(count):
        windows.append(await open_window(life, number))
        clock.forward(timedelta(seconds=30))
    (now,) = (await cases.sql("SELECT fairhold_now() AS now"))[0]
    clock.forward(windows[0].ends_at - now - timedelta(seconds=20))
    signing_in = {"email": cases.buyer.email, "password": PASSWORD}
    assert (await cases.client.post("/api/v1/sessions", json=signing_in)).is_success
    total: Counter[str] = Counter()
    for window in windows:
        draft_id = await draft_claim(life, window)
        (now,) = (await cases.sql("SELECT fairhold_now() AS now"))[0]
        clock.forward(window.ends_at - now - BEFORE)
        told = await race(life, window, draft_id, dice, is_frozen=window is windows[-1])
        total += told
        (hold,) = await cases.sql("SELECT state, freeze_count FROM hold WHERE id = :id", id=window.hold_id)
        winners = told["claim won"] + told["waive won"]
        assert winners <= 1, told
        assert (hold.state == "released") == (told["waive won"] == 1), (told, hold)
        if not told["claim won"]:
            await life.ok(cases.buyer, f"/complaints/{draft_id}/withdrawal")  # nobody has more than 20 drafts
        else:
            assert (hold.state, hold.freeze_count > 0) == ("in_window", True), (told, hold)
    print(dict(total))
    assert total["claim won"] > 0
    assert total["waive won"] > 0
    assert sum(total.values()) == 3 * count
    async with cases.database.begin() as tx:
        assert await reconcile(tx) == []


@pytest.mark.timeout(300)
async def test_one_wins_and_the_others_get_a_typed_conflict(cases: Cases, clock: Clock) -> None:
    await run_races(cases, clock, 40)


@pytest.mark.full
@pytest.mark.timeout(3_600)
async def test_one_wins_and_the_others_get_a_typed_conflict_hundreds_of_times(cases: Cases, clock: Clock) -> None:
    await run_races(cases, clock, 400)
