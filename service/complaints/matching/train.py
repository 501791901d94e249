"""Trains the shipped model and reports its figures: `python -m service.complaints.matching.train REGISTRY.csv DEV.csv`.

Products are split into five folds. Every figure and the thresholds come from models that saw nothing of the complaint's
fold; the shipped weights then use all folds. The calibration also learns from copies of each complaint whose true batch
or true product was hidden, because an unregistered lot is what it must learn to refuse.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path

from service.complaints.matching.calibrate import logistic, weigh
from service.complaints.matching.cases import FOLDS, Case, copies, ranked, read_cases
from service.complaints.matching.decide import evidence_allows, names_agree
from service.complaints.matching.figures import Judged, figures, reliability, thresholds
from service.complaints.matching.fitting import fit_logistic, fit_ranking

VERSION = "2026-11-22.1"
HIDDEN_AMOUNT = 0.35  # how much a copy with its truth hidden counts beside a real complaint
START = {
    "lot.near": 1.0, "lot.one": 1.5, "lot.same": 3.0, "lot.equal": 0.2, "lot.two_witnesses": 0.5, "lot.long": 0.5,
    "product.similar": 2.0, "product.ordered": 0.5, "product.told_found": 3.0, "product.name_found": 3.0,
    "product.name_found_in_name": 0.5, "product.told_found_in_text": 1.0, "seller.found": 1.0, "seller.similar": 0.5,
    "seller.told_found": 1.0, "strength.shared": 0.5, "date.fits": 1.0,
}  # fmt: skip
# The development file has neither barcodes nor orders: these are set by hand. An order narrows and does not decide, so
# all of it together weighs less than an equal lot.
BY_HAND = {"gtin.equal": 6.0, "gtin.differs": -4.0, "order.batch": 1.0, "order.product": 2.0, "order.seller": 1.0}
# How far the first lot leads its siblings says nothing of the product.
OF_THE_BATCH_ONLY = {"total", "lead_batch", "lead_sibling", "clear_batch", "share_batch"}
GATES_BY_HAND = {"gtin_equal": 6.0, "gtin_differs": -6.0, "order_product": 1.0}


def train_weights(cases: Sequence[Case]) -> dict[str, float]:
    """Fit the field weights: the right batch if a lot was told, else any batch of the right product."""
    groups = []
    for case in cases:
        if case.batch:
            right = [
                one.candidate.batch_id == case.batch if case.lot_told else one.candidate.product_id == case.product
                for one in case.scored
            ]
            groups.append(([one.features for one in case.scored], right))
    return {**fit_ranking(groups, start=START), **BY_HAND}


def train_gates(cases: Sequence[Case], weights: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Fit both calibrations on the cases and their copies with the truth hidden."""
    rows, batch_truths, product_truths, amounts = [], [], [], []
    for case in cases:
        for copy in copies(case):
            best = ranked(copy.scored, weights)
            rows.append(weigh(best))
            batch_truths.append(best[0].candidate.batch_id == copy.batch)
            product_truths.append(best[0].candidate.product_id == copy.product)
            amounts.append(1.0 if copy is case else HIDDEN_AMOUNT)
    told = [place for place, row in enumerate(rows) if row["lot_told"]]
    batch = fit_logistic(
        [rows[place] for place in told], [batch_truths[place] for place in told], [amounts[place] for place in told]
    )
    of_product = [{key: value for key, value in row.items() if key not in OF_THE_BATCH_ONLY} for row in rows]
    return batch, fit_logistic(of_product, product_truths, amounts)


def judge(case: Case, weights: Mapping[str, float], gates: tuple[dict[str, float], dict[str, float]]) -> list[Judged]:
    """Judge a case and its hidden copies."""
    judged = []
    for copy in copies(case):
        best = ranked(copy.scored, weights)
        evidence = weigh(best)
        first = best[0].candidate
        judged.append(
            Judged(
                case=dataclasses.replace(copy, scored=tuple(best[:10])),
                batch_p=logistic(gates[0], evidence) if evidence["lot_told"] else 0.0,
                product_p=logistic(gates[1], evidence),
                linkable=evidence_allows(best[0].features),
                named=names_agree(best[0].features),
                batch_right=first.batch_id == copy.batch,
                product_right=first.product_id == copy.product,
                hidden=copy is not case,
            )
        )
    return judged


def calibration(points: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """Return (slope, shift) of the log-odds that make chances true of real complaints (Platt's scaling).

    The gates learn with hidden copies among the complaints, which makes them doubt too much.
    """
    rows = [{"logit": _logit(chance)} for chance, _ in points]
    fitted = fit_logistic(rows, [right for _, right in points], [1.0] * len(points), ridge=1e-3)
    return fitted["logit"], fitted["bias"]


def _logit(chance: float) -> float:
    return log(chance / (1 - chance)) if 0 < chance < 1 else (35.0 if chance else -35.0)


def _rescaled(chance: float, scale: tuple[float, float]) -> float:
    return logistic({"bias": scale[1], "logit": scale[0]}, {"logit": _logit(chance)})


def _scaled_gate(gate: Mapping[str, float], scale: tuple[float, float]) -> dict[str, float]:
    return {key: value * scale[0] + (scale[1] if key == "bias" else 0.0) for key, value in gate.items()}


def train(cases: Sequence[Case]) -> tuple[dict[str, object], dict[str, object]]:
    """Return the model file's content and the report, both ready for JSON."""
    judged: list[Judged] = []
    for fold in range(FOLDS):
        others = [case for case in cases if case.fold != fold]
        weights = train_weights(others)
        gates = train_gates(others, weights)
        for case in cases:
            if case.fold == fold:
                judged += judge(case, weights, gates)
    batch_scale = calibration([(one.batch_p, one.batch_right) for one in judged if not one.hidden and one.batch_p > 0])
    product_scale = calibration([(one.product_p, one.product_right) for one in judged if not one.hidden])
    judged = [
        dataclasses.replace(
            one,
            batch_p=_rescaled(one.batch_p, batch_scale) if one.batch_p > 0 else 0.0,
            product_p=_rescaled(one.product_p, product_scale),
        )
        for one in judged
    ]
    by_fold = [thresholds([one for one in judged if one.case.fold != fold]) for fold in range(FOLDS)]
    report: dict[str, object] = {
        "all": figures(judged, by_fold.__getitem__),
        "thresholds_by_fold": by_fold,
        "reliability": reliability(judged),
    }
    for lang in sorted({case.lang for case in cases}):
        report[lang] = figures([one for one in judged if one.case.lang == lang], by_fold.__getitem__)
    weights = train_weights(cases)
    batch, product = train_gates(cases, weights)
    model: dict[str, object] = {
        "version": VERSION,
        "weights": _rounded(weights),
        "batch": _rounded({**_scaled_gate(batch, batch_scale), **GATES_BY_HAND}),
        "product": _rounded({**_scaled_gate(product, product_scale), **GATES_BY_HAND}),
        "thresholds": _rounded(thresholds(judged)),
    }
    return model, report


def _rounded(numbers: Mapping[str, float]) -> dict[str, float]:
    return {key: round(value, 6) for key, value in sorted(numbers.items())}


def main() -> None:
    """Train on two files and write the model beside this module, or where `--model` says."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("registry", type=Path)
    parser.add_argument("complaints", type=Path)
    parser.add_argument("--model", type=Path, default=Path(__file__).with_name("model.json"))
    asked = parser.parse_args()
    model, report = train(read_cases(asked.registry, asked.complaints, START))
    asked.model.write_text(json.dumps(model, indent=1) + "\n", "utf-8")
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
