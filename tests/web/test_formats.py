"""Amounts, times and lengths of time are written by the rules of each language."""

from datetime import UTC, date, datetime

import pytest

from service.core.money import Money
from service.web import formats
from service.web.language import Language, choose

EVENING = datetime(2026, 12, 3, 10, 0, tzinfo=UTC)
NB = "\u00a0"


@pytest.mark.parametrize(
    ("amount", "language", "text"),
    [
        (Money(48_000, "CNY"), "en", f"CNY{NB}480.00"),
        (Money(48_000, "CNY"), "zh", "¥480.00"),
        (Money(120_436_000, "CNY"), "en", f"CNY{NB}1,204,360.00"),
        (Money(1_500, "JPY"), "en", f"JPY{NB}1,500"),
        (Money(1_500, "JPY"), "zh", "JP¥1,500"),
        (Money(1_234_567, "KWD"), "en", f"KWD{NB}1,234.567"),
        (Money(0, "CNY"), "zh", "¥0.00"),
        (Money(10**15, "CNY"), "en", f"CNY{NB}10,000,000,000,000.00"),
    ],
)
def test_an_amount_names_its_currency_with_all_its_decimals(amount: Money, language: Language, text: str) -> None:
    assert formats.money(amount, language) == text


def test_a_moment_is_in_beijing_time_and_says_so() -> None:
    assert formats.moment(EVENING, "en") == "3 December 2026, 18:00 Beijing time"
    assert formats.moment(EVENING, "zh") == "2026年12月3日 18:00（北京时间）"
    assert formats.machine(EVENING) == "2026-12-03T18:00+08:00"


def test_a_day_is_the_day_in_beijing() -> None:
    late = datetime(2026, 12, 2, 17, 0, tzinfo=UTC)
    assert formats.day(late, "en") == "3 December 2026"
    assert formats.day(date(2026, 12, 3), "zh") == "2026年12月3日"
    assert formats.short_day(date(2026, 11, 22), "en") == "22 Nov"
    assert formats.short_day(late, "zh") == "12/3"


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0, "less than a minute", "不到 1 分钟"),
        (59, "less than a minute", "不到 1 分钟"),
        (60, f"1{NB}min", "1 分钟"),
        (3_600, f"1{NB}h", "1 小时"),
        (34_800, f"9{NB}h{NB}40{NB}min", "9 小时 40 分钟"),
        (90_000, f"1{NB}day{NB}1{NB}h", "1 天 1 小时"),
        (172_800, f"2{NB}days", "2 天"),
        (691_199, f"7{NB}days", "7 天"),
        (-7_200, f"2{NB}h", "2 小时"),
    ],
)
def test_a_length_of_time_has_its_two_largest_units_rounded_down(seconds: int, en: str, zh: str) -> None:
    assert formats.duration(seconds, "en") == en
    assert formats.duration(seconds, "zh") == zh


def test_sizes_and_numbers_are_written_as_phones_show_them() -> None:
    assert [formats.size(n) for n in (0, 310_400, 2_400_000, 20_000_000)] == [
        f"1{NB}kB",
        f"310{NB}kB",
        f"2.4{NB}MB",
        f"20{NB}MB",
    ]
    assert [formats.number(1_131), formats.number(0.6, 1), formats.number(4.1, 2)] == ["1,131", "0.6", "4.10"]


@pytest.mark.parametrize(
    ("cookie", "person", "accept", "language"),
    [
        (None, None, None, "en"),
        (None, None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, None, "zh-Hant-TW", "zh"),
        (None, None, "zh_Hans_CN", "zh"),
        (None, None, "de-DE,de;q=0.9,zh;q=0.5,en;q=0.7", "en"),
        (None, None, "fr,*;q=0.5", "en"),
        (None, None, "en;q=0,zh;q=0.1", "zh"),
        (None, None, "zh;q=abc,en", "en"),
        (None, None, "," * 10_000, "en"),
        (None, "zh", "en", "zh"),
        ("en", "zh", "zh", "en"),
        ("xx", None, "zh", "zh"),
    ],
)
def test_the_switch_goes_before_the_person_and_the_person_before_the_browser(
    cookie: str | None, person: str | None, accept: str | None, language: Language
) -> None:
    assert choose(cookie, person, accept) == language
