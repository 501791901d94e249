"""Boosted trees as they are kept in a model: arrays of nodes, evaluated for many rows at once.

Each tree asks of one field only, so a row's sum is the sum of what each field says, exactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Trees:
    """Nodes of all trees in one list. A leaf leads to itself; the trees of each group of `groups` stand together.

    `first` is where each of those groups begins among the roots.
    """

    columns: NDArray[np.int32]
    limits: NDArray[np.float32]
    below: NDArray[np.int32]  # the next node where the value is at most the limit, then the one where it is above
    values: NDArray[np.float64]
    roots: NDArray[np.int32]
    groups: NDArray[np.intp]
    first: NDArray[np.intp]
    depth: int

    def sums(self, table: Table, groups: int) -> NDArray[np.float64]:
        """Return what the trees of each group add for each row: an array of rows by groups."""
        rows, trees = len(table), len(self.roots)
        found = np.zeros((rows, groups))
        if not rows or not trees:
            return found
        is_above = (table.take(self.columns[self.roots], axis=1) > self.limits[self.roots]).ravel()
        nodes = self.below.take(2 * np.tile(self.roots, rows) + is_above)
        flat = np.ascontiguousarray(table).ravel()
        starts = np.repeat(np.arange(rows, dtype=np.int32) * np.int32(table.shape[1]), trees)
        for _ in range(self.depth - 1):
            at = self.columns.take(nodes)
            at += starts
            is_above = flat.take(at) > self.limits.take(nodes)
            nodes += nodes
            nodes += is_above
            nodes = self.below.take(nodes)
        leaves = self.values.take(nodes).reshape(rows, trees)
        found[:, self.groups] = np.add.reduceat(leaves, self.first, axis=1)
        return found


def read_trees(facts: Sequence[Mapping[str, Any]], groups: Sequence[str], columns: Mapping[str, int]) -> Trees:
    """Return the trees of a model file; raises what `model_from` raises if it is not one.

    A tree is {"field", "columns", "limits", "children", "values"}: `children` holds, for each inner node, the next node
    below and above its limit, a negative number being leaf -1, -2, ... of `values`.
    """
    node_columns: list[int] = []
    limits: list[float] = []
    below: list[int] = []
    values: list[float] = []
    roots: list[int] = []
    depth = 0
    by_group = sorted(facts, key=lambda tree: groups.index(tree["field"]))
    for tree in by_group:
        inner, leaves = len(tree["limits"]), len(tree["values"])
        first = len(node_columns)
        roots.append(first)
        for at in range(inner):
            node_columns.append(columns[tree["columns"][at]])
            limits.append(float(tree["limits"][at]))
            values.append(0.0)
            both = tree["children"][2 * at : 2 * at + 2]
            if any(0 <= child <= at for child in both):
                raise ValueError("a node of a tree leads back")
            below += [first + (child if child >= 0 else inner - child - 1) for child in both]
        for leaf in range(leaves):
            node_columns.append(0)
            limits.append(0.0)
            values.append(float(tree["values"][leaf]))
            below += [first + inner + leaf] * 2
        depth = max(depth, _depth(tree["children"], 0) if inner else 0)
    present, group_starts = np.unique([groups.index(tree["field"]) for tree in by_group], return_index=True)
    return Trees(
        columns=np.array(node_columns, np.int32),
        limits=np.array(limits, np.float32),
        below=np.array(below, np.int32),
        values=np.array(values, np.float64),
        roots=np.array(roots, np.int32),
        groups=present.astype(np.intp),
        first=group_starts,
        depth=depth,
    )


def _depth(children: Sequence[int], node: int) -> int:
    return 1 + max(_depth(children, child) if child >= 0 else 0 for child in children[2 * node : 2 * node + 2])
