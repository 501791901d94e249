"""Where a batch went, as a tree from its maker down. Counted as the dossier counts."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from reports.facts import Name
from reports.facts import Trace as TraceFacts
from reports.facts import TraceNode as Holder
from service.db.session import Tx
from service.recalls.counting import Counted
from service.reporting.tracing import trace_of
from service.sellers.queries import sellers_by_id
from service.web import formats
from service.web.charts import Trace, TraceNode
from service.web.language import Language
from service.web.phrase import Phrase, say

_SHOWN_MAX = 12
"""How many holders are shown below one; the dossier has them all."""


async def trace(tx: Tx, scope: Collection[UUID], counted: Counted, lot: str, language: Language) -> Trace | None:
    """Return who made, handed on and sold the batches of a scope; None while nobody is known to."""
    ids = {seller_id for seller_id, _ in counted.sellings} | {batch.seller_id for batch in counted.batches}
    names = {each.id: Name(each.name, each.name_zh or each.name) for each in (await sellers_by_id(tx, ids)).values()}
    found = await trace_of(tx, scope, counted, names)
    return tree(found, lot, language) if found.nodes else None


def tree(found: TraceFacts, lot: str, language: Language) -> Trace:
    """Return the holders as a tree. A holder that got goods from several stands under the first; loops are cut."""
    holders = {node.key: node for node in found.nodes}
    below: dict[str, list[tuple[str, int]]] = defaultdict(list)
    placed: set[str] = set()
    for edge in sorted(found.edges, key=lambda each: -each.units):
        below[edge.from_key].append((edge.to_key, edge.units))
    given = {edge.to_key for edge in found.edges}
    roots = [key for key in holders if key not in given] or [next(iter(holders))]
    hidden = 0

    def grown(key: str, units: int) -> TraceNode:
        nonlocal hidden
        placed.add(key)
        children: list[TraceNode] = []
        for child, handed in below[key]:
            if child in placed:
                continue
            if len(children) == _SHOWN_MAX:
                placed.add(child)
                hidden += 1
                continue
            children.append(grown(child, handed))
        holder = holders[key]
        return TraceNode(holder.name.said(language), detail_of(holder), units, holder.is_hot, tuple(children))

    grown_roots = [grown(key, holders[key].units) for key in roots if key not in placed]
    root = grown_roots[0] if len(grown_roots) == 1 else _joined(lot, grown_roots)
    shops = sum(holder.role == "shop" for holder in found.nodes)
    return Trace(root, say("trace.summary", n=shops), hidden)


def detail_of(holder: Holder) -> Phrase:
    """Return what a holder did with the batch."""
    if holder.role == "factory":
        return say("trace.made", n=holder.units)
    if holder.role == "brand":
        return say("trace.stock", n=holder.units)
    if holder.role == "agent":
        return say("trace.got", n=holder.units)
    sold = formats.number(holder.units)
    return say("trace.sold", sold=sold, n=holder.buyers) if holder.buyers else say("trace.sold_none", sold=sold)


def _joined(lot: str, roots: Sequence[TraceNode]) -> TraceNode:
    """Return one beginning for goods that several sellers registered or sold without saying from whom."""
    units = sum(root.units for root in roots)
    return TraceNode(lot, say("trace.sellers", n=len(roots)), units, children=tuple(roots))
