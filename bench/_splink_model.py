"""The model that Splink learns, and what it is asked; imported only where Splink is installed."""

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import splink.comparison_level_library as levels
import splink.comparison_library as comparisons
from _accuracy import FIRST, Answer
from _complaints import Complaint
from _registry import Batch, read_batches
from _rivals import answer, lot_of
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.internals.splink_dataframe import SplinkDataFrame

from service.core.lots import fold_lot
from service.core.names import name_key

RARE_HELD_MAX = 60  # products that hold a rare word
RARE_MAX = 6  # rare words of a text
ALONE = 40  # complaints that are asked one by one
WEIGHT_MIN = -30.0
SHARES = (0.95, 0.75, 0.5, 0.25)
Row = Mapping[str, Any]


def ask(registry: Path, complaints: Sequence[Complaint]) -> tuple[list[Answer], float, float, list[float]]:
    """Return the answers, the seconds of training and of predicting, and the milliseconds of single complaints."""
    batches = read_batches(registry)
    logging.getLogger("splink").setLevel(logging.ERROR)
    database = DuckDBAPI()
    theirs, ours = rows_of(batches, complaints)
    asked = pa.Table.from_pylist(theirs)
    sides = [
        database.register(asked, dataset_display_name="complaint"),
        database.register(pa.Table.from_pylist(ours), dataset_display_name="registry"),
    ]
    began = time.perf_counter()
    linker = Linker(sides, settings(), log_level="ERROR")
    train(linker)
    train_s = time.perf_counter() - began
    began = time.perf_counter()
    found = linker.inference.predict(threshold_match_weight=WEIGHT_MIN, warning_mode="never")
    best = first_ones(found)
    batch_s = time.perf_counter() - began
    alone = []
    linker.table_management.compute_tf_table("lot")
    for at in range(min(ALONE, len(theirs))):
        one = database.register(asked.slice(at, 1), dataset_display_name="complaint", table_name=f"alone_{at}")
        began = time.perf_counter()
        first_ones(linker.inference.predict_between(one, sides[1], threshold_match_weight=WEIGHT_MIN))
        alone.append((time.perf_counter() - began) * 1000)
    return [answer(batches, best.get(at, ())) for at in range(len(complaints))], train_s, batch_s, alone


def settings() -> SettingsCreator:
    """Return the comparisons and the rules that pairs come from."""

    def shared_words(column: str) -> comparisons.CustomComparison:
        shared = f"len(list_intersect({column}_l, {column}_r))"
        shorter = f"least(len({column}_l), len({column}_r))"
        return comparisons.CustomComparison(
            [
                levels.NullLevel(column),
                *(levels.CustomLevel(f"{shared} >= {least} * {shorter}") for least in SHARES),
                levels.ElseLevel(),
            ],
            output_column_name=column,
        )

    lot = comparisons.DamerauLevenshteinAtThresholds("lot", [1, 2]).configure(term_frequency_adjustments=True)
    return SettingsCreator(
        link_type="link_only",
        comparisons=[lot, shared_words("words"), shared_words("seller")],
        blocking_rules_to_generate_predictions=[
            block_on("lot"),
            block_on("lot_head"),
            block_on("lot_tail"),
            block_on("rare", arrays_to_explode=["rare"]),
        ],
        retain_matching_columns=False,
        probability_two_random_records_match=1 / 42_000,
    )


def train(linker: Linker) -> None:
    """Estimate chance agreement from random pairs, and agreement of matches from the complaints' right answers.

    Left to itself (expectation maximisation) it takes lots of one product for one another: their names agree.
    """
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    linker.training.estimate_m_from_label_column("label")


def first_ones(found: SplinkDataFrame) -> dict[int, list[tuple[int, float]]]:
    """Return the ten batches of the greatest match weight of each complaint."""
    rows = found.query_sql(
        f"SELECT unique_id_l, unique_id_r, match_weight FROM {found.physical_name}"
        " QUALIFY row_number() OVER (PARTITION BY unique_id_l ORDER BY match_weight DESC, unique_id_r)"
        f" <= {FIRST} ORDER BY unique_id_l, match_weight DESC, unique_id_r"
    ).as_record_list()
    best: dict[int, list[tuple[int, float]]] = {}
    for row in rows:
        best.setdefault(row["unique_id_l"], []).append((row["unique_id_r"], row["match_weight"]))
    return best


def rows_of(batches: Sequence[Batch], complaints: Sequence[Complaint]) -> tuple[list[Row], list[Row]]:
    """Return the complaints and the batches as rows of the same columns."""
    products = {batch.product_key: set(_words(batch.product_name, batch.seller)) for batch in batches}
    held = Counter(word for words in products.values() for word in words)
    theirs = [
        _row(at, one.batch or None, lot_of(one.told), one.told["product_text"], one.told["brand_text"], held)
        for at, one in enumerate(complaints)
    ]
    ours = [
        _row(at, batch.batch_id, fold_lot(batch.lot_code), batch.product_name, batch.seller, held)
        for at, batch in enumerate(batches)
    ]
    return theirs, ours


def _row(number: int, label: str | None, lot: str, name: str, seller: str, held: Mapping[str, int]) -> Row:
    words, seller_words = _words(name), _words(seller)
    known = {word for word in (*words, *seller_words) if 0 < held.get(word, 0) <= RARE_HELD_MAX}
    rare = sorted(known, key=lambda word: (held[word], word))[:RARE_MAX]
    return {
        "unique_id": number,
        "lot": lot or None,
        "lot_head": lot[:5] or None,
        "lot_tail": lot[-5:] or None,
        "words": words or None,
        "seller": seller_words or None,
        "rare": rare or None,
        "label": label,
    }


def _words(*texts: str) -> list[str]:
    return list(dict.fromkeys(name_key(*texts).split()))
