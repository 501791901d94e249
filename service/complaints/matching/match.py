"""Retrieve, score, calibrate, decide: what a complaint's actions call."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from service.complaints.matching.calibrate import Model, shipped_model
from service.complaints.matching.decide import decide
from service.complaints.matching.facts import Candidate, Decision, Query
from service.complaints.matching.retrieve import candidates, candidates_of_each
from service.complaints.matching.score import score


async def match(session: AsyncSession, query: Query, *, model: Model | None = None) -> Decision:
    """Return the decision for a complaint over the batches registered now; reads only and takes no lock."""
    return match_among(query, await candidates(session, query), model)


async def match_each(
    session: AsyncSession, queries: Sequence[Query], *, model: Model | None = None
) -> list[Decision]:
    """Return what `match` decides for each of the queries, in their order."""
    found = await candidates_of_each(session, queries)
    return [match_among(query, among, model) for query, among in zip(queries, found, strict=True)]


def match_among(query: Query, found: Sequence[Candidate], model: Model | None = None) -> Decision:
    """Return the decision among candidates already at hand; the same whatever their order."""
    judge = model or shipped_model()
    return decide(query, score(query, found, judge.weights), judge)
