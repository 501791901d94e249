"""Watches the matcher: what it could not place, and an alert when people override more of its links than promised."""

from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy.dialects.postgresql import insert

from service.complaints import rules
from service.complaints.model_schemas import DriftView, MatchingView
from service.complaints.models import is_readable, model_in_force
from service.complaints.queries.drift import counted_drift, drift, newest_links
from service.complaints.tables import MatchingDrift
from service.db.session import Tx
from service.escrow.alerts import clear_alert, raise_alert

OVERRIDDEN, UNREADABLE = "matching_overridden", "matching_model_unreadable"
MATCHING = ("matching", "all")
COUNT_EVERY = timedelta(minutes=4)
"""Less than the pause of a worker, so that one worker alone counts each time."""


async def watch_matching(tx: Tx) -> int:
    """Count the drift, unless another worker just did; raise or clear the matcher's alerts; return 0: ask no more."""
    now = await tx.now()
    _, counted_at = await counted_drift(tx)
    if counted_at is None or counted_at <= now - COUNT_EVERY:
        await _count(tx, now=now)
    links, model = await newest_links(tx), await model_in_force(tx)
    if links.overridden > rules.overrides_allowed():
        facts = {"links": links.links, "overridden": links.overridden, "model": model.version}
        await raise_alert(tx, OVERRIDDEN, MATCHING, facts=facts, now=now)
    else:
        await clear_alert(tx, OVERRIDDEN, MATCHING, now=now)
    if await is_readable(tx):
        await clear_alert(tx, UNREADABLE, MATCHING, now=now)
    else:
        await raise_alert(tx, UNREADABLE, MATCHING, facts={"model": model.version}, now=now)
    return 0


async def _count(tx: Tx, *, now: datetime) -> None:
    counts = [asdict(each) for each in await drift(tx, now=now)]
    row = insert(MatchingDrift).values(name="all", counts=counts, counted_at=now)
    changed = {"counts": row.excluded.counts, "counted_at": row.excluded.counted_at}
    await tx.execute(row.on_conflict_do_update(index_elements=["name"], set_=changed))


async def matching_now(tx: Tx) -> MatchingView:
    """Return the model in force with what its report lets one expect, and the drift as it was counted last.

    Counts only, so without a filter.
    """
    model, links = await model_in_force(tx), await newest_links(tx)
    counts, counted_at = await counted_drift(tx)
    expected = model.report.get("expected", {})
    promised = round(1 - rules.LINK_PRECISION_PROMISED, 4)
    overridden = expected.get("overridden")
    return MatchingView(
        version=model.version,
        origin=model.origin,
        made_at=model.made_at,
        deployed_at=model.deployed_at,
        unmatched_expected=expected.get("unmatched"),
        overridden_expected=promised if overridden is None else overridden,
        newest_links=links.links,
        overridden=links.overridden,
        overridden_max=rules.overrides_allowed(),
        counted_at=counted_at,
        drift=[
            DriftView(
                each.version,
                each.days,
                each.tried,
                each.unmatched,
                each.unmatched_share,
                each.links,
                each.overridden,
                each.overridden_share,
            )
            for each in counts
        ],
    )
