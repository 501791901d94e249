"""Retrieve, score, calibrate, decide: what a complaint's actions call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy.ext.asyncio import AsyncSession

from service.complaints.matching.calibrate import Model, shipped_model
from service.complaints.matching.decide import decide
from service.complaints.matching.evidence import Evidence, Found
from service.complaints.matching.facts import Decision, Outcome, Query, Scored
from service.complaints.matching.photos import looks, with_photos
from service.complaints.matching.retrieve import find_each
from service.complaints.matching.score import score
from service.complaints.matching.shelf import Shelf
from service.complaints.matching.trade import WEIGHED, tells, with_ways
from service.complaints.matching.ways import sellers_named, ways_of


def rank(query: Query, found: Found, model: Model) -> tuple[Evidence, list[Scored]]:
    """Return the evidence, and the candidates best first; the same whatever their order."""
    evidence = Evidence(query, found)
    return evidence, score(evidence, model.ranking, model.by_hand)


async def match(session: AsyncSession, query: Query, *, model: Model) -> Decision:
    """Return the decision for a complaint over the batches registered now; reads only and takes no lock."""
    return (await match_each(session, [query], model=model))[0]


async def match_each(session: AsyncSession, queries: Sequence[Query], *, model: Model) -> list[Decision]:
    """Return what `match` decides for each of the queries, in their order."""
    asked = [looks(query) for query in queries]
    found = iter(await find_each(session, [look for each in asked for look in each]))
    judged = [_judged(each, list(islice(found, len(each))), model) for each in asked]
    alone = [each.alone for each in judged if each.alone is not None]
    decisions = await _with_ways(session, [*judged, *alone], model)
    of_told = iter(decisions[len(judged) :])
    return [
        decision if each.alone is None else replace(decision, alone=next(of_told))
        for each, decision in zip(judged, decisions, strict=False)
    ]


def match_on(shelf: Shelf, query: Query, model: Model | None = None) -> Decision:
    """Return the decision among what stands on a shelf; the shipped model decides unless another is given."""
    asked = looks(query)
    return _judged(asked, [shelf.find(each) for each in asked], model or shipped_model()).decision


@dataclass(frozen=True, slots=True)
class _Judged:
    """A decision, and the evidence and candidates that its first batch was taken from."""

    decision: Decision
    evidence: Evidence
    scored: Sequence[Scored]
    is_curated: bool = False
    """Whether photos chose what stands behind the first."""
    alone: "_Judged | None" = None
    """What was judged of what was told, where photos made another decision of it."""


def _judged(asked: Sequence[Query], found: Sequence[Found], model: Model) -> _Judged:
    evidence, scored = rank(asked[0], found[0], model)
    told = decide(evidence, scored, model)
    if len(asked) == 1:
        return _Judged(told, evidence, scored)
    seen_evidence, seen = rank(asked[1], found[1], model)
    decision = with_photos(told, seen_evidence, seen, decide(seen_evidence, seen, model))
    is_curated = decision.runners_up is not told.runners_up
    alone = None if decision.alone is None else _Judged(told, evidence, scored)
    if any(one is decision.best for one in seen):
        return _Judged(decision, seen_evidence, seen, is_curated, alone)
    return _Judged(decision, evidence, scored, is_curated, alone)


async def _with_ways(session: AsyncSession, judged: Sequence[_Judged], model: Model) -> list[Decision]:
    """Return the decisions with what the way of goods says; nothing is read for who tells nothing of it.

    What somebody wrote of the seller is looked up only where no batch is linked anyway.
    """
    written = [
        each.evidence.query
        for each in judged
        if each.scored and each.evidence.query.sold_by is None and each.decision.outcome is not Outcome.LINKED
    ]
    sellers = await sellers_named(session, written)
    queries = [
        replace(each.evidence.query, sold_by=sellers.get(each.evidence.query, each.evidence.query.sold_by))
        for each in judged
    ]
    asked = [
        (query, [one.candidate for one in each.scored[:WEIGHED]] if tells(query) else [])
        for query, each in zip(queries, judged, strict=True)
    ]
    ways = await ways_of(session, asked)
    return [
        with_ways(each.decision, query, each.evidence, each.scored, own, model, is_curated=each.is_curated)
        for each, query, own in zip(judged, queries, ways, strict=True)
    ]
