"""A claim's transaction may take 3 s from its beginning: none made in time is still open when the sweep comes."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.core.errors import Unavailable
from service.core.ids import new_id
from service.db.session import Tx
from service.escrow import actions
from service.escrow.rules import CLAIM_SECONDS_MAX, SWEEP_MARGIN
from tests.escrow.unmoved import unmoved
from tests.escrow.world import BUYER, World


async def wait(tx: Tx, seconds: float) -> None:
    """Let the transaction grow old, as one does that waits for a lock."""
    await tx.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})


@pytest.mark.parametrize("before", [0.0, CLAIM_SECONDS_MAX - 0.5, CLAIM_SECONDS_MAX + 0.1])
async def test_a_claim_that_takes_over_three_seconds_ends_and_nothing_moves(world: World, before: float) -> None:
    assert SWEEP_MARGIN.total_seconds() > CLAIM_SECONDS_MAX
    hold = await world.delivered()

    async def claim_slowly() -> None:
        async with world.database.begin() as tx:
            now = await tx.now()
            await wait(tx, before)
            await actions.claim_hold(tx, BUYER, hold.id, claimed_minor=10_000, source_id=new_id(), now=now)
            await wait(tx, CLAIM_SECONDS_MAX - before + 0.1)

    async with unmoved(world.database):
        with pytest.raises((DBAPIError, Unavailable), match=r"transaction timeout|the transaction took too long"):
            await claim_slowly()


async def test_a_claim_that_is_quick_enough_goes_through(world: World) -> None:
    hold = await world.delivered()
    async with world.database.begin() as tx:
        now = await tx.now()
        await wait(tx, 1.0)
        await actions.claim_hold(tx, BUYER, hold.id, claimed_minor=10_000, source_id=new_id(), now=now)
        await wait(tx, 0.2)
    assert (await world.hold(hold.reference_id)).is_frozen
