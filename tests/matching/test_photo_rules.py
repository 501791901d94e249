"""What photos seem to say, unconfirmed: it suggests and holds back, and never links; without photos nothing differs."""

import dataclasses
import itertools

import pytest

from service.complaints.matching.facts import Decision, Outcome, Query
from service.complaints.matching.lot_readings import Source, readings_of
from service.complaints.matching.match import match_on
from service.complaints.matching.photos import HELD_BACK_MAX, looks
from service.complaints.matching.shelf import Shelf
from tests.matching.registry import MASK, REGISTRY, SHELF, ask, batch

NAME = "Kangjian Disposable Face Mask 50 pcs"


def reasons(decision: Decision, batch_id: str) -> dict[str, tuple[str, object]]:
    """The reasons of one of the batches of a decision with where each comes from, by field."""
    ranked = [decision.best, *(one.scored for one in decision.runners_up)]
    (found,) = [one for one in ranked if one is not None and one.candidate.batch_id == batch_id]
    return {one.field: (one.reason, one.facts.get("source")) for one in found.fields}


def batches(decision: Decision) -> list[object]:
    ranked = [decision.best, *(one.scored for one in decision.runners_up)]
    return [one.candidate.batch_id for one in ranked if one is not None]


def test_a_lot_on_a_photo_suggests_its_batch_and_says_that_it_is_from_a_photo() -> None:
    alone = ask(product_text="mask of Kangjian")
    assert alone.outcome is not Outcome.LINKED
    decision = ask(product_text="toothbrush", photo_lots=("KJ20260106A",))
    assert (decision.outcome, decision.strict) == (Outcome.SUGGESTED, False)
    assert batches(decision)[0] == "mask-06"
    assert reasons(decision, "mask-06")["lot"] == ("lot_equal", "photo")


@pytest.mark.parametrize("product", [NAME, "康健一次性口罩 50只", "Kangjian mask", "", "Electric toothbrush head"])
@pytest.mark.parametrize("gtins", [(), ("06901234567892",)])
def test_photos_alone_never_link_whatever_is_told_of_the_product(product: str, gtins: tuple[str, ...]) -> None:
    for lots in (("KJ20260106A",), ("KJ20260106A", "KJ20260105A"), ("KJ20260108A",), ()):
        decision = ask(product_text=product, photo_lots=lots, photo_gtins=gtins)
        assert decision.outcome is not Outcome.LINKED
        assert decision.strict is False
        assert decision.batch_score < 0.5


def test_a_product_that_was_certain_stays_so_and_the_photos_batch_comes_first() -> None:
    assert ask(product_text=NAME).outcome is Outcome.PRODUCT_ONLY
    decision = ask(product_text=NAME, photo_lots=("KJ20260106A",))
    assert decision.outcome is Outcome.PRODUCT_ONLY
    assert batches(decision) == ["mask-06", "mask-05"]


def test_a_photo_makes_no_product_certain() -> None:
    decision = ask(photo_gtins=("06901234567892",))
    assert decision.outcome is Outcome.SUGGESTED
    assert batches(decision)[0] in ("mask-05", "mask-06")
    assert reasons(decision, str(batches(decision)[0]))["gtin"] == ("gtin_equal", "photo")
    assert ask(gtin="06901234567892").product_score > decision.product_score


def test_a_photo_of_another_lot_of_the_product_holds_the_link_back_and_both_are_suggested() -> None:
    told = {"product_text": NAME, "lot_text": "KJ20260105A"}
    assert (ask(**told).outcome, ask(**told).strict) == (Outcome.LINKED, True)
    decision = ask(**told, photo_lots=("kj2026 0106A",))
    assert (decision.outcome, decision.strict, decision.batch_score) == (Outcome.SUGGESTED, False, 0.0)
    assert batches(decision) == ["mask-05", "mask-06"]
    assert decision.probability == HELD_BACK_MAX
    assert reasons(decision, "mask-05")["lot"] == ("lot_equal", "field")
    assert reasons(decision, "mask-05")["photo"] == ("photo_shows_other_lot", "photo")
    assert reasons(decision, "mask-06")["lot"] == ("lot_equal", "photo")
    assert decision.best is not None
    assert sum(one.contribution for one in decision.best.fields) == pytest.approx(decision.best.total)


@pytest.mark.parametrize(
    "lots",
    [
        ("KJ20260105A",),
        ("kj-2O26-O1O5-a",),
        ("KJ20260106A", "KJ20260105A"),  # two packs, one of them the one that was told
        ("LT8830B",),  # another product's
        ("QQ99",),  # nobody's
    ],
)
def test_a_photo_that_does_not_contradict_changes_nothing_at_all(lots: tuple[str, ...]) -> None:
    told = {"product_text": NAME, "lot_text": "KJ20260105A"}
    alone, decision = ask(**told), ask(**told, photo_lots=lots)
    assert dataclasses.replace(decision, shown=()) == alone


def test_the_lot_of_the_maker_counts_as_the_batchs_own() -> None:
    told = {"product_text": "Lotus Hand Gel 500 ml", "lot_text": "LG0042"}
    assert ask(**told, photo_lots=("PX-77-1203",)).outcome is Outcome.LINKED


def test_a_barcode_of_another_registered_product_holds_a_link_back_and_one_of_nothing_registered_does_not() -> None:
    other = {**MASK, "product_id": "visor", "name_en": "Kangjian Visor", "name_zh": "", "gtin": "04006381333931"}
    shelf = Shelf([*REGISTRY, batch("visor-05", "KJ20260105A", other)])

    def asked(*photo_gtins: str, gtin: str = "") -> Decision:
        told = Query(product_text=NAME, lot_text="KJ20260105A", gtin=gtin, photo_gtins=photo_gtins)
        return match_on(shelf, told)

    assert asked().outcome is Outcome.LINKED
    assert asked("09312345678907").outcome is Outcome.LINKED
    assert asked("04006381333931", "06901234567892").outcome is Outcome.LINKED
    held = asked("04006381333931")
    assert held.outcome is Outcome.SUGGESTED
    assert batches(held)[:2] == ["mask-05", "visor-05"]
    assert reasons(held, "mask-05")["photo"] == ("photo_shows_other_product", "photo")
    assert asked("04006381333931", gtin="06901234567892").outcome is Outcome.LINKED


def test_a_typed_lot_that_is_near_gives_way_to_an_equal_one_on_a_photo_and_stays_among_the_suggestions() -> None:
    decision = ask(product_text=NAME, lot_text="KJ20260107A", photo_lots=("KJ20260106A",))
    assert decision.outcome in (Outcome.SUGGESTED, Outcome.PRODUCT_ONLY)
    assert batches(decision) == ["mask-06", "mask-05"]
    assert reasons(decision, "mask-05")["lot"] == ("lot_one_character_differs", "field")


@pytest.mark.parametrize("field", ["barcode_lot", "printed_lot"])
def test_a_lot_that_was_taken_over_links_as_one_that_was_typed(field: str) -> None:
    decision = ask(product_text=NAME, **{field: "KJ20260106A"})
    assert (decision.outcome, decision.strict) == (Outcome.LINKED, True)
    source = {"barcode_lot": "barcode", "printed_lot": "print"}[field]
    assert reasons(decision, "mask-06")["lot"] == ("lot_equal", source)


def test_the_order_of_registration_changes_nothing_where_photos_speak() -> None:
    for query in (
        Query(product_text=NAME, lot_text="KJ20260105A", photo_lots=("KJ20260106A", "LT8830B")),
        Query(product_text="cream", photo_lots=("LT8831B",), photo_gtins=("06901234567892",)),
    ):
        first = match_on(SHELF, query)
        for other in itertools.islice(itertools.permutations(REGISTRY), 0, 120, 20):
            again = match_on(Shelf(other), query)
            assert batches(again) == batches(first)
            assert (again.outcome, again.probability, again.shown) == (first.outcome, first.probability, first.shown)


def test_what_was_told_is_looked_up_once_where_photos_say_nothing() -> None:
    told = Query(product_text=NAME, lot_text="KJ20260105A")
    assert looks(told) == (told,)
    assert looks(dataclasses.replace(told, photo_lots=("A1",)))[0] == told


def test_photos_come_after_all_that_was_told_and_repeat_none_of_it() -> None:
    query = Query(lot_text="AB12", narrative="lot CD3456", photo_lots=("cd 3456", "EF78", "ef-78", "", "7"))
    found = [(each.folded, each.source) for each in readings_of(query)]
    assert found[0] == ("A812", Source.FIELD)
    assert [each for each in found if each[1] is Source.PHOTO] == [("EF78", Source.PHOTO)]


def test_a_match_keeps_no_code_of_a_photo_but_the_registered_one() -> None:
    for told in ({"photo_lots": ("KJ20260108A",)}, {"printed_lot": "KJ20260108A"}):
        decision = match_on(SHELF, Query(product_text=NAME, **told))
        assert decision.best is not None
        lot = next(one for one in decision.best.fields if one.field == "lot")
        assert lot.reason == "lot_one_character_differs"
        assert "KJ20260108A" not in str(lot.facts)
