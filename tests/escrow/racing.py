"""Races on one held payment: eight workers with a connection and a transaction each, started on a barrier."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import psycopg

from service.core.actor import SYSTEM
from service.core.errors import Conflict
from service.core.ids import new_id
from service.core.money import Money
from service.db.session import Tx, driver_url
from service.escrow import actions
from service.escrow.queries import HoldView
from service.escrow.rules import CLAIM_SECONDS_MAX, SWEEP_MARGIN, ScopeKey
from service.escrow.sweep import release_due
from tests.escrow.world import BUYER, MEDIATOR, WINDOW, World

WORKERS = 8
AMOUNT_MINOR = 10_000
NEAR = timedelta(milliseconds=1)
LOSES_WITH = frozenset({"hold_state", "hold_frozen", "window_closed"})
ROLES = ("claim", "claim_part", "waive", "refund", "freeze", "sweep")
WEIGHTS = (4, 2, 2, 1, 2, 4)
Act = Callable[[Tx, datetime], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the deadline lies, and how far the clock has gone on when the sweeps begin.

    A claim may live for 3 s (`limit_seconds` ends it), so between its beginning and a sweep's at most so much passes.
    """

    name: str
    deadline_is_ahead: timedelta
    sweeps_come_later: timedelta


MOMENTS = (
    Moment("the window ends", timedelta(0), timedelta(0)),
    Moment("the window ends, and claims are slow", timedelta(0), timedelta(seconds=CLAIM_SECONDS_MAX - 0.2)),
    Moment("the sweep is due", -SWEEP_MARGIN, timedelta(0)),
)


@dataclass(slots=True)
class Contender:
    """A worker: what it does, the time of its transaction, and how it went: "won" or a refusal's code."""

    role: str
    act: Act
    began_at: datetime | None = None
    result: str = ""

    @property
    def time(self) -> datetime:
        assert self.began_at is not None
        return self.began_at


@dataclass(frozen=True, slots=True)
class Ended:
    """What the database says of a hold after its race."""

    state: str
    cause: str | None
    at: datetime | None
    freeze_count: int


class Races:
    """Races one after the other, each on a new hold in a batch of its own."""

    def __init__(self, world: World, owner_url: str, seed: int) -> None:
        self.world = world
        self.dice = random.Random(seed)
        self.owner = psycopg.connect(driver_url(owner_url), autocommit=True)
        self.total: Counter[str] = Counter()
        self.near = 0

    async def run(self, moment: Moment) -> None:
        """Fund, let everybody begin, set the deadline, start all at once, and judge."""
        hold = await self._fund()
        roles = ["claim", "sweep", *self.dice.choices(ROLES, WEIGHTS, k=WORKERS - 2)]
        contenders = [Contender(role, self._act(role, hold)) for role in roles]
        begun, start = asyncio.Barrier(WORKERS + 1), asyncio.Barrier(WORKERS + 1)
        sweeps_begin = asyncio.Event()
        tasks = [asyncio.create_task(self._take_part(each, begun, start, sweeps_begin)) for each in contenders]
        others = [each for each in contenders if each.role != "sweep"]
        while any(each.began_at is None for each in others):  # noqa: ASYNC110 - they are all about to
            await asyncio.sleep(0)
        if moment.sweeps_come_later:
            self._forward(moment.sweeps_come_later)
        sweeps_begin.set()
        await begun.wait()
        deadline = self._near_one_of(contenders if not moment.sweeps_come_later else others) + moment.deadline_is_ahead
        await self._deliver(hold.id, deadline)
        await start.wait()
        await asyncio.gather(*tasks)
        await self._judge(hold, contenders, deadline)

    def close(self) -> None:
        self.owner.close()

    async def _take_part(
        self, contender: Contender, begun: asyncio.Barrier, start: asyncio.Barrier, sweeps_begin: asyncio.Event
    ) -> None:
        if contender.role == "sweep":
            await sweeps_begin.wait()
        try:
            async with self.world.database.begin() as tx:
                contender.began_at = await tx.now()
                await begun.wait()
                await start.wait()
                await asyncio.sleep(self.dice.random() * 0.004)
                await contender.act(tx, contender.time)
        except Conflict as error:
            contender.result = error.code
        else:
            contender.result = "won"

    def _near_one_of(self, contenders: list[Contender]) -> datetime:
        """Return a time within 1 ms of one contender's, and count how many it is so near to."""
        found = self.dice.choice(contenders).time + NEAR * self.dice.uniform(-1, 1)
        self.near += sum(abs(each.time - found) <= NEAR for each in contenders)
        return found

    async def _judge(self, hold: HoldView, contenders: list[Contender], deadline: datetime) -> None:
        ended = await self._ended(hold.id)
        story = [(each.role, each.result, str(each.time - deadline)) for each in contenders]
        facts = (story, ended)
        self.total.update(f"{each.role} {each.result}" for each in contenders)
        self.total[f"ended by {ended.cause}"] += 1
        for each in contenders:
            assert each.result in LOSES_WITH | {"won"}, facts
        enders = [each for each in contenders if each.role in {"waive", "refund"} and each.result == "won"]
        assert len(enders) + (ended.cause == "sweep") <= 1, facts
        if ended.cause == "sweep":
            assert ended.at is not None
            assert ended.at >= deadline + SWEEP_MARGIN, facts  # none early
        claims = [each for each in contenders if each.role.startswith("claim")]
        # A freeze pauses the window, whoever made it: from then on a claim is not late.
        froze = [each for each in contenders if each.role == "freeze" or (each in claims and each.time <= deadline)]
        is_paused = any(each.result == "won" for each in froze)
        for claim in claims:
            if claim.time <= deadline:
                assert claim.result == "won" or ended.cause in {"waiver", "refund", "claim"}, facts
            else:
                assert claim.result != "won" or is_paused, facts
        await self._check_that_the_next_sweep_leaves_nothing_due(hold, facts)

    async def _check_that_the_next_sweep_leaves_nothing_due(self, hold: HoldView, facts: object) -> None:
        self._forward(SWEEP_MARGIN + timedelta(seconds=1))
        await self.world.sweep()
        family = self.owner.execute(
            "SELECT h.state, h.freeze_count, (SELECT max(s.freeze_count) FROM scope s WHERE s.kind = 'batch'"
            "  AND s.key = h.batch_id::text) FROM hold h WHERE h.reference_id = %s AND h.ended_at IS NULL",
            (hold.reference_id,),
        ).fetchall()
        for state, freeze_count, scope_freezes in family:
            assert state == "in_window", facts
            assert freeze_count + scope_freezes > 0, facts

    async def _ended(self, hold_id: UUID) -> Ended:
        row = self.owner.execute(
            "SELECT h.state, r.cause, r.at, h.freeze_count FROM hold h LEFT JOIN resolution r ON r.hold_id = h.id"
            " WHERE h.id = %s",
            (hold_id,),
        ).fetchone()
        assert row is not None
        return Ended(*row)

    async def _fund(self) -> HoldView:
        reference_id = new_id()
        payment_id = await self.world.request(
            Money(AMOUNT_MINOR, "CNY"), batch_id=new_id(), reference_id=reference_id
        )  # fmt: skip
        await self.world.record(payment_id, "done")
        return await self.world.hold(reference_id)

    async def _deliver(self, hold_id: UUID, deadline: datetime) -> None:
        """Prove a delivery of ten days before the deadline; rules take the time as an argument."""
        async with self.world.database.begin() as tx:
            await actions.start_window(
                tx, hold_id, window=WINDOW, proof_kind="receipt", proof_id=None, now=deadline - WINDOW
            )

    def _forward(self, by: timedelta) -> None:
        self.owner.execute("UPDATE fairhold_clock SET clock_offset = clock_offset + %s", (by,))

    def _act(self, role: str, hold: HoldView) -> Act:
        source_id = new_id()
        assert hold.batch_id is not None
        scope = ScopeKey.batch(hold.batch_id)

        def claims(minor: int) -> Act:
            return lambda tx, now: actions.claim_hold(
                tx, BUYER, hold.id, claimed_minor=minor, source_id=source_id, now=now
            )

        acts: dict[str, Act] = {
            "claim": claims(AMOUNT_MINOR),
            "claim_part": claims(AMOUNT_MINOR // 3),
            "waive": lambda tx, now: actions.waive_window(tx, BUYER, hold.id, now=now),
            "refund": lambda tx, now: actions.refund_hold(tx, SYSTEM, hold.id, decided_by=new_id(), now=now),
            "freeze": lambda tx, now: actions.freeze_scopes(
                tx, MEDIATOR, [scope], reason="signal", source_id=source_id, expires_at=None, now=now
            ),
            "sweep": lambda tx, now: release_due(tx, now=now),
        }
        return acts[role]
