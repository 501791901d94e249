"""Retrieve, score, calibrate, decide: what a complaint's actions call."""

from collections.abc import Sequence
from itertools import islice

from sqlalchemy.ext.asyncio import AsyncSession

from service.complaints.matching.calibrate import Model, shipped_model
from service.complaints.matching.decide import decide
from service.complaints.matching.evidence import Evidence, Found
from service.complaints.matching.facts import Decision, Query, Scored
from service.complaints.matching.photos import looks, with_photos
from service.complaints.matching.retrieve import find_each
from service.complaints.matching.score import score
from service.complaints.matching.shelf import Shelf


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
    return [_decided(each, list(islice(found, len(each))), model) for each in asked]


def match_on(shelf: Shelf, query: Query, model: Model | None = None) -> Decision:
    """Return the decision among what stands on a shelf; the shipped model decides unless another is given."""
    asked = looks(query)
    return _decided(asked, [shelf.find(each) for each in asked], model or shipped_model())


def _decided(asked: Sequence[Query], found: Sequence[Found], model: Model) -> Decision:
    told = decide(*rank(asked[0], found[0], model), model)
    if len(asked) == 1:
        return told
    evidence, scored = rank(asked[1], found[1], model)
    return with_photos(told, evidence, scored, decide(evidence, scored, model))
