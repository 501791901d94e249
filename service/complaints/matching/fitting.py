"""Fits: a ranking by boosted trees, each of one field; a chance by trees and a logistic regression together.

Deterministic: one thread order, fixed seeds, no clock.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from service.complaints.matching.shapes import standardised

Rows = NDArray[np.float64]
_COMMON = {
    "verbose": -1, "deterministic": True, "force_row_wise": True, "use_missing": False, "seed": 1,
    "bagging_fraction": 0.8, "bagging_freq": 1, "num_threads": 1,
}  # fmt: skip
_RANKING = _COMMON | {
    "objective": "lambdarank", "learning_rate": 0.08, "num_leaves": 12, "max_depth": 5, "min_data_in_leaf": 30,
    "feature_fraction": 0.7, "lambda_l2": 5.0, "lambdarank_truncation_level": 5,
}  # fmt: skip
_CHANCE = _COMMON | {
    "objective": "binary", "learning_rate": 0.04, "num_leaves": 6, "max_depth": 4, "min_data_in_leaf": 20,
    "feature_fraction": 0.5, "lambda_l2": 10.0,
}  # fmt: skip
RANKING_TREES, CHANCE_TREES = 200, 200
CHANCE_SEEDS = (1, 2, 3)  # forests of which the middle is taken: one alone depends on what chance showed it
LOGISTIC_RIDGE = 60.0
_NEWTON_STEPS = 15


def fit_ranking(
    tables: Sequence[NDArray[np.float32]],
    rights: Sequence[NDArray[np.bool_]],
    columns: Sequence[str],
    ways: Sequence[int],
    fields: Sequence[str],
) -> list[dict[str, Any]]:
    """Return trees that rank each table's right rows first. `ways` says how a column may move the score (1, -1, 0).

    `fields` names the field of each column; a tree asks of one field only.
    """
    groups = [[at for at, each in enumerate(fields) if each == field] for field in dict.fromkeys(fields)]
    parameters = _RANKING | {"interaction_constraints": groups, "monotone_constraints": list(ways)}
    data = lightgbm.Dataset(
        np.concatenate(tables), np.concatenate(rights).astype(float), group=[len(each) for each in tables]
    )
    booster = lightgbm.train(parameters, data, num_boost_round=RANKING_TREES)
    return _trees(booster, columns, fields)


def fit_chance_trees(
    rows: Rows, truths: NDArray[np.float64], amounts: NDArray[np.float64], columns: Sequence[str], ways: Sequence[int]
) -> list[dict[str, Any]]:
    """Return trees whose sum is the log-odds of the truth."""
    parameters = _CHANCE | {"monotone_constraints": list(ways), "boost_from_average": False}
    forest = []
    for seed in CHANCE_SEEDS:
        data = lightgbm.Dataset(rows, truths, weight=amounts)
        booster = lightgbm.train(parameters | {"seed": seed}, data, num_boost_round=CHANCE_TREES)
        forest += _trees(booster, columns, ["all"] * len(columns))
    for tree in forest:
        tree["values"] = [round(value / len(CHANCE_SEEDS), 6) for value in tree["values"]]
    return forest


def _trees(booster: lightgbm.Booster, columns: Sequence[str], fields: Sequence[str]) -> list[dict[str, Any]]:
    found = []
    for each in booster.dump_model()["tree_info"]:
        tree: dict[str, Any] = {"field": "", "columns": [], "limits": [], "children": [], "values": []}
        _keep(each["tree_structure"], tree, columns)
        if tree["columns"]:
            tree["field"] = fields[columns.index(tree["columns"][0])]
            found.append(tree)
    return found


def _keep(node: Mapping[str, Any], tree: dict[str, Any], columns: Sequence[str]) -> int:
    """Write a node and what is below it; return its number, or that of a leaf as -1, -2, ..."""
    if "leaf_value" in node:
        tree["values"].append(round(node["leaf_value"], 6))
        return -len(tree["values"])
    at = len(tree["limits"])
    tree["columns"].append(columns[node["split_feature"]])
    tree["limits"].append(node["threshold"])
    tree["children"] += [0, 0]
    tree["children"][2 * at] = _keep(node["left_child"], tree, columns)
    tree["children"][2 * at + 1] = _keep(node["right_child"], tree, columns)
    return at


def fit_logistic(
    rows: Rows, truths: NDArray[np.float64], amounts: NDArray[np.float64], *, ridge: float = LOGISTIC_RIDGE
) -> dict[str, list[float]]:
    """Return a logistic regression on standardised columns (Newton): "middle", "spread", "weights" with the bias last.

    A column that never changes gets no weight.
    """
    middle, spread = rows.mean(axis=0), rows.std(axis=0)
    spread[spread < 1e-9] = 0.0
    known = standardised(rows, middle, spread)
    weights = np.zeros(known.shape[1])
    pull = np.eye(known.shape[1]) * ridge
    pull[-1, -1] = 1e-6
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(known @ weights, -30, 30)))
        curve = amounts * chance * (1 - chance) + 1e-9
        slope = known.T @ (amounts * (truths - chance)) - pull @ weights
        weights = weights + np.linalg.solve((known * curve[:, None]).T @ known + pull, slope)
    fitted = {"middle": middle, "spread": spread, "weights": weights}
    return {name: values.round(6).tolist() for name, values in fitted.items()}
