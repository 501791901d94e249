"""Retrieve, score, calibrate, decide: what a complaint's actions call."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from service.complaints.matching.calibrate import Model, shipped_model
from service.complaints.matching.decide import decide
from service.complaints.matching.evidence import Evidence, Found
from service.complaints.matching.facts import Decision, Query, Scored
from service.complaints.matching.retrieve import find, find_each
from service.complaints.matching.score import score
from service.complaints.matching.shelf import Shelf


def rank(query: Query, found: Found, model: Model) -> tuple[Evidence, list[Scored]]:
    """Return the evidence, and the candidates best first; the same whatever their order."""
    evidence = Evidence(query, found)
    return evidence, score(evidence, model.ranking, model.by_hand)


def match_among(query: Query, found: Found, model: Model | None = None) -> Decision:
    """Return the decision among candidates already at hand; the shipped model decides unless another is given."""
    judge = model or shipped_model()
    return decide(*rank(query, found, judge), judge)


async def match(session: AsyncSession, query: Query, *, model: Model) -> Decision:
    """Return the decision for a complaint over the batches registered now; reads only and takes no lock."""
    return match_among(query, await find(session, query), model)


async def match_each(session: AsyncSession, queries: Sequence[Query], *, model: Model) -> list[Decision]:
    """Return what `match` decides for each of the queries, in their order."""
    found = await find_each(session, queries)
    return [match_among(query, among, model) for query, among in zip(queries, found, strict=True)]


def match_on(shelf: Shelf, query: Query, model: Model | None = None) -> Decision:
    """Return the decision among what stands on a shelf."""
    return match_among(query, shelf.find(query), model)
