"""The sets that bench/matching.py measures on are what it says: split lots, hidden batches, the generated registry."""

import importlib
import random
import sys
from collections import Counter
from itertools import islice
from math import inf
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"


def bench_module(name: str) -> ModuleType:
    """Scripts of the bench import each other by their plain names."""
    sys.path.insert(0, str(BENCH))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(BENCH))


registry = bench_module("_registry")
complaints = bench_module("_complaints")
accuracy = bench_module("_accuracy")
ceiling = bench_module("_ceiling")
LATIN = "abcdefghijklmnopqrstuvwxyz"
HAN = "".join(map(chr, range(0x4E00, 0x4F00)))


def batch(batch_id: str, seller: str, product_name: str, lot_code: str, product_key: str) -> Any:
    return registry.Batch(batch_id, seller, product_name, lot_code, "2020-02-28", "drug", "Here", product_key)


REAL = [
    batch("a1", "Alder Pharma Inc.", "Zolpidem Tablets, 10 mg", "AB1234", "zolpidem"),
    batch("a2", "Alder Pharma Inc.", "Zolpidem Tablets, 10 mg", "AB1235", "zolpidem"),
    batch("a3", "Alder Pharma Inc.", "Loratadine Tablets, 25 mg", "AB1234", "loratadine"),
    batch("b1", "Birch Laboratories LLC", "Birch Valsartan Syrup 5 mL", "20200131@9", "valsartan"),
    batch("c1", "永信藥品有限公司", "永信樂速降膜衣錠160毫克", "VNT-16", "樂速降"),
    batch("c2", "大豐製藥股份有限公司", "舒肝膽錠50毫克", "4245201", "舒肝膽"),
]


def some(letters: str, count: int, chance: random.Random) -> str:
    return "".join(chance.choice(letters) for _ in range(count))


def wide() -> list[Any]:
    """Thirty sellers, one in three Chinese, with three products of two sibling lots each."""
    chance = random.Random(3)
    found = []
    for seller in range(30):
        for product in range(3):
            if seller % 3 == 0:
                names = (some(HAN, 2, chance) + "製藥公司", some(HAN, 3, chance) + "錠100毫克")
            else:
                names = (some(LATIN, 7, chance) + " Pharma", some(LATIN, 9, chance) + " Tablets 100 mg")
            key, lot = f"{seller}-{product}", some("0123456789", 4, chance)
            found += [batch(f"{key}-{end}", *names, f"AB{lot}{end}", key) for end in (1, 2)]
    return found


def complaint(complaint_id: str = "D1", *, batch: str = "a2", fold: int = 0, **told: str) -> Any:
    row = {"product_text": "zolpidem", "lot_text": "AB1235", "lang": "en", "difficulty": "easy", **told}
    return complaints.Complaint(complaint_id, row, batch, "zolpidem" if batch else "", fold)


def all_cuts(lot: str) -> set[tuple[str, str] | None]:
    return {complaints.cut(lot, random.Random(seed)) for seed in range(200)}


@pytest.mark.parametrize(
    ("lot", "cuts"),
    [
        ("AB1234", {("AB", "1234"), ("AB1", "234"), ("AB12", "34")}),
        ("LOT 65065", {("LOT 65", "065"), ("LOT 650", "65")}),
        ("Batch no. 1234", {("Batch no. 12", "34")}),
        ("批號：P508", {("批號：P5", "08")}),
        ("(L) 1234EXP202710", {("(L) 12", "34EXP202710")}),
        ("1234 2023.01", {("12", "34 2023.01")}),
        ("1234/202511", {("12", "34/202511")}),
        ("AB-12", {("AB-", "12")}),
        ("8 me27", {("8 m", "e27"), ("8 me", "27")}),
        ("561", {("5", "61"), ("56", "1")}),
        ("7", {None}),
        ("", {None}),
    ],
)
def test_a_lot_is_cut_between_two_of_its_own_letters(lot: str, cuts: set[tuple[str, str] | None]) -> None:
    assert all_cuts(lot) == cuts


def test_a_split_lot_stays_in_its_field_with_its_head_and_ends_the_product_text_with_its_tail() -> None:
    whole = complaint(lot_text="LOT 1234")
    [parted] = complaints.split([whole])
    assert (parted.told["lot_text"], parted.told["product_text"]) == ("LOT 12", "zolpidem 34")
    assert (parted.complaint_id, parted.batch, parted.fold) == ("D1", "a2", 0)
    assert whole.told["lot_text"] == "LOT 1234"


def test_complaints_without_a_lot_that_can_be_cut_are_not_in_the_split_set() -> None:
    assert complaints.split([complaint(lot_text=""), complaint(lot_text="7")]) == []


def test_a_complaint_is_cut_at_the_same_place_whatever_stands_beside_it() -> None:
    several = [complaint(f"D{number}", lot_text="ABCD12345678") for number in range(50)]
    parted = complaints.split(several)
    assert parted == complaints.split(several)
    assert complaints.split(several[7:8]) == [parted[7]]
    assert len({one.told["lot_text"] for one in parted}) > 5


def test_only_a_told_lot_of_a_registered_batch_without_a_twin_is_hidden() -> None:
    alone = complaint("alone", batch="a2")
    twin = complaint("twin", batch="a1", lot_text="AB1234")  # the seller has this lot under two products
    unregistered = complaint("unregistered", batch="")
    lotless = complaint("lotless", batch="a2", lot_text="")
    assert complaints.hideable([alone, twin, unregistered, lotless], REAL) == [alone]


def test_a_sample_is_the_same_each_time_and_keeps_the_order() -> None:
    things = list(range(1_000))
    some = complaints.sample(things, 30)
    assert some == complaints.sample(things, 30) == sorted(some)
    assert len(set(some)) == 30
    assert complaints.sample(things[:5], 30) == things[:5]


def test_the_generated_registry_holds_the_real_one_and_is_as_large_as_asked() -> None:
    grown = list(registry.around(REAL, 500))
    assert grown[: len(REAL)] == REAL
    assert len(grown) == 500
    assert len({one.batch_id for one in grown}) == 500


def test_the_generated_registry_is_the_same_each_time_and_a_smaller_one_begins_it() -> None:
    grown = list(registry.around(REAL, 500))
    assert grown == list(registry.around(REAL, 500))
    assert grown[:100] == list(registry.around(REAL, 100))


def test_no_generated_batch_has_a_real_seller_and_product_and_none_of_them_occurs_twice() -> None:
    made = list(islice(registry.generated(wide()), 2_000))
    real_pairs = {(one.seller, one.product_name) for one in wide()}
    products = {(one.seller, one.product_name, one.product_key) for one in made}
    assert not real_pairs & {(seller, name) for seller, name, _ in products}
    assert len({(seller, name) for seller, name, _ in products}) == len(products)
    assert len(Counter((one.product_key, one.lot_code) for one in made)) == len(made)


def test_the_generated_registry_has_both_languages_and_as_many_batches_a_product() -> None:
    made = list(islice(registry.generated(wide()), 1_800))
    assert 0.3 < sum(registry.is_chinese(one.product_name) for one in made) / len(made) < 0.36
    assert len({one.product_key for one in made}) == 900


def test_a_mirrored_lot_keeps_its_pattern_and_siblings_stay_one_character_apart() -> None:
    made = list(islice(registry.generated(wide()), 1_800))
    for first, second in zip(made[::2], made[1::2], strict=True):
        assert first.product_key == second.product_key
        assert [letter.isdecimal() for letter in first.lot_code] == [False] * 2 + [True] * 5
        assert [a == b for a, b in zip(first.lot_code, second.lot_code, strict=True)] == [True] * 6 + [False]


def test_a_date_in_a_lot_stays_a_date_and_moves_with_the_batch() -> None:
    vocabulary = registry.Vocabulary(REAL)
    for seed in range(50):
        mirror = registry.Mirror("Birch Laboratories LLC", vocabulary, random.Random(seed))
        mirrored = mirror.batch(REAL[3]._replace(lot_code="20200228"), "M01-")
        assert mirrored.lot_code == mirrored.registered_on.replace("-", "")
        assert mirrored.lot_code != "20200228"


def judged(score: float | None, *, right: bool = True, fold: int = 0) -> Any:
    first = "a2" if right else "a1"
    answer = accuracy.Answer((first,), ("zolpidem",), score) if score is not None else accuracy.Answer((), (), None)
    return accuracy.Judged(complaint(fold=fold), answer, accuracy.Limits(0.5, 0.9))


def test_equal_scores_stay_together_on_one_side_of_a_threshold() -> None:
    assert accuracy.threshold([(0.9, True), (0.8, True), (0.8, False), (0.1, True)]) == 0.9
    assert accuracy.threshold([(0.8, True), (0.8, False)]) == inf
    assert accuracy.threshold([(0.8, True), (None, False), (0.2, True)]) == 0.2
    assert accuracy.threshold([]) == inf


def test_a_threshold_may_lie_below_a_mistake_that_later_answers_make_good() -> None:
    points = [(1.0, False)] + [(0.9 - number / 1_000, True) for number in range(99)]
    assert accuracy.threshold(points) == pytest.approx(0.802)


def test_coverage_is_the_share_of_all_complaints_and_no_answer_counts_as_not_linked() -> None:
    several = [judged(0.9), judged(0.5, right=False), judged(0.4), judged(None)]
    assert accuracy.links(several) == {"coverage_at_fixed_threshold": 0.5, "precision_at_threshold": 0.5}
    assert accuracy.recalls(several)["recall_at_1"] == 0.5
    assert accuracy.strict_links(several)["strict_coverage"] == 0.25


def test_a_complaint_without_a_lot_is_right_by_its_product_and_an_unregistered_one_never() -> None:
    answer = accuracy.Answer(("a1",), ("zolpidem",), 0.9)
    limits = accuracy.Limits(0.5, 0.9)
    assert accuracy.Judged(complaint(lot_text=""), answer, limits).right
    assert not accuracy.Judged(complaint(), answer, limits).right
    assert not accuracy.Judged(complaint(batch="", lot_text=""), answer, limits).right


def test_a_rivals_threshold_is_chosen_on_the_other_folds() -> None:
    several = [complaint("x", fold=0), complaint("y", fold=1), complaint("z", fold=1)]
    answers = [accuracy.Answer(("a2",), ("zolpidem",), score) for score in (0.7, 0.8, 0.3)]
    limits = [one.limits.standard for one in accuracy.judged_by_other_folds(several, answers)]
    assert limits == [0.3, 0.7, 0.7]


def test_the_ceiling_counts_every_miss_as_right_that_the_words_could_have_prevented() -> None:
    strengths = [
        batch("t10", "Alder Pharma Inc.", "Zolpidem Tablets, 10 mg", "AB1", "ten"),
        batch("t20", "Alder Pharma Inc.", "Zolpidem Tablets, 20 mg", "AB2", "twenty"),
        batch("syrup", "Alder Pharma Inc.", "Zolpidem Syrup", "AB3", "syrup"),
    ]

    def missed(product_text: str, *first: str, narrative: str = "", **told: str) -> Any:
        row = {"brand_text": "", "purchase_date": "", "lot_in_narrative": "0", "lang": "en", "difficulty": "easy"}
        row |= {"product_text": product_text, "narrative": narrative, "lot_text": "", **told}
        one = complaints.Complaint("D1", row, "t10", "ten", 0)
        return accuracy.Judged(one, accuracy.Answer((), first, 0.5), accuracy.Limits(1, 1))

    def at_best(one: Any) -> tuple[float, float]:
        return tuple(ceiling.ceilings([one], strengths).values())

    assert at_best(missed("zolpidem tabs tablets", "twenty", "ten")) == (0, 1)
    assert at_best(missed("zolpidem tablets", "twenty", "syrup")) == (0, 1)
    assert at_best(missed("zolpidem", "twenty", "syrup")) == (0, 0)
    assert at_best(missed("zolpidem tablets 10", "twenty")) == (1, 1)
    assert at_best(missed("zolpidem", "twenty", lot_in_narrative="1")) == (1, 1)
    assert at_best(missed("zolpidem", "twenty", purchase_date="2020-03-01")) == (0, 0)
    assert at_best(missed("zolpidem")) == (1, 1)
