"""The catalogue, and how dates, numbers and money are written."""

import re
import string
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from reports.charts import TEMPLATES
from reports.facts import Currency, Language
from reports.words import CATALOGUE, Speech, clean, fit, width_em
from tests.reports.suyun import CNY

EN, ZH = Speech("en"), Speech("zh")
SERVICE_SHEET = Path(__file__).parents[2] / "service/web/static/fairhold.css"


def _forms(entry: object) -> list[str]:
    return list(entry.values()) if isinstance(entry, dict) else [str(entry)]


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", sorted(CATALOGUE))
def test_every_word_exists_in_both_languages_with_the_same_values(key: str) -> None:
    entry = CATALOGUE[key]
    assert set(entry) == {"en", "zh"}
    english, chinese = _forms(entry["en"]), _forms(entry["zh"])
    assert all(text.strip() for text in english + chinese)
    assert {frozenset(_fields(text)) for text in english} == {frozenset(_fields(text)) for text in chinese}


def test_every_word_that_a_template_or_module_asks_for_is_there() -> None:
    folder = TEMPLATES.parent
    sources = [*folder.glob("*.py"), *TEMPLATES.glob("*.html"), *TEMPLATES.glob("*.svg")]
    asked = {
        key for path in sources for key in re.findall(r'\b(?:say|count)\("([a-z_]+)"[,)]', path.read_text("utf-8"))
    }
    assert len(asked) > 70
    assert asked <= set(CATALOGUE)


def test_the_token_block_is_the_one_of_the_pages() -> None:
    if not SERVICE_SHEET.exists():
        pytest.skip("the pages' stylesheet is not there yet")

    def block(path: Path) -> str:
        return re.search(r":root \{.*?\n\}", path.read_text("utf-8"), re.DOTALL)[0]  # type: ignore[index] # fails loudly

    assert block(TEMPLATES / "fairhold.css") == block(SERVICE_SHEET)


@pytest.mark.parametrize(
    ("language", "currency", "minor", "expected"),
    [
        ("en", CNY, 48_000, "CNY\u00a0480.00"),
        ("zh", CNY, 48_000, "¥480.00"),
        ("zh", Currency("EUR", 2), 123_456_789, "EUR\u00a01,234,567.89"),
        ("zh", Currency("JPY", 0), 4_800, "JPY\u00a04,800"),
        ("en", Currency("KWD", 3), 5, "KWD\u00a00.005"),
        ("en", CNY, -5, "CNY\u00a0-0.05"),
    ],
)
def test_money_is_written_as_its_language_writes_it(
    language: Language, currency: Currency, minor: int, expected: str
) -> None:
    assert Speech(language).plain_money(minor, currency) == expected


def test_times_are_beijing_time_in_both_languages() -> None:
    late = datetime(2026, 11, 26, 16, 30, tzinfo=UTC)
    assert EN.plain_moment(late) == "27 November 2026, 00:30 Beijing time"
    assert ZH.plain_moment(late) == "2026年11月27日 00:30（北京时间）"
    assert EN.moment(late) == ('<time datetime="2026-11-27T00:30:00+08:00">27 November 2026, 00:30 Beijing time</time>')
    assert (EN.tick(date(2026, 1, 5)), ZH.tick(date(2026, 1, 5), with_year=True)) == ("5 Jan", "2026/1/5")


def test_numbers_are_spelled_where_prose_spells_them() -> None:
    assert EN.count("n_verified_buyers", 1, "start") == "One verified buyer"
    assert EN.count("n_verified_buyers", 21, "start") == "21 verified buyers"
    assert EN.count("n_days", 11, "inside") == "11 days"
    assert ZH.count("n_shops", 2, "inside") == "两家店铺"
    assert ZH.count("n_shops", 1_200, "inside") == " 1,200 家店铺"


def test_rates_keep_what_can_be_seen() -> None:
    assert [EN.rate(value) for value in (0.0, 0.004, 0.05, 0.6, 10.94, 1234.5)] == [
        "0.0", "0.004", "0.05", "0.6", "10.9", "1,234.5",
    ]  # fmt: skip


def test_values_are_escaped_and_format_strings_in_them_stay_as_they_are() -> None:
    assert EN.say("quoted", text="<b>{n}</b>") == "“&lt;b&gt;{n}&lt;/b&gt;”"


def test_cleaning_and_cutting_keep_what_can_be_read() -> None:
    assert clean(" a\x00\u202eb\u200b\nc\ufe0f ") == "ab c"
    assert clean("葛\U000e0100👍🏽👍") == "葛□"
    assert fit("素芸补水面膜", 6) == "素芸补水面膜"
    assert fit("素芸补水面膜", 5) == "素芸补水…"
    assert width_em("素芸") == 2.0
