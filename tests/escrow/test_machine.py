"""Hypothesis walks through everything that can happen to holds, against the model in memory."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from service.core.actor import SYSTEM
from service.core.errors import Conflict
from service.core.ids import new_id
from service.core.money import Money
from service.db import clock
from service.db.session import Database
from service.escrow import actions, jobs
from service.escrow.rules import HOLD, OPEN_STATES, ScopeKey, check_claim, check_window_open, part
from service.escrow.sweep import release_due
from tests.conftest import DatabaseUrls
from tests.escrow.model import ModelHold
from tests.escrow.world import BUYER, FEE_BPS, MEDIATOR, World

RUNS, STEPS = 30, 20
CURRENCY = "CNY"
AMOUNTS = st.integers(1, 50_000)
Result = TypeVar("Result")


class Machine(RuleBasedStateMachine):
    """One seller's holds; every step is a committed transaction, and every column is compared after it."""

    urls: DatabaseUrls
    runner: asyncio.Runner
    database: Database
    holds = Bundle("holds")
    freezes = Bundle("freezes")
    scopes = Bundle("scopes")

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.database)
        self.model: dict[UUID, ModelHold] = {}
        self.scope_freezes: set[UUID] = set()

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run to the end."""
        return self.runner.run(work)

    @initialize(target=holds, amount_minor=AMOUNTS, hours=st.integers(1, 120))
    def start_in_the_window(self, amount_minor: int, hours: int) -> UUID:
        return self.fund(amount_minor, hours)

    @rule(target=holds, amount_minor=AMOUNTS, hours=st.none() | st.integers(1, 240))
    def fund(self, amount_minor: int, hours: int | None) -> UUID:
        hold = self.do(self.world.fund(amount_minor, CURRENCY))
        found = ModelHold(hold.id, Money(amount_minor, CURRENCY), FEE_BPS, freezes=set(self.scope_freezes))
        self.model[hold.id] = found
        if hours is not None:
            self.deliver(hold.id, hours)
        return hold.id

    @rule(hold_id=holds, hours=st.integers(1, 240))
    def deliver(self, hold_id: UUID, hours: int) -> None:
        hold = self.model[hold_id]
        if hold.state != "awaiting_delivery":
            return
        window = timedelta(hours=hours)

        async def work() -> datetime:
            async with self.database.begin() as tx:
                now = await tx.now()
                await actions.start_window(tx, hold_id, window=window, proof_kind="receipt", proof_id=None, now=now)
            return now

        hold.deliver(window, self.do(work()))

    @rule(target=freezes, hold_id=holds, share=st.integers(1, 100))
    def claim(self, hold_id: UUID, share: int) -> tuple[UUID, UUID]:
        hold, source_id = self.model[hold_id], new_id()
        claimed_minor = max(1, hold.amount.amount_minor * share // 100)

        async def work() -> tuple[datetime, UUID | None]:
            async with self.database.begin() as tx:
                now = await tx.now()
                try:
                    claimed = await actions.claim_hold(
                        tx, BUYER, hold_id, claimed_minor=claimed_minor, source_id=source_id, now=now
                    )
                except Conflict:
                    await tx.rollback()
                    return now, None
                return now, claimed.id

        now, claimed_id = self.do(work())
        try:
            HOLD.next(hold.state, "divide")
            check_claim(hold.amount, claimed_minor)
            check_window_open(hold.ends_at, now)
        except Conflict:
            assert claimed_id is None
            return hold_id, source_id
        assert claimed_id is not None
        if claimed_minor < hold.amount.amount_minor:
            rest_id = self.do(self.world.value("SELECT rest_hold_id FROM resolution WHERE hold_id = :id", id=hold_id))
            for child in hold.divide(claimed_minor, claimed_id, rest_id, now):
                self.model[child.id] = child
        self.model[claimed_id].freeze(source_id, now)
        return claimed_id, source_id

    @rule(target=freezes, hold_id=holds)
    def freeze(self, hold_id: UUID) -> tuple[UUID, UUID]:
        source_id = new_id()
        if self.model[hold_id].is_open:

            async def work() -> datetime:
                async with self.database.begin() as tx:
                    now = await tx.now()
                    await actions.freeze_hold(tx, SYSTEM, hold_id, kind="claim", source_id=source_id, now=now)
                return now

            self.model[hold_id].freeze(source_id, self.do(work()))
        return hold_id, source_id

    @rule(frozen=consumes(freezes))
    def lift(self, frozen: tuple[UUID, UUID]) -> None:
        async def work() -> tuple[datetime, int]:
            async with self.database.begin() as tx:
                now = await tx.now()
                return now, await actions.lift_freeze(tx, SYSTEM, source_id=frozen[1], now=now)

        now, _ = self.do(work())
        for hold in self.model.values():
            hold.lift(frozen[1], now)

    @rule(frozen=freezes, share=st.integers(0, 100))
    def settle(self, frozen: tuple[UUID, UUID], share: int) -> None:
        hold_id, source_id = frozen
        hold = self.model[hold_id]
        if not hold.is_open:
            return
        buyer_minor = hold.amount.amount_minor * share // 100

        async def work() -> datetime:
            async with self.database.begin() as tx:
                now = await tx.now()
                await actions.settle_hold(
                    tx,
                    MEDIATOR,
                    hold_id,
                    buyer_minor=buyer_minor,
                    decided_by=new_id(),
                    source_id=source_id,
                    now=now,
                )
            return now

        now = self.do(work())
        hold.lift(source_id, now)
        if buyer_minor == hold.amount.amount_minor:
            hold.end("refund", buyer_minor)
        elif buyer_minor == 0 and hold.state == "awaiting_delivery":
            return
        elif not hold.freezes:
            hold.end("split" if buyer_minor else "release", buyer_minor)
        else:
            waiting = hold
            if buyer_minor:
                row = self.do(self._children(hold_id))
                refunded, waiting = hold.divide(buyer_minor, *row, now)
                refunded.end("refund", buyer_minor)
                self.model |= {refunded.id: refunded, waiting.id: waiting}
            waiting.state, waiting.left, waiting.has_used_floor = "in_window", timedelta(0), True

    @rule(hold_id=holds)
    def refund(self, hold_id: UUID) -> None:
        hold = self.model[hold_id]
        if hold.is_open:
            self.do(self.world.refund(hold_id))
            hold.end("refund", hold.amount.amount_minor)

    @rule(hold_id=holds)
    def waive(self, hold_id: UUID) -> None:
        hold = self.model[hold_id]
        try:
            self.do(self.world.waive(hold_id))
        except Conflict:
            assert hold.state != "in_window" or hold.freezes
        else:
            assert not hold.freezes
            hold.end("release", 0)

    @rule(target=scopes)
    def freeze_scope(self) -> UUID:
        freeze_id = self.do(self.world.freeze_scopes(ScopeKey.batch(self.world.batch_id)))
        self.do(jobs.pause_holds({"freeze_id": str(freeze_id)}, database=self.database))
        at = self.do(self.world.value("SELECT max(at) FROM hold_freeze WHERE source_id = :id", id=freeze_id))
        for hold in self.model.values():
            if hold.is_open:
                hold.freeze(freeze_id, at)
        self.scope_freezes.add(freeze_id)
        return freeze_id

    @rule(freeze_id=consumes(scopes))
    def lift_scope(self, freeze_id: UUID) -> None:
        self.do(self.world.lift_scopes(freeze_id))
        self.do(jobs.resume_holds({"freeze_id": str(freeze_id)}, database=self.database))
        at = self.do(self.world.value("SELECT max(lifted_at) FROM hold_freeze WHERE source_id = :id", id=freeze_id))
        for hold in self.model.values():
            hold.lift(freeze_id, at)
        self.scope_freezes.remove(freeze_id)

    @rule(hours=st.integers(1, 80))
    def time_passes_and_the_sweep_comes(self, hours: int) -> None:
        clock.shift(self.urls.owner, timedelta(hours=hours))

        async def work() -> tuple[datetime, int]:
            async with self.database.begin() as tx:
                now = await tx.now()
                return now, await release_due(tx, now=now)

        now, released = self.do(work())
        due = [hold for hold in self.model.values() if hold.due(now)]
        for hold in due:
            hold.end("release", 0)
        assert released >= len(due)  # other runs' holds may be due too

    @invariant()
    def database_and_model_agree(self) -> None:
        rows = self.do(self._rows())
        assert rows.keys() == self.model.keys()
        expected = [0, 0, 0, 0]
        for hold_id, hold in self.model.items():
            left = None if hold.left is None else int(hold.left.total_seconds())
            want = (hold.state, hold.amount.amount_minor, hold.ends_at, left, hold.has_used_floor)
            got = rows[hold_id]
            assert (
                got.state,
                got.amount_minor,
                got.window_ends_at,
                got.window_left_seconds,
                got.has_used_floor,
            ) == want
            if hold.is_open:
                assert got.freeze_count == len(hold.freezes)
                expected[0] += hold.amount.amount_minor
            elif hold.parts is not None:
                parts = (hold.parts.seller, hold.parts.fee, hold.parts.buyer)
                assert hold.parts == part(hold.amount, hold.parts.buyer.amount_minor, FEE_BPS)
                expected = [
                    expected[0],
                    *(have + money.amount_minor for have, money in zip(expected[1:], parts, strict=True)),
                ]
        assert self.do(self._sums()) == expected

    def teardown(self) -> None:
        """Reconcile the whole ledger after each run."""
        self.do(self.world.assert_clean())

    async def _children(self, hold_id: UUID) -> tuple[UUID, UUID]:
        async with self.database.begin() as tx:
            found = await tx.execute(
                text("SELECT claimed_hold_id, rest_hold_id FROM resolution WHERE hold_id = :id"), {"id": hold_id}
            )
            claimed, rest = found.one()
        return claimed, rest

    async def _rows(self) -> dict[UUID, Any]:
        async with self.database.begin() as tx:
            found = await tx.execute(text("SELECT * FROM hold WHERE seller_id = :id"), {"id": self.world.seller_id})
            return {row.id: row for row in found}

    async def _sums(self) -> list[int]:
        """Return what is held, and what went to the seller, to fees and to the buyers, from this seller's transfers."""
        async with self.database.begin() as tx:
            found = await tx.execute(
                text(
                    "SELECT t.debit_account, t.credit_account, t.amount_minor FROM transfer t JOIN hold h"
                    " ON h.id = t.hold_id WHERE h.seller_id = :id"
                ),
                {"id": self.world.seller_id},
            )
            sums = dict.fromkeys(("held", "payable", "fees", "refunds", "gateway", "dividing"), 0)
            for row in found:
                sums[row.credit_account.split(":")[0]] += row.amount_minor
                sums[row.debit_account.split(":")[0]] -= row.amount_minor
        assert sums["dividing"] == 0
        assert sum(sums.values()) == 0
        if self.model:
            assert await self.world.payable() == sums["payable"]
        return [sums["held"], sums["payable"], sums["fees"], sums["refunds"]]


def test_the_ledger_agrees_with_the_model_after_every_step(urls: DatabaseUrls) -> None:
    assert set(OPEN_STATES) <= set(HOLD.states)
    with asyncio.Runner() as runner:
        database = Database(urls.app, pool_max=2)
        machine = type("Walk", (Machine,), {"urls": urls, "runner": runner, "database": database})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=RUNS,
                    stateful_step_count=STEPS,
                    deadline=None,
                    print_blob=True,
                    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes on a database
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(database.close())
