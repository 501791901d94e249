"""Where a batch went: custody and sales as the trace of a dossier."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from uuid import UUID

from reports.facts import Name, Trace, TraceEdge, TraceNode, TraceRole
from service.batches.queries import custody_of
from service.db.session import Tx
from service.orders.queries import units_by_seller
from service.recalls.counting import Counted
from service.sellers.queries import sellers_by_id


async def trace_of(tx: Tx, scope: Collection[UUID], counted: Counted, names: Mapping[UUID, Name]) -> Trace:
    """Return who made, handed on and sold the batches of a scope, in whole units; holders sorted by id."""
    edges: dict[tuple[UUID, UUID], int] = defaultdict(int)
    for move in await custody_of(tx, scope):
        edges[move.from_seller_id, move.to_seller_id] += move.units
    sold = await units_by_seller(tx, scope)
    made: dict[UUID, int] = defaultdict(int)
    for batch in counted.batches:
        made[batch.seller_id] += batch.units_made or 0
    holders = sorted({seller_id for edge in edges for seller_id in edge} | set(sold))
    sellers = await sellers_by_id(tx, holders)
    given: dict[UUID, int] = defaultdict(int)
    got: dict[UUID, int] = defaultdict(int)
    for (from_id, to_id), units in edges.items():
        given[from_id] += units
        got[to_id] += units
    nodes = []
    for holder in holders:
        role = _role(sellers[holder].kind, made=holder in made, gives=holder in given)
        units = {
            "factory": made[holder] or given[holder],
            "brand": max(0, made[holder] + got[holder] - given[holder] - sold.get(holder, 0)),
            "agent": got[holder],
            "shop": sold.get(holder, 0),
        }[role]
        is_hot = role == "shop" and counted.rate_of_seller(holder).low > counted.base.limit
        nodes.append(TraceNode(str(holder), role, names[holder], units, counted.buyers_of(holder), is_hot))
    return Trace(tuple(nodes), tuple(TraceEdge(str(a), str(b), units) for (a, b), units in sorted(edges.items())))


def _role(kind: str, *, made: bool, gives: bool) -> TraceRole:
    if not gives:
        return "shop"
    if kind == "factory":
        return "factory"
    return "brand" if made or kind == "brand" else "agent"
