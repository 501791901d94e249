"""Scores by field: a cleaner field never scores lower, and nothing makes matching fail."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from service.complaints.matching.evidence import PLACES
from service.complaints.matching.facts import FieldScore, Query
from service.complaints.matching.match import match_on
from service.complaints.matching.score import GROUPS
from service.complaints.matching.trees import read_trees
from tests.matching.registry import REGISTRY, SHELF, ask, scores

DATA = Path(os.environ.get("FAIRHOLD_DATA", "../shared/data"))
MASK, CREAM = REGISTRY[0], REGISTRY[2]


def field_of(name: str, query: Query) -> FieldScore:
    """The field's score of its own for the cream's first batch: with no other beside it."""
    (scored,) = scores(query, MASK if name == "gtin" else CREAM)
    return next(one for one in scored.fields if one.field == name)


@pytest.mark.parametrize(
    ("field", "from_dirty_to_clean"),
    [
        ("lot", [{"lot_text": text} for text in ("QQ1", "LT8839C", "LT8830C", "LT883OB", "LT8830B")]),
        ("lot", [{"lot_text": text} for text in ("QQ1", "LT88", "LT883B", "LT8830B")]),
        (
            "product",
            [
                {"product_text": text}
                for text in (
                    "toothbrush",
                    "Ltus Whitning Nght Crem",
                    "Lotus Whitning Night Crem",
                    "Lotus Whitening Night Cream 30 g",
                )
            ],
        ),
        ("product", [{"product_text": text} for text in ("牙刷", "莲化美百晚霜", "莲花美百晚霜", "莲花美白晚霜")]),
        ("seller", [{"brand_text": text} for text in ("Acme", "Lotus Cosmtics", "Lotus Cosmetics Ltd")]),
        ("gtin", [{"gtin": text} for text in ("4006381333931", "", "6901234567892")]),
    ],
)
def test_a_cleaner_field_never_scores_lower(field: str, from_dirty_to_clean: list[dict[str, Any]]) -> None:
    found = [field_of(field, Query(**told)) for told in from_dirty_to_clean]
    for own in ([one.contribution for one in found], [one.value or 0 for one in found]):
        assert own == sorted(own)
    assert (found[0].value or 0) < (found[-1].value or 0)


@settings(deadline=None)
@given(at=some.integers(min_value=0, max_value=6), letter=some.sampled_from("0123456789ABCDEFGHJKMN"))
def test_no_wrong_character_in_a_lot_scores_above_the_right_one(at: int, letter: str) -> None:
    wrong = "LT8830B"[:at] + letter + "LT8830B"[at + 1 :]
    clean = field_of("lot", Query(lot_text="LT8830B"))
    dirty = field_of("lot", Query(lot_text=wrong))
    assert dirty.contribution <= clean.contribution
    assert dirty.value is not None
    assert dirty.value <= 1.0


def test_script_and_width_make_no_difference_to_a_score() -> None:
    told = Query(product_text="莲花美白晚霜 30克", lot_text="LT8830B")
    other = Query(product_text="蓮花美白晚霜 ３０克", lot_text="ＬＴ８８３０Ｂ")
    assert [one.total for one in scores(told)] == [one.total for one in scores(other)]


def test_a_field_that_nobody_told_counts_nothing() -> None:
    for field in ("lot", "gtin", "product", "seller", "strength", "date", "order"):
        silent = field_of(field, Query())
        assert (silent.value, silent.contribution) == (None, 0)
        assert silent.reason.endswith("_not_told")


@settings(deadline=None)
@given(some.text(max_size=120), some.text(max_size=60), some.text(max_size=60), some.text(max_size=300))
def test_no_text_makes_matching_fail(product: str, brand: str, lot: str, narrative: str) -> None:
    decision = ask(product_text=product, brand_text=brand, lot_text=lot, gtin=lot, narrative=narrative)
    assert 0 <= decision.probability <= 1
    assert 0 <= decision.product_probability <= 1


def test_naughty_strings_do_not_make_matching_fail() -> None:
    path = DATA / "text" / "blns.json"
    if not path.exists():
        pytest.skip(f"needs the naughty strings of FAIRHOLD_DATA ({path} is absent)")
    for text in json.loads(path.read_text("utf-8")):
        query = Query(
            product_text=text,
            brand_text=text,
            seller_text=text,
            lot_text=text,
            gtin=text,
            barcode_lot=text,
            narrative=text,
        )
        assert match_on(SHELF, query).strict is False


def test_a_tree_that_leads_back_is_refused() -> None:
    tree = {"field": "lot", "columns": ["lot.cost", "lot.cost"], "limits": [1.0, 2.0], "values": [0.5]}
    read_trees([{**tree, "children": [-1, 1, -1, -1]}], GROUPS, PLACES)
    for children in ([-1, 1, 0, -1], [-1, 1, 1, -1]):
        with pytest.raises(ValueError, match="leads back"):
            read_trees([{**tree, "children": children}], GROUPS, PLACES)
