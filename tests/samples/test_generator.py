"""Generated goods: repeatable, alike to real ones where it matters, and folded as everything else is."""

import random
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from service.batches.rules import gtin14
from service.core.lots import fold_lot
from service.core.names import name_key
from service.samples.courses import CASES, FATES, Case, Course, Fate, Times
from service.samples.goods import BatchChunk, Goods, product_rows
from service.samples.lot_codes import STYLES, Style, quick_fold
from service.samples.misspelling import misspell_lot, misspell_name

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
PRODUCT, LOT, MAKER_LOT, FOLDED, MAKER_FOLDED = 1, 3, 4, 5, 6
MAKERS = ("SY", "LH", "BN", "LO", "NO", "CH", "OB", "BA")


def draw(seed: int, batches: int = 300) -> tuple[Goods, list[BatchChunk]]:
    """Return goods of a seed with all their batches."""
    goods = Goods(random.Random(seed), now=NOW, batches=batches, tag="S1R1N")
    return goods, list(goods.batch_chunks(100))


def test_the_same_seed_and_clock_make_the_same_goods() -> None:
    first, second = draw(7), draw(7)

    assert first[1] == second[1]
    assert list(product_rows(first[0].products)) == list(product_rows(second[0].products))
    assert first[0].sellers == second[0].sellers


def test_another_seed_makes_other_goods() -> None:
    assert draw(7)[1] != draw(8)[1]


@pytest.mark.parametrize("count", [1, 24, 25, 26, 301])
def test_exactly_as_many_batches_are_made_as_were_asked_for(count: int) -> None:
    _, chunks = draw(1, count)

    assert sum(len(chunk.batches) for chunk in chunks) == count


def test_a_products_lot_codes_are_all_different_and_ids_are_version_seven() -> None:
    rows = [row for chunk in draw(3)[1] for row in chunk.batches]

    assert len({(row[PRODUCT], row[LOT]) for row in rows}) == 300
    assert len({row[0] for row in rows}) == 300
    assert {UUID(row[0]).version for row in rows} == {7}


@pytest.mark.parametrize("style", STYLES)
def test_the_quick_fold_is_the_fold_of_every_style(style: Style) -> None:
    codes = [style(maker, date(2026, 1, 1) + timedelta(days=day * 11), line) for maker in MAKERS
             for day in range(33) for line in range(14)]  # fmt: skip

    assert [quick_fold(code) for code in codes] == [fold_lot(code) for code in codes]


def test_keys_of_generated_rows_are_those_that_registration_makes() -> None:
    goods, chunks = draw(4)
    rows = [row for chunk in chunks for row in chunk.batches]

    assert [row[FOLDED] for row in rows] == [fold_lot(row[LOT]) for row in rows]
    assert [row[MAKER_FOLDED] for row in rows if row[MAKER_LOT] != "\\N"] == [
        fold_lot(row[MAKER_LOT]) for row in rows if row[MAKER_LOT] != "\\N"
    ]
    assert [row[5] for row in product_rows(goods.products)] == [
        name_key(each.brand, each.name_en, each.name_zh) for each in goods.products
    ]


def test_many_lots_have_a_sibling_one_character_away() -> None:
    rows = [row for chunk in draw(5)[1] for row in chunk.batches]
    lots: dict[str, list[str]] = {}
    for row in rows:
        lots.setdefault(row[PRODUCT], []).append(row[LOT])

    with_sibling = sum(any(_differ_in_one(lot, other) for other in own) for own in lots.values() for lot in own)

    assert with_sibling > 0.6 * len(rows)


def test_barcodes_have_a_right_check_digit() -> None:
    codes = [each.gtin for each in draw(6)[0].products if each.gtin]

    assert codes
    assert [gtin14(code) for code in codes] == codes


def test_agents_form_trees_under_brands() -> None:
    sellers = {each.id: each for each in draw(2)[0].sellers}
    agents = [each for each in sellers.values() if each.principal_id is not None]

    assert any(sellers[each.principal_id].principal_id is not None for each in agents if each.principal_id)
    for each in agents:
        above, steps = each, 0
        while above.principal_id is not None:
            above, steps = sellers[above.principal_id], steps + 1
        assert steps < 10
        assert above.kind in ("brand", "company")


@pytest.mark.parametrize("lot", ["SY26J1807", "20261018A3", "26/317 LH002"])
def test_a_mistyped_lot_still_folds_to_the_lot(lot: str) -> None:
    rng = random.Random(1)

    assert {fold_lot(misspell_lot(rng, lot)) for _ in range(40)} == {fold_lot(lot)}


def test_a_misspelt_name_differs_by_one_slip() -> None:
    rng = random.Random(1)

    assert misspell_name(rng, "素芸补水面膜") in ("素云补水面膜", "素芸补水面模")
    assert all(abs(len(misspell_name(rng, "Suyun Sheet Mask")) - 16) <= 1 for _ in range(20))


@pytest.mark.parametrize("fate", list(FATES))
def test_the_times_of_an_order_follow_each_other_and_lie_in_the_past(fate: Fate) -> None:
    times = Times(random.Random(2), NOW)

    for _ in range(50):
        course = times.of_order(fate)
        told = [course.placed_at, course.paid_at, course.shipped_at, course.delivered_at, course.ended_at]
        known = [at for at in told if at is not None]
        assert known == sorted(known)
        assert known[-1] <= NOW


@pytest.mark.parametrize("case", list(CASES))
def test_the_times_of_a_case_follow_each_other_and_lie_in_the_past(case: Case) -> None:
    times = Times(random.Random(3), NOW)

    for _ in range(50):
        known = _case_times(times.of_case(case))
        assert known == sorted(known)
        assert known[-1] <= NOW


def _case_times(course: Course) -> list[datetime]:
    told = (
        course.delivered_at, course.submitted_at, course.answered_at, course.disputed_at, course.assigned_at,
        course.ruled_at, course.closed_at,
    )  # fmt: skip
    return [at for at in told if at is not None]


def _differ_in_one(one: str, other: str) -> bool:
    return len(one) == len(other) and sum(a != b for a, b in zip(one, other, strict=True)) == 1
