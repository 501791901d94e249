"""Lot codes: folding, labels, dates, running text and split fields."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from service.complaints.matching.lot_readings import READINGS_MAX, Source, read_lots
from service.core.lots import fold_lot, strip_label


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("LOT11M45421A", "11M45421A"),
        ("batch no. 3o7-3778", "3073778"),
        ("(L) S04282019DH@O5", "504282019DH05"),
        ("B/N 0713-20185@", "071320185"),
        ("批号：ＡＢＣ－１２３", "A8C123"),
        ("生產批號 123", "123"),
        ("№ 12", "12"),
        ("NOV041BA01", "N0V0418A01"),
        ("МК12", "MK12"),  # Cyrillic capitals
        ("CH/ARGE 5X", "5X"),  # a label once its sign is gone
        ("", ""),
        ("--", ""),
    ],
)
def test_a_lot_folds_to_its_one_form(written: str, folded: str) -> None:
    assert fold_lot(written) == folded


def test_look_alikes_fold_together_and_nothing_else_does() -> None:
    assert fold_lot("OILSBZ") == "011582"
    assert fold_lot("KL0674") != fold_lot("KL0664")


@settings(deadline=None)
@given(some.text(max_size=60))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold_lot(fold_lot(text)) == fold_lot(text)


@settings(deadline=None)
@given(some.text(alphabet="LOTBNCHARGE批号號次NO.:#/ -12A産产()", max_size=30))
def test_folding_twice_changes_nothing_with_labels(text: str) -> None:
    assert fold_lot(fold_lot(text)) == fold_lot(text)


@settings(deadline=None)
@given(some.text(alphabet="ABCDEFGH0123456789-", min_size=1, max_size=20))
def test_case_width_and_spaces_do_not_matter(code: str) -> None:
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in code)
    assert fold_lot(code) == fold_lot(code.lower()) == fold_lot(wide) == fold_lot(f" {code} ")


def test_a_label_is_stripped_and_the_code_kept() -> None:
    assert strip_label("Lot No.: 77a") == "77A"
    assert strip_label("BN030613") == "BN030613"


@pytest.mark.parametrize(
    ("lot_text", "folded"),
    [
        ("LOT5800175 EXP 11/2016", "5800175"),
        ("CG2D18A 2021.07", "CG2D18A"),
        ("JKM2433A/201511", "JKM2433A"),
        ("42i200EXP201512", "421200"),
        ("A123 有效期至2027年3月", "A123"),
        ("02072018@96", "0207201896"),
    ],
)
def test_a_glued_date_is_cut_off(lot_text: str, folded: str) -> None:
    assert read_lots(lot_text=lot_text)[0].folded == folded


@pytest.mark.parametrize(
    ("narrative", "folded"),
    [
        ("The batch no is G 010766. Order #16072062, paid $239.", "G010766"),
        ("Lot 17158, exp 06/2025. Purchased around last month.", "17158"),
        ("It says CV008N6 next to the expiry, call me at 555-14694862.", "CV008N6"),
        ("用了之後起紅疹，批號是 6ac2056，請協助確認。", "6AC2056"),
        ("批号：HA125，效期11/2017。电话0927952859。", "HA125"),
        ("罐底印4010603。訂單編號517118。", "4010603"),
    ],
)
def test_a_labelled_lot_is_read_from_running_text(narrative: str, folded: str) -> None:
    readings = read_lots(lot_text="", narrative=narrative)
    assert readings[0].source is Source.NARRATIVE
    assert folded.replace("S", "5").replace("B", "8") in [reading.folded for reading in readings]


@pytest.mark.parametrize(
    "narrative",
    [
        "Order #16072062, paid $23999.",
        "Please check, call me at 555-93982840.",
        "657000 bucks wasted on 2016-04-08",
        "訂單編號28457429，電話0917456264，花了45100元。",
        "took 500mg/5ml on 2019-12-20",
    ],
)
def test_order_phone_price_date_and_strength_are_no_lots(narrative: str) -> None:
    assert read_lots(lot_text="", narrative=narrative) == []


def test_a_split_lot_is_joined_with_the_end_of_the_product_text() -> None:
    readings = read_lots(lot_text="10124", product_text="Daytime severe cold 488")
    assert ("10124488", Source.SPLIT) in [(reading.folded, reading.source) for reading in readings]


@settings(deadline=None)
@given(some.text(max_size=200), some.text(max_size=200), some.text(max_size=400))
def test_reading_never_fails_and_is_limited(lot: str, product: str, narrative: str) -> None:
    readings = read_lots(lot_text=lot, product_text=product, narrative=narrative)
    assert len(readings) <= READINGS_MAX
    assert all(reading.folded == fold_lot(reading.folded) for reading in readings)
