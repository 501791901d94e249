"""Many payments and refunds while everything fails at random; in the end both books say the same."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from service import outbound
from service.core.money import Money
from service.settings import Settings
from tests.escrow.faults.provider import Provider
from tests.sandbox.running import Heard

STEPS, STEPS_FULL = 40, 1_000
ROUNDS_TO_THE_END = 60
FULL = (pytest.mark.full, pytest.mark.timeout(1_800))
SWITCHES: list[dict[str, Any]] = [
    {},
    {},
    {"time_out_after_work": 1},
    {"fail_next": 2},
    {"fail_after_work": 1},
    {"wrong_answers": 2},
    {"delay_ms": 30},
    {"delay_ms": 30, "reorder_notices": True},
    {"duplicate_notices": True},
    {"drop_notices": True},
    {"drop_notices": True, "fail_after_work": 1},
    {"forge_notices": True},
    {"stale_notices": True, "delay_ms": 20},
    {"wrong_notices": True},
    {"down": True},
]


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As its neighbours', but giving up sooner, for there are many silences."""
    monkeypatch.setattr(outbound, "ANSWER_SECONDS", 0.3)
    return settings


class Storm:
    """The steps that chance chooses from."""

    def __init__(self, provider: Provider, seed: int) -> None:
        self.provider = provider
        self.dice = random.Random(seed)
        self.waiting: list[Heard] = []
        self.done: Counter[str] = Counter()

    async def capture(self) -> None:
        """Ask for one to three payments."""
        for _ in range(self.dice.randint(1, 3)):
            await self.provider.world.request(Money(self.dice.randint(1, 100_000), "CNY"))

    async def refund(self) -> None:
        """Give one open hold back."""
        held = await self.provider.world.value(
            "SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM hold WHERE ended_at IS NULL"
        )
        if held:
            await self.provider.world.refund(self.dice.choice(held))

    async def turn(self) -> None:
        """Choose another way to fail, or none."""
        await self.provider.switch(**self.dice.choice(SWITCHES))

    async def restart(self) -> None:
        """Kill the provider and start it again."""
        self.provider.sandbox.kill()
        if self.dice.random() < 0.5:
            await self.provider.work()
        self.provider.sandbox.start()

    async def wait(self) -> None:
        """Let some or all of what is unknown be asked for again."""
        self.provider.clock.forward(timedelta(seconds=self.dice.choice([3, 20, 100, 601])))
        await self.provider.work()

    async def carry(self) -> None:
        """Bring some of the notices, in any order, some of them again."""
        self.waiting += self.provider.told(0)
        for each in self.dice.sample(self.waiting, k=min(len(self.waiting), 5)):
            answer = await self.provider.carry(each)
            self.done[f"notice {answer.status_code}"] += 1
            assert answer.status_code in (202, 401), answer.text

    async def step(self) -> None:
        """Take one step."""
        steps: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self.capture, 5), (self.refund, 3), (self.turn, 5), (self.carry, 4), (self.provider.work, 5),
            (self.wait, 4), (self.restart, 1),
        ]  # fmt: skip
        (chosen,) = self.dice.choices([act for act, _ in steps], [weight for _, weight in steps])
        self.done[chosen.__name__] += 1
        await chosen()

    async def to_the_end(self) -> None:
        """Let everything that is open end, with a provider that behaves."""
        await self.provider.switch()
        for _ in range(ROUNDS_TO_THE_END):
            await self.provider.ask_again()
            if await self.provider.world.value("SELECT count(*) FROM payment WHERE ended_at IS NULL") == 0:
                return
            await asyncio.sleep(0.02)  # a delayed operation ends in real time
        raise AssertionError("a payment has not ended")


@pytest.mark.parametrize("steps", [STEPS, pytest.param(STEPS_FULL, marks=FULL)])
async def test_whatever_fails_each_payment_has_one_effect_and_both_books_agree(provider: Provider, steps: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    storm = Storm(provider, seed)
    for _ in range(steps):
        await storm.step()
    await storm.to_the_end()
    print(storm.done)
    world = provider.world
    ours = await world.value(
        "SELECT coalesce(array_agg(kind || ' ' || id || ' ' || amount_minor), '{}') FROM payment WHERE state = 'done'"
    )
    theirs = [f"{kind} {client_id} {amount}" for kind, client_id, amount in await provider.books()]
    assert sorted(ours) == sorted(theirs)
    assert len(theirs) == len({each.split()[1] for each in theirs})
    sums: Counter[str] = Counter()
    for each in theirs:
        kind, _, amount = each.split()
        sums[kind] += int(amount)
    held = sums["capture"] - sums["refund"]
    assert await world.balances() == ({"gateway": -held, "held": held} if held else {})
    assert await world.value("SELECT count(*) FROM payment WHERE state <> 'done'") == 0
    assert await world.value("SELECT count(*) FROM hold") == sum(each.startswith("capture") for each in theirs)
    await world.assert_clean()
