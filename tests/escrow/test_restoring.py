"""A ledger that was loaded into a younger server goes on being sealed, and its events relayed."""

from datetime import timedelta

import pytest

from service.core.errors import Conflict
from service.escrow.restoring import catch_up_transactions
from service.escrow.verify import verify_database
from tests.conftest import Clock, DatabaseUrls
from tests.escrow.sealed import grow, seal, superuser
from tests.escrow.world import World

AHEAD = 50_000


async def test_transaction_ids_catch_up_and_nothing_seems_to_lie_in_a_sealed_block(
    world: World, clock: Clock, urls: DatabaseUrls
) -> None:
    assert catch_up_transactions(urls.owner) == 0
    await grow(world, clock, 1)
    assert catch_up_transactions(urls.owner) == 0
    with superuser(urls.admin) as admin:  # rows of a server that was further on
        for table in ("event", "transfer", "resolution"):
            admin.execute(f"UPDATE {table} SET xid = (xid::text::bigint + {AHEAD})::text::xid8")
        admin.execute("DELETE FROM seal")
        admin.execute("UPDATE event_relay SET xid = (SELECT max(xid::text::bigint) FROM event)::text::xid8")
    used: list[tuple[int, int]] = []
    gap = catch_up_transactions(urls.owner, lambda done, of: used.append((done, of)))
    assert AHEAD - 1_000 < gap <= AHEAD
    assert used[-1] == (gap, gap)
    await world.delivered()
    clock.forward(timedelta(minutes=1))
    assert await seal(world.database) > 0
    verdict = verify_database(urls.app)
    assert (verdict.problems, verdict.unsealed) == ([], 0)
    waiting = "SELECT count(*) FROM event e, event_relay r WHERE e.xid > r.xid AND e.name = 'hold.funded'"
    assert await world.value(waiting) == 1  # the new one is ahead of the relay's mark


async def test_a_gap_too_wide_to_use_up_is_refused_with_what_to_do(world: World, urls: DatabaseUrls) -> None:
    with superuser(urls.admin) as admin:
        admin.execute("UPDATE event_relay SET xid = '9000000000'")
    with pytest.raises(Conflict, match="pg_resetwal --epoch=3") as refusal:
        catch_up_transactions(urls.owner)
    assert refusal.value.code == "transaction_ids_far_behind"
