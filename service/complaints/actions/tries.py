"""The matcher's tries: many complaints at once, each kept with its reasons, and never over a person's choice."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, TextClause, text

from service.complaints.actions.finding import (
    OPEN,
    OPEN_OR_LINKED,
    found_of,
    link_facts,
    open_queries,
    was_facts,
)
from service.complaints.actions.steps import told_facts
from service.complaints.matching.calibrate import Model
from service.complaints.matching.facts import Candidate, Decision, Outcome, Query
from service.complaints.matching.match import match_each
from service.complaints.models import current_model
from service.complaints.tables import ComplaintMatch
from service.core.errors import Unavailable
from service.core.ids import new_id
from service.db.session import Tx


def _lock(which: str) -> TextClause:
    return text(
        "SELECT c.id, c.tenant_id, c.order_id, c.seller_id, c.product_id, c.match_status, c.batch_id, c.link_is_strict"  # noqa: S608 - made of constants
        f" FROM complaint c WHERE c.id = ANY(:ids) AND {which} ORDER BY c.id FOR NO KEY UPDATE OF c"
    )


_LOCK_OPEN, _LOCK_LINKED = _lock(OPEN), _lock(OPEN_OR_LINKED)
_STAND = text(
    "SELECT b.id, b.lot_code, coalesce(b.maker_lot_code, ''), p.brand, p.name_en, p.name_zh, coalesce(p.gtin, '')"
    " FROM batch b JOIN product p ON p.id = b.product_id WHERE b.id = ANY(:ids) ORDER BY b.id FOR KEY SHARE"
)
"""Batches as they are, kept so: a correction takes the whole row, and evaluations do not wait."""
DECIDED_MAX = 5
_TRIES = text(
    "SELECT complaint_id, link_by, outcome, batch_id, is_strict, runners_up FROM complaint_match"
    " WHERE complaint_id = ANY(:ids) ORDER BY complaint_id, id"
)
_KEEP = text(
    """
WITH found AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:found AS jsonb)) AS f(
        place int, id uuid, tenant_id uuid, complaint_id uuid, outcome text, is_strict boolean, batch_id uuid,
        product_id uuid, probability float8, product_probability float8, model_version text, reasons jsonb,
        runners_up jsonb, linked_to uuid, linked_by text, kept_product_id uuid, event_id uuid, event text, facts jsonb)
), kept AS (
    INSERT INTO complaint_match (id, tenant_id, complaint_id, link_by, outcome, is_strict, batch_id, product_id,
        probability, product_probability, model_version, reasons, runners_up, at)
    SELECT id, tenant_id, complaint_id, 'automatic', outcome, is_strict, batch_id, product_id, probability,
        product_probability, model_version, reasons, runners_up, :now FROM found ORDER BY place
), moved AS (
    UPDATE complaint c SET match_status = f.outcome, batch_id = f.linked_to, link_by = f.linked_by,
        link_is_strict = f.linked_to IS NOT NULL AND f.is_strict, product_id = f.kept_product_id
    FROM found f WHERE c.id = f.complaint_id
      AND (c.match_status, c.batch_id, c.product_id, c.link_is_strict)
          IS DISTINCT FROM (f.outcome, f.linked_to, f.kept_product_id, f.linked_to IS NOT NULL AND f.is_strict)
)
INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, at, facts)
SELECT event_id, event, 'complaint', complaint_id, tenant_id, :now, facts FROM found
WHERE event IS NOT NULL ORDER BY place
"""
)
"""Keeps what was found for complaints that are locked: the try, the complaint's own columns, the event."""


async def match_complaint(tx: Tx, complaint_id: UUID, *, now: datetime) -> str | None:
    """Look for the batch of a complaint that nobody and no earlier try linked; return the outcome, None if not tried.

    The same outcome as at the last try is not written again. Reads first, then locks the complaint.
    """
    return (await match_complaints(tx, [complaint_id], now=now)).get(complaint_id)


async def match_complaints(
    tx: Tx, complaint_ids: Collection[UUID], *, now: datetime, with_linked: bool = False
) -> dict[UUID, str]:
    """Do what `match_complaint` does for each, with as many statements as for one; return the outcomes of those tried.

    `with_linked` tries those again, too, that an earlier try linked: a link that no longer holds moves or goes.
    Reads first, then locks the complaints by id, then the batches of the links; a link to one that was corrected in
    between is decided again. What fails with one of them fails with all. Raises `Unavailable` ("busy").
    """
    queries = await open_queries(tx, complaint_ids, with_linked=with_linked)
    model = await current_model(tx)
    decisions = await _decide(tx, queries, model)
    locking = _LOCK_LINKED if with_linked else _LOCK_OPEN
    locked = list(await tx.execute(locking, {"ids": list(queries)})) if queries else []
    await _decide_again(tx, {each.id: queries[each.id] for each in locked}, decisions, model)
    tries = await _tries(tx, [each.id for each in locked])
    outcomes: dict[UUID, str] = {}
    kept: list[dict[str, Any]] = []
    for complaint in locked:
        tried = found_of(complaint, queries[complaint.id], decisions[complaint.id], now=now)
        if tried.outcome == Outcome.LINKED and any(_took_away(each) for each in tries[complaint.id]):
            tried.outcome, tried.is_strict = str(Outcome.SUGGESTED), False
        outcomes[complaint.id] = tried.outcome
        if _is_news(tries[complaint.id], tried):
            is_first = not tries[complaint.id]
            kept.append({"place": len(kept), **_kept(complaint, queries[complaint.id], tried, is_first=is_first)})
    if kept:
        await tx.execute(_KEEP, {"found": msgspec.json.encode(kept).decode(), "now": now})
    return outcomes


async def _decide(tx: Tx, queries: Mapping[UUID, Query], model: Model) -> dict[UUID, Decision]:
    return dict(zip(queries, await match_each(tx, list(queries.values()), model=model), strict=True))


async def _decide_again(tx: Tx, queries: Mapping[UUID, Query], decisions: dict[UUID, Decision], model: Model) -> None:
    """Decide those again whose batch is not as it was found. From here on no correction comes in between.

    Whoever corrects a batch looks for its links as soon as that is committed, and would not see this transaction's.
    """
    for _ in range(DECIDED_MAX):
        linked = {at: decisions[at].best for at in queries if decisions[at].outcome == Outcome.LINKED}
        found = {at: best.candidate for at, best in linked.items() if best is not None}
        if not found:
            return
        rows = await tx.execute(_STAND, {"ids": sorted({one.batch_id for one in found.values()}, key=str)})
        stand = {row.id: tuple(row)[1:] for row in rows}
        stale = {at: queries[at] for at, one in found.items() if stand.get(one.batch_id) != _facts(one)}
        if not stale:
            return
        decisions |= await _decide(tx, stale, model)
    raise Unavailable("busy", "batches are corrected faster than complaints can be matched")


def _facts(batch: Candidate) -> tuple[str, ...]:
    return (batch.lot_code, batch.maker_lot_code, batch.brand, batch.name_en, batch.name_zh, batch.gtin)


def _kept(complaint: Row[Any], query: Query, tried: ComplaintMatch, *, is_first: bool) -> dict[str, Any]:
    """Return what `_KEEP` writes of a try; an event only of the first, and of what moved."""
    was = complaint.batch_id
    was_linked = (complaint.match_status, was, complaint.link_is_strict)
    if tried.outcome == Outcome.LINKED:
        linked_to, linked_by, kept = tried.batch_id, "automatic", tried.product_id
        event, more = "complaint.linked", link_facts(linked_to, kept, linked_by, is_strict=tried.is_strict)
    else:
        linked_to, linked_by, kept = None, None, tried.product_id if tried.outcome == Outcome.PRODUCT_ONLY else None
        event, more = "complaint.unmatched", {"match_status": tried.outcome}
    own = {
        name: getattr(tried, name)
        for name in (
            *("id", "tenant_id", "complaint_id", "outcome", "is_strict", "batch_id", "product_id", "probability"),
            *("product_probability", "model_version", "reasons", "runners_up"),
        )
    }
    product_id = kept if linked_to is not None else query.order_product_id or kept
    link = {"linked_to": linked_to, "linked_by": linked_by, "kept_product_id": product_id}
    moved = was_linked != (tried.outcome, linked_to, linked_to is not None and tried.is_strict)
    facts = told_facts(complaint, "system", more | was_facts(was if was != linked_to else None))
    return own | link | {"event_id": new_id(), "event": event if is_first or moved else None, "facts": facts}


async def _tries(tx: Tx, complaint_ids: Sequence[UUID]) -> defaultdict[UUID, list[Row[Any]]]:
    """Return all tries and choices so far, by complaint, the oldest first."""
    tries: defaultdict[UUID, list[Row[Any]]] = defaultdict(list)
    for each in await tx.execute(_TRIES, {"ids": list(complaint_ids)}) if complaint_ids else ():
        tries[each.complaint_id].append(each)
    return tries


def _took_away(tried: Row[Any]) -> bool:
    """Whether a mediator took a link away: from then on people link, not the matcher."""
    return bool(tried.link_by == "mediator" and tried.outcome == Outcome.UNMATCHED)


def _is_news(tries: Sequence[Row[Any]], found: ComplaintMatch) -> bool:
    last = next((each for each in reversed(tries) if each.link_by == "automatic"), None)
    return last is None or (last.outcome, last.batch_id, last.is_strict, last.runners_up) != (
        found.outcome,
        found.batch_id,
        found.is_strict,
        found.runners_up,
    )
