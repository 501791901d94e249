"""How pages flow: no row of a table alone, no nearly empty last page, and a bounded trace of the money."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from pypdf import PdfReader

from reports.facts import DossierFacts, Language, Trace
from reports.render import render_dossier
from tests.reports.reading import pressed

HEADINGS = {
    "en": ("Rate by day", "Status of the batch", "Check this document"),
    "zh": ("每日比率", "批次状态", "核验本文件"),
}
LINES = 10_000


def pages_of(facts: DossierFacts, language: Language) -> list[str]:
    reader = PdfReader(io.BytesIO(render_dossier(facts, language)))
    return [pressed(page.extract_text()) for page in reader.pages]


def with_lines(facts: DossierFacts, number: int) -> DossierFacts:
    line = facts.money_lines[0]
    lines = [replace(line, at=line.at + timedelta(minutes=each), order=f"TM-{each:06d}") for each in range(number)]
    return replace(facts, money_lines=tuple(lines))


def few(facts: DossierFacts) -> DossierFacts:
    return replace(facts, photos=(), trace=Trace(), shop_rates=(), responses=(), status_history=(), money_lines=())


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", ["few", "some", "many"])
def test_the_rates_stay_together_and_the_last_page_has_more_than_the_check(
    suyun: DossierFacts, language: Language, size: str
) -> None:
    days = suyun.rate.days
    first = days[0].day
    month = tuple(replace(days[-1], day=first + timedelta(days=each)) for each in range(30))
    facts = {
        "few": few(suyun),
        "some": suyun,
        "many": replace(with_lines(suyun, LINES), shops=suyun.shops * 6, rate=replace(suyun.rate, days=month)),
    }[size]
    pages = pages_of(facts, language)
    rate, history, check = (pressed(words) for words in HEADINGS[language])
    (rated,) = [page for page in pages[1:] if rate in page]
    shown = facts.rate.days[-5:]
    for day in shown:
        tick = f"{day.day.day}{day.day:%b}" if language == "en" else f"{day.day.month}/{day.day.day}"
        assert tick in rated
    assert history in pages[-1]
    assert check in pages[-1]
    assert len(pages) <= {"few": 4, "some": 5, "many": 9}[size]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_ten_thousand_lines_are_shown_from_both_ends_and_attached_whole(
    suyun: DossierFacts, language: Language
) -> None:
    reader = PdfReader(io.BytesIO(render_dossier(with_lines(suyun, LINES), language)))
    text = pressed(" ".join(page.extract_text() for page in reader.pages))
    shown = [number for number in range(LINES) if f"TM-{number:06d}" in text]
    assert shown == [*range(16), *range(LINES - 16, LINES)]
    left_out = "9,968morelines;theattachedmoney.csvhasall." if language == "en" else "另有9,968条"
    assert left_out in text
    assert "10,000" in text  # payments, added up
    (table,) = reader.attachments["money.csv"]
    rows = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))
    assert [row["order"] for row in rows] == [f"TM-{number:06d}" for number in range(LINES)]
