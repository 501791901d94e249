"""Steps that Hypothesis takes with holds and with a seller's money; each is one committed transaction or a refusal."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from service.core.actor import COMMONS, SYSTEM
from service.core.errors import FairholdError
from service.core.ids import new_id
from service.core.money import AMOUNT_MINOR_MAX, Money
from service.escrow import actions, jobs
from service.escrow.rules import OPEN_STATES, ScopeKey, check_claim, check_window_open
from service.escrow.sweep import release_due
from tests.escrow.ground import Ground, Outcome, check_agreement
from tests.escrow.model import ModelHold
from tests.escrow.model_moves import Ledger, Operation
from tests.escrow.world import BUYER, MEDIATOR

Thing = TypeVar("Thing")
AMOUNTS = st.one_of(st.integers(1, 50_000), st.sampled_from([1, 2, 3, 9_999, AMOUNT_MINOR_MAX]))
CURRENCIES = st.sampled_from(["CNY", "CNY", "CNY", "JPY", "KWD"])
FEES_BPS = st.sampled_from([0, 300, 333, 10_000])
PICKS = st.integers(0, 2**16)
SHARES = st.one_of(st.integers(0, 100), st.sampled_from([0, 100, 101]))
"""Per cent of a hold; the last is more than there is."""
SELLERS = st.integers(0, 1)
BATCHES = st.integers(0, 2)  # the last is none


class HoldSteps(RuleBasedStateMachine):
    """Two sellers, two batches and orders whose batch nobody has named."""

    ground: Ground

    def __init__(self) -> None:
        super().__init__()
        self.model = Ledger(self.ground.children_of)
        self.seller_ids = [new_id(), new_id()]
        self.product_id = new_id()
        self.batch_ids: list[UUID | None] = [new_id(), new_id(), None]
        self.scope_keys = [
            *(ScopeKey.batch(each) for each in self.batch_ids if each),
            *(ScopeKey.seller(each) for each in self.seller_ids),
            *(ScopeKey.seller_product(each, self.product_id) for each in self.seller_ids),
        ]

    def pick_hold(self, pick: int, *states: str) -> ModelHold:
        """Seven times in eight one in one of the states (any open one, if none is named), if there is any."""
        every = list(self.model.holds.values())
        wanted = [hold for hold in every if hold.state in (states or OPEN_STATES)]
        return pick_one(wanted if wanted and pick % 8 else every, pick // 8)

    def now(self) -> Any:
        return self.ground.rows("SELECT fairhold_now() AS now")[0].now

    def agree(self, outcome: Outcome[Any], refusal: str | None) -> bool:
        """Assert that the action was refused as the model says, and return whether it was made."""
        assert outcome.refusal == refusal, (outcome.refusal, refusal)
        if refusal is not None:
            self.ground.seen[refusal] += 1
        return refusal is None

    @initialize(amount_minor=AMOUNTS, hours=st.integers(1, 120))
    def one_was_released_and_one_is_in_its_window(self, amount_minor: int, hours: int) -> None:
        for minor in (20_000, amount_minor):
            self.fund(minor, "CNY", 300, 0, 0)
        released, running = self.model.holds.values()
        self._deliver(released, timedelta(hours=1))
        self._waive(released)
        self._deliver(running, timedelta(hours=hours))

    @rule(
        amount_minor=AMOUNTS,
        currency=CURRENCIES,
        fee_bps=FEES_BPS,
        seller=SELLERS,
        batch=BATCHES,
        hours=st.none() | st.integers(1, 240),
    )
    def sell(self, hours: int | None, **sold: Any) -> None:
        self.fund(**sold)
        if hours is not None:
            self._deliver(list(self.model.holds.values())[-1], timedelta(hours=hours))

    def fund(self, amount_minor: int, currency: str, fee_bps: int, seller: int, batch: int) -> None:
        amount, reference_id = Money(amount_minor, currency), new_id()
        seller_id, batch_id = self.seller_ids[seller], self.batch_ids[batch]

        async def work(tx: Any, now: Any) -> UUID:
            payment = await actions.request_payment(
                tx, tenant_id=COMMONS, reference_id=reference_id, seller_id=seller_id, buyer_id=BUYER.person_id,
                product_id=self.product_id, batch_id=batch_id, amount=amount, fee_bps=fee_bps, now=now,
            )  # fmt: skip
            assert await actions.record_outcome(tx, payment.id, state="done", now=now)
            return payment.id

        funded = self.ground.attempt(work)
        capture_id = funded.made
        (found,) = self.ground.rows("SELECT id FROM hold WHERE payment_id = %s", capture_id)
        self.model.operations[capture_id] = Operation(capture_id, "capture", seller_id, amount, "done")
        hold = ModelHold(
            found.id, capture_id, reference_id, seller_id, self.product_id, batch_id, amount, fee_bps
        )  # fmt: skip
        self.model.fund(hold, funded.now)

    @rule(pick=PICKS, hours=st.integers(1, 240))
    def deliver(self, pick: int, hours: int) -> None:
        self._deliver(self.pick_hold(pick, "awaiting_delivery", "divided"), timedelta(hours=hours))

    def _deliver(self, hold: ModelHold, window: timedelta) -> None:
        async def work(tx: Any, now: Any) -> None:
            await actions.start_window(tx, hold.id, window=window, proof_kind="receipt", proof_id=None, now=now)

        delivered = self.ground.attempt(work)
        family = self.model.family(hold)
        is_possible = all(each.state == "awaiting_delivery" for each in family)
        if self.agree(delivered, None if is_possible else "hold_state"):
            for each in family:
                each.deliver(window, delivered.now)

    @rule(pick=PICKS, share=SHARES)
    def claim(self, pick: int, share: int) -> None:
        over = self.over()
        self._claim(pick_one(over, pick) if over and pick % 2 else self.pick_hold(pick), share)

    def over(self) -> list[ModelHold]:
        """Those whose window is over, and the sweep has not come."""
        running = [hold for hold in self.model.holds.values() if hold.ends_at]
        return [hold for hold in running if hold.ends_at < self.now()] if running else []

    def _claim(self, hold: ModelHold, share: int) -> None:
        source_id = new_id()
        claimed_minor = (hold.amount.amount_minor * share + 99) // 100

        async def work(tx: Any, now: Any) -> UUID:
            claimed = await actions.claim_hold(
                tx, BUYER, hold.id, claimed_minor=claimed_minor, source_id=source_id, now=now
            )
            return claimed.id

        claimed = self.ground.attempt(work)
        is_covered = bool(hold.freezes) or any(self.model.freezes_over(hold))
        refusal = _code(
            lambda: _check_open(hold),
            lambda: check_claim(hold.amount, claimed_minor),
            lambda: check_window_open(None if is_covered else hold.ends_at, claimed.now),
        )
        if self.agree(claimed, refusal):
            self.model.inherit(hold, claimed.now)
            frozen = hold
            if claimed_minor < hold.amount.amount_minor:
                frozen, _ = self.model.divide(hold, claimed_minor, claimed.now)
            assert claimed.made == frozen.id
            frozen.freeze(source_id, claimed.now)

    @rule(pick=PICKS, again=st.booleans())
    def freeze(self, pick: int, again: bool) -> None:
        hold = self.pick_hold(pick)
        source_id = min(hold.freezes) if again and hold.freezes else new_id()

        async def work(tx: Any, now: Any) -> None:
            await actions.freeze_hold(tx, SYSTEM, hold.id, kind="claim", source_id=source_id, now=now)

        frozen = self.ground.attempt(work)
        exists = "freeze_exists" if source_id in hold.freezes else None
        if self.agree(frozen, exists if hold.is_open else "hold_state"):
            hold.freeze(source_id, frozen.now)

    @rule(pick=PICKS)
    def withdraw_the_claim(self, pick: int) -> None:
        every = {each for hold in self.model.holds.values() for each in hold.freezes}
        claims = sorted(every - self.model.scope_freezes.keys())
        source_id = pick_one(claims, pick) if claims else new_id()

        async def work(tx: Any, now: Any) -> int:
            return await actions.lift_freeze(tx, SYSTEM, source_id=source_id, now=now)

        lifted = self.ground.attempt(work)
        frozen = [hold for hold in self.model.holds.values() if source_id in hold.freezes]
        assert lifted.value == len(frozen), (lifted.value, len(frozen))
        for hold in frozen:
            hold.lift(source_id, lifted.now)

    @rule(pick=PICKS, share=SHARES, own=st.booleans())
    def settle(self, pick: int, share: int, own: bool) -> None:
        hold = self.pick_hold(pick)
        claims = hold.freezes - self.model.scope_freezes.keys()
        source_id = min(claims) if own and claims else new_id()
        buyer_minor = (hold.amount.amount_minor * share + 99) // 100

        async def work(tx: Any, now: Any) -> None:
            await actions.settle_hold(
                tx, MEDIATOR, hold.id, buyer_minor=buyer_minor, decided_by=new_id(), source_id=source_id, now=now
            )

        settled = self.ground.attempt(work)
        if buyer_minor > AMOUNT_MINOR_MAX:
            above: str | None = "amount_out_of_range"
        else:
            above = "amount_above_hold" if buyer_minor > hold.amount.amount_minor else None
        if self.agree(settled, above if hold.is_open else "hold_state"):
            self.model.inherit(hold, settled.now)
            self.model.settle(hold, buyer_minor, source_id, settled.now)

    @rule(pick=PICKS)
    def refund(self, pick: int) -> None:
        hold = self.pick_hold(pick)

        async def work(tx: Any, now: Any) -> None:
            await actions.refund_hold(tx, SYSTEM, hold.id, decided_by=new_id(), now=now)

        if self.agree(self.ground.attempt(work), None if hold.is_open else "hold_state"):
            self.model.end(hold, "refund", hold.amount.amount_minor)

    @rule(pick=PICKS)
    def waive(self, pick: int) -> None:
        self._waive(self.pick_hold(pick, "in_window"))

    def _waive(self, hold: ModelHold) -> None:
        async def work(tx: Any, now: Any) -> None:
            await actions.waive_window(tx, BUYER, hold.id, now=now)

        is_covered = bool(hold.freezes) or any(self.model.freezes_over(hold))
        refusal = "hold_state" if hold.state != "in_window" else "hold_frozen" if is_covered else None
        if self.agree(self.ground.attempt(work), refusal):
            self.model.end(hold, "release", 0)

    @rule(numbers=st.sets(st.integers(0, 5), min_size=1, max_size=2))
    def freeze_scope(self, numbers: set[int]) -> None:
        keys = [self.scope_keys[number] for number in sorted(numbers)]

        async def work(tx: Any, now: Any) -> UUID:
            return await actions.freeze_scopes(
                tx, MEDIATOR, keys, reason="signal", source_id=new_id(), expires_at=None, now=now
            )

        freeze_id = self.ground.attempt(work).made
        self.model.scope_freezes[freeze_id] = frozenset(keys)
        self.model.live_scope_freezes.add(freeze_id)

    @precondition(lambda self: self.model.scope_freezes)
    @rule(pick=PICKS)
    def the_worker_pauses_holds(self, pick: int) -> None:
        freeze_id = pick_one(sorted(self.model.scope_freezes), pick)
        self.ground.run(jobs.pause_holds({"freeze_id": str(freeze_id)}, database=self.ground.database))
        if freeze_id not in self.model.live_scope_freezes:
            return
        at = self._times("SELECT hold_id, at FROM hold_freeze WHERE source_id = %s AND lifted_at IS NULL", freeze_id)
        for hold in self.model.holds.values():
            if hold.is_open and freeze_id not in hold.freezes and hold.scopes & self.model.scope_freezes[freeze_id]:
                hold.freeze(freeze_id, at[hold.id])

    @precondition(lambda self: self.model.live_scope_freezes)
    @rule(pick=PICKS)
    def lift_scope(self, pick: int) -> None:
        freeze_id = pick_one(sorted(self.model.live_scope_freezes), pick)

        async def work(tx: Any, now: Any) -> None:
            await actions.lift_scope_freeze(tx, MEDIATOR, freeze_id, now=now)

        assert self.agree(self.ground.attempt(work), None)
        self.model.live_scope_freezes.remove(freeze_id)

    @precondition(lambda self: self.model.scope_freezes)
    @rule(pick=PICKS)
    def the_worker_resumes_holds(self, pick: int) -> None:
        freeze_id = pick_one(sorted(self.model.scope_freezes), pick)
        self.ground.run(jobs.resume_holds({"freeze_id": str(freeze_id)}, database=self.ground.database))
        if freeze_id in self.model.live_scope_freezes:
            return
        at = self._times("SELECT hold_id, max(lifted_at) FROM hold_freeze WHERE source_id = %s GROUP BY 1", freeze_id)
        for hold in self.model.holds.values():
            if freeze_id in hold.freezes:
                hold.lift(freeze_id, at[hold.id])

    @rule(pick=PICKS, batch=st.integers(0, 1))
    def name_batch(self, pick: int, batch: int) -> None:
        hold, batch_id = self.pick_hold(pick), self.batch_ids[batch]
        assert batch_id is not None

        async def work(tx: Any, now: Any) -> None:
            await actions.name_batch(tx, hold.reference_id, batch_id, now=now)

        named = self.ground.attempt(work)
        assert self.agree(named, None)
        for each in self.model.holds.values():
            if each.reference_id == hold.reference_id:
                self.model.name_batch(each, batch_id, named.now)

    @rule(pick=PICKS, by=st.timedeltas(timedelta(seconds=-2), timedelta(seconds=7)), hours=st.integers(1, 80))
    def time_passes(self, pick: int, by: timedelta, hours: int) -> None:
        """By hours, or to the end of a window, a little before it or behind it."""
        running = [hold.ends_at for hold in self.model.holds.values() if hold.ends_at]
        if running and pick % 2:
            self.ground.forward(max(pick_one(running, pick // 2) + by - self.now(), timedelta(0)))
        else:
            self.ground.forward(timedelta(hours=hours))

    @rule()
    def the_sweep_comes(self) -> None:
        async def work(tx: Any, now: Any) -> int:
            total = 0
            while released := await release_due(tx, now=now):
                total += released
            return total

        swept = self.ground.attempt(work)
        due = [
            hold
            for hold in self.model.holds.values()
            if hold.is_due(swept.now) and not any(self.model.freezes_over(hold))
        ]
        assert swept.value == len(due), (swept, due)
        for hold in due:
            self.model.end(hold, "release", 0)

    @invariant()
    def database_and_model_agree(self) -> None:
        check_agreement(self.ground, self.model)

    def teardown(self) -> None:
        """Reconcile the whole ledger after each run, and empty it for the next."""
        self.ground.seen.update(code for _, code in self.model.transfers)
        try:
            self.ground.reconcile()
        finally:
            self.ground.empty()

    def _times(self, query: str, freeze_id: UUID) -> dict[UUID, Any]:
        return dict(tuple(row) for row in self.ground.rows(query, freeze_id))


def pick_one(things: Sequence[Thing], pick: int) -> Thing:
    return things[pick % len(things)]


def _check_open(hold: ModelHold) -> None:
    if not hold.is_open:
        raise FairholdError("hold_state")


def _code(*checks: Any) -> str | None:
    """Return the code of the first check that refuses."""
    for check in checks:
        try:
            check()
        except FairholdError as error:
            return error.code
    return None
