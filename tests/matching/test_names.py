"""Names, strengths, GTINs and dates in comparable form."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from service.complaints.matching.normalise import day, gtin14, name, strengths, terms
from service.core.names import name_key, words


def test_script_width_case_and_accents_do_not_matter() -> None:
    assert name_key("蓮花美白晚霜") == name_key("莲花美白晚霜") == "莲 花 美 白 晚 霜"
    assert name_key("ＣＡＦÉ 10mg") == name_key("cafe 10 MG") == "cafe 10 mg"


def test_texts_are_joined_and_missing_ones_skipped() -> None:
    assert name_key("Lotus", None, "", "晚霜30克") == "lotus 晚 霜 30 克"


@settings(deadline=None)
@given(some.text(max_size=80))
def test_the_key_of_a_key_is_the_key(text: str) -> None:
    assert name_key(name_key(text)) == name_key(text)


def test_terms_are_words_and_pairs_of_neighbouring_characters() -> None:
    assert terms(words("Lotus 美白晚霜 30克")) == ["lotus", "美白", "白晚", "晚霜", "30", "克"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.5公克", {"mg 500"}),
        ("500 mg", {"mg 500"}),
        ("500毫克/5毫升", {"mg 500", "ml 5"}),
        ("0.9% NaCl 1,000 mL", {"% 0.9", "ml 1000"}),
        ("1 L", {"ml 1000"}),
        ("no size", set()),
    ],
)
def test_strengths_are_equal_in_any_unit_and_language(text: str, expected: set[str]) -> None:
    assert strengths(text) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("4006381333931", "04006381333931"),
        ("４００６３８１３３３９３１", "04006381333931"),
        ("036000291452", "00036000291452"),
        ("96385074", "00000096385074"),
        ("4006381333932", ""),
        ("40063813339", ""),
        ("0000000000000", ""),
    ],
)
def test_a_gtin_has_fourteen_digits_or_is_refused(told: str, expected: str) -> None:
    assert gtin14(told) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bought 2026-11-22", date(2026, 11, 22)),
        ("2026年1月2日买的", date(2026, 1, 2)),
        ("2026/13/01", None),
        ("yesterday", None),
    ],
)
def test_a_date_is_read_in_both_languages(text: str, expected: date | None) -> None:
    assert day(text) == expected


def test_a_name_is_the_same_in_either_script() -> None:
    assert name("蓮花美白晚霜 ３０克") == name("莲花美白晚霜 30克")
