"""Watches the matcher: what it could not place, and an alert when people override more of its links than promised."""

from datetime import datetime

from service.complaints import rules
from service.complaints.model_schemas import DriftView, MatchingView
from service.complaints.models import is_readable, model_in_force
from service.complaints.queries.drift import drift, newest_links
from service.db.session import Tx
from service.escrow.alerts import clear_alert, raise_alert

OVERRIDDEN, UNREADABLE = "matching_overridden", "matching_model_unreadable"
MATCHING = ("matching", "all")


async def watch_matching(tx: Tx) -> int:
    """Raise or clear the alerts of the matcher; return 0: no need to ask again."""
    now = await tx.now()
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


async def matching_now(tx: Tx, *, now: datetime) -> MatchingView:
    """Return the model in force with what its report lets one expect, and the drift; counts only, without a filter."""
    model, links = await model_in_force(tx), await newest_links(tx)
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
            for each in await drift(tx, now=now)
        ],
    )
