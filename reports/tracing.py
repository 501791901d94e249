"""Lay out the trace of a batch: who stands in which column, what is drawn together, where the lines run.

Custody is nearly a tree, but may be any graph: a shop may get goods from two agents, goods may come back. The layout
takes the largest hand-over to each holder as its parent; hand-overs that would run backwards are left to the data.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from reports.facts import Name, Trace, TraceEdge, TraceNode
from reports.words import Speech, fit

AGENT_LEVELS_MAX: Final = 2
AGENTS_DRAWN_MAX: Final = 5
SHOPS_DRAWN_MAX: Final = 8
OTHERS: Final = "\x00others"  # no key from outside can be equal to one that begins so: they are cleaned identifiers

_WIDTH: Final = 722
_LAST_X: Final = 537
_SHOP_SIZE: Final = (184, 44)
_OTHER_WIDTH_MAX: Final = 128
_OTHER_HEIGHT: Final = 54
_FLOW_WIDTH_MAX: Final = 9.0
_FLOW_WIDTH_MIN: Final = 1.5
_TEXT_PX: Final = 12
_PAD_PX: Final = 22


@dataclass(frozen=True, slots=True)
class Box:
    """One holder, or several drawn together: where, how large, and its two lines of text."""

    x: float
    y: float
    width: float
    height: float
    title: str
    text: str
    is_hot: bool
    is_origin: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """One hand-over as a curve."""

    path: str
    width: float
    is_hot: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole trace, 722 units wide; `is_folded` says that holders were drawn together."""

    height: float
    boxes: tuple[Box, ...]
    flows: tuple[Flow, ...]
    is_folded: bool


def lay_out(trace: Trace, speech: Speech) -> Drawing:
    """Place every holder and hand-over of a trace."""
    folded = _fold_shops(_fold_agents(trace, speech), speech)
    columns = _columns(folded)
    parents = _parents(folded, columns)
    tops, height = _rows(folded, columns, parents)
    boxes = {
        node.key: _box(node, columns[node.key], max(columns.values(), default=0), tops[node.key], speech)
        for node in folded.nodes
    }
    most = max((edge.units for edge in folded.edges), default=0)
    hot = {node.key for node in folded.nodes if node.is_hot}
    flows = [
        Flow(_curve(boxes[edge.from_key], boxes[edge.to_key]), _flow_width(edge.units, most), edge.to_key in hot)
        for edge in folded.edges
        if columns[edge.from_key] < columns[edge.to_key]
    ]
    return Drawing(round(height, 1), tuple(boxes.values()), tuple(flows), len(folded.nodes) < len(trace.nodes))


def _rank(node: TraceNode) -> tuple[bool, int, int, str]:
    """Order holders by what a reader must see first: red, then buyers, then units."""
    return (not node.is_hot, -node.buyers, -node.units, node.key)


def _agent_levels(trace: Trace) -> dict[str, int]:
    """Count each agent's steps below the brand, in at most as many rounds as there are levels to tell apart."""
    agents = {node.key for node in trace.nodes if node.role == "agent"}
    levels = dict.fromkeys(agents, 1)
    for _ in range(AGENT_LEVELS_MAX):
        for edge in trace.edges:
            if edge.from_key in agents and edge.to_key in agents:
                levels[edge.to_key] = max(levels[edge.to_key], min(levels[edge.from_key] + 1, AGENT_LEVELS_MAX + 1))
    return levels


def _fold_agents(trace: Trace, speech: Speech) -> Trace:
    """Keep the five agents with most units of the drawn levels; put the others and all deeper ones into one box."""
    levels = _agent_levels(trace)
    agents = [node for node in trace.nodes if node.role == "agent"]
    drawable = [node for node in agents if levels[node.key] <= AGENT_LEVELS_MAX]
    drawable.sort(key=lambda node: (levels[node.key], _rank(node)))  # no agent is drawn without those above it
    kept = {node.key for node in drawable[:AGENTS_DRAWN_MAX]}
    others = [node for node in agents if node.key not in kept]
    if len(others) < 2:
        return trace
    into = {node.key: OTHERS + "agents" for node in others}
    received = sum(edge.units for edge in trace.edges if edge.to_key in into and edge.from_key not in into)
    return _merged(trace, into, lambda key, nodes: _others(key, nodes, received, speech))


def _fold_shops(trace: Trace, speech: Speech) -> Trace:
    """Keep the eight shops that matter most; put the others into one box for each holder they got theirs from."""
    shops = sorted((node for node in trace.nodes if node.role == "shop"), key=_rank)
    if len(shops) <= SHOPS_DRAWN_MAX:
        return trace
    supplier = _largest_supplier(trace.edges)
    groups: dict[str, list[str]] = defaultdict(list)
    for shop in shops[SHOPS_DRAWN_MAX:]:
        groups[f"{OTHERS}shops of {supplier.get(shop.key, '')}"].append(shop.key)
    into = {key: group for group, keys in groups.items() for key in keys}
    return _merged(trace, into, lambda key, nodes: _others(key, nodes, sum(node.units for node in nodes), speech))


def _others(key: str, nodes: list[TraceNode], units: int, speech: Speech) -> TraceNode:
    """Make the one holder that stands for several of the same role."""
    words = "other_shops" if nodes[0].role == "shop" else "other_agents"
    title = str(speech.count(words, len(nodes)))
    buyers = sum(node.buyers for node in nodes)
    return TraceNode(key, nodes[0].role, Name(title, title), units, buyers, any(node.is_hot for node in nodes))


def _merged(trace: Trace, into: Mapping[str, str], make: Callable[[str, list[TraceNode]], TraceNode]) -> Trace:
    """Replace groups of holders by one each, and add up their hand-overs."""
    groups: dict[str, list[TraceNode]] = defaultdict(list)
    for node in trace.nodes:
        if node.key in into:
            groups[into[node.key]].append(node)
    units: dict[tuple[str, str], int] = defaultdict(int)
    for edge in trace.edges:
        ends = (into.get(edge.from_key, edge.from_key), into.get(edge.to_key, edge.to_key))
        if ends[0] != ends[1]:
            units[ends] += edge.units
    kept = [node for node in trace.nodes if node.key not in into]
    made = [make(key, nodes) for key, nodes in groups.items()]
    return Trace((*kept, *made), tuple(TraceEdge(*ends, count) for ends, count in units.items()))


def _largest_supplier(edges: Iterable[TraceEdge]) -> dict[str, str]:
    """Return for each holder the one that handed it most (the first of equals)."""
    largest: dict[str, TraceEdge] = {}
    for edge in edges:
        if edge.to_key not in largest or edge.units > largest[edge.to_key].units:
            largest[edge.to_key] = edge
    return {key: edge.from_key for key, edge in largest.items()}


def _columns(trace: Trace) -> dict[str, int]:
    """Give every holder its column: factory, brand, agents by level, shops; columns that nobody uses are left out."""
    levels = _agent_levels(trace)
    places = {"factory": 0, "brand": 1, "shop": AGENT_LEVELS_MAX + 2}
    wide = {
        node.key: 1 + min(levels[node.key], AGENT_LEVELS_MAX) if node.role == "agent" else places[node.role]
        for node in trace.nodes
    }
    used = sorted(set(wide.values()))
    return {key: used.index(column) for key, column in wide.items()}


def _parents(trace: Trace, columns: Mapping[str, int]) -> dict[str, str]:
    """Return each holder's parent; it stands in an earlier column, so there can be no ring."""
    return _largest_supplier(edge for edge in trace.edges if columns[edge.from_key] < columns[edge.to_key])


def _rows(trace: Trace, columns: Mapping[str, int], parents: Mapping[str, str]) -> tuple[dict[str, float], float]:
    """Return each box's top and the whole height: leaves one below another, a parent in the middle of its children."""
    children: dict[str, list[TraceNode]] = defaultdict(list)
    for node in sorted(trace.nodes, key=lambda node: (node.key.startswith(OTHERS), _rank(node))):
        children[parents.get(node.key, "")].append(node)
    tops: dict[str, float] = {}
    below = 2.0

    def place(node: TraceNode) -> float:
        """Place a holder under all it handed to; returns its middle. As deep as there are columns."""
        nonlocal below
        height = _SHOP_SIZE[1] if node.role == "shop" else _OTHER_HEIGHT
        middles = [place(child) for child in children[node.key]]
        if middles:
            middle = (middles[0] + middles[-1]) / 2
            below += 8
        else:
            middle = below + height / 2
            below += height + 10
        tops[node.key] = round(middle - height / 2, 1)
        return middle

    for root in sorted(children[""], key=lambda node: columns[node.key]):
        place(root)
    lowest = max((tops[node.key] + (44 if node.role == "shop" else 54) for node in trace.nodes), default=0.0)
    highest = min(tops.values(), default=0.0)
    return {key: round(top - highest + 2, 1) for key, top in tops.items()}, lowest - highest + 4


def _box(node: TraceNode, column: int, last: int, top: float, speech: Speech) -> Box:
    gap = 48 if last < 4 else 30
    pitch = _LAST_X / max(last, 1)
    other_width = min(_OTHER_WIDTH_MAX, pitch - gap)
    is_shop = node.role == "shop"
    width, height = _SHOP_SIZE if is_shop else (round(other_width, 1), _OTHER_HEIGHT)
    x = min(1 + round((_LAST_X - 1) / max(last, 1) * column, 1), _WIDTH - 1 - width)
    title = fit(node.name.said(speech.language), (width - _PAD_PX) / _TEXT_PX)
    text = fit(_figures(node, speech), (width - _PAD_PX) / _TEXT_PX)
    return Box(x, top, width, height, title, text, node.is_hot, node.role == "factory")


def _figures(node: TraceNode, speech: Speech) -> str:
    units = speech.number(node.units)
    if node.role == "shop":
        if not node.buyers:
            return str(speech.say("sold_none", units=units))
        return str(speech.count("sold_buyers", node.buyers, units=units))
    words = {"factory": "made", "brand": "in_stock", "agent": "got"}[node.role]
    return str(speech.say(words, n=units))


def _curve(start: Box, end: Box) -> str:
    x1, y1 = round(start.x + start.width - 1, 1), round(start.y + start.height / 2, 1)
    x2, y2 = round(end.x - 1, 1), round(end.y + end.height / 2, 1)
    middle = round((x1 + x2) / 2, 1)
    return f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"


def _flow_width(units: int, most: int) -> float:
    """A line's width grows with the root of its units, so that a small hand-over still shows."""
    share = math.sqrt(units / most) if most else 0.0
    return round(max(_FLOW_WIDTH_MIN, _FLOW_WIDTH_MAX * share), 1)
