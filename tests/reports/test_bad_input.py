"""Texts that want to be markup, lists without end and lists without a row."""

import io
import logging
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from pypdf import PdfReader

from reports.facts import (
    Currency,
    DossierFacts,
    KindCount,
    Language,
    Name,
    Photo,
    Rate,
    RateDay,
    Reported,
    RowCounts,
    ShopMoney,
    ShopRate,
    Trace,
    TraceEdge,
    TraceNode,
)
from reports.photos import SIDE_PX_MAX, for_paper
from reports.render import render_dossier
from tests.reports.reading import pressed, text_of
from tests.reports.suyun import BEIJING, CNY, picture

EVIL = '<script>alert(1)</script></title></svg><img src="file:///etc/passwd">{0}{{7*7}}&amp;'
EVIL_NAME = Name(EVIL, f"恶意{EVIL}")


def _bare(facts: DossierFacts) -> DossierFacts:
    return replace(
        facts,
        rows=RowCounts(0, 0, 0),
        reported=Reported(0, 0, 0),
        rate=Rate((), 0.0, 0.0),
        units_sold=0,
        held_since=None,
        seal_number=None,
        kinds=(),
        shop_rates=(),
        trace=Trace(),
        shops=(),
        money_lines=(),
        photos=(),
        status_history=(),
        responses=(),
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_markup_in_names_is_printed_as_text_and_loads_nothing(
    suyun: DossierFacts, language: Language, caplog: pytest.LogCaptureFixture
) -> None:
    shops = (replace(suyun.shops[0], shop=EVIL_NAME), *suyun.shops[1:])
    facts = replace(
        suyun,
        product=EVIL_NAME,
        lot_code="<i>L</i>",
        filter_words=EVIL_NAME,
        shops=shops,
        kinds=(KindCount(EVIL_NAME, 23),),
        photos=tuple(replace(photo, label=EVIL_NAME) for photo in suyun.photos),
        trace=Trace((TraceNode("<a>", "factory", EVIL_NAME, 1), TraceNode('"b"', "shop", EVIL_NAME, 1)), ()),
    )
    with caplog.at_level(logging.WARNING, logger="weasyprint"):
        pdf = render_dossier(facts, language)
    text = pressed(text_of(pdf))
    assert caplog.messages == []
    assert text.count(pressed(EVIL)) >= 4
    assert "root:" not in text
    assert "<i>L</i>" in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_emoji_controls_and_towers_of_marks_leave_no_missing_glyph(
    suyun: DossierFacts, language: Language, caplog: pytest.LogCaptureFixture
) -> None:
    nasty = "面膜😀👩\u200d🔬\ue000\x00\x07\u202egnirts\ufe0f Z" + "\u0338" * 40 + "\n𠮷"
    with caplog.at_level(logging.WARNING, logger="weasyprint"):
        text = pressed(text_of(render_dossier(replace(suyun, product=Name(nasty, nasty)), language)))
    assert caplog.messages == []
    assert "面膜□gnirtsZ" in text


def test_a_name_of_ten_thousand_letters_still_fits_its_cover(suyun: DossierFacts) -> None:
    endless = Name("x" * 10_000, "长" * 10_000)
    reader = PdfReader(io.BytesIO(render_dossier(replace(_bare(suyun), product=endless, seller=endless), "zh")))
    assert "不能据此认定因果关系" in reader.pages[0].extract_text()
    assert "摘要" in reader.pages[1].extract_text()


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "en",
            (
                "No verified buyer has reported a problem",
                "No hold rests on this batch, and no payment for it is open.",
                "there is no rate",
                "No hand-over of this batch is recorded.",
                "No evidence has been filed",
                "No payment for this batch is recorded.",
                "No complaint is linked",
                "The status has not changed",
                "The seller has not answered.",
                "0 complaints, 0 pieces of evidence, 0 orders",
            ),
        ),
        ("zh", ("没有已核实买家投诉本批次", "本批次未被冻结，也没有未付出的货款", "卖家尚未回应", "投诉 0 起")),
    ],
)
def test_a_batch_without_any_row_says_so_in_every_section(
    suyun: DossierFacts, language: Language, expected: tuple[str, ...]
) -> None:
    text = pressed(text_of(render_dossier(_bare(suyun), language)))
    for sentence in expected:
        assert pressed(sentence) in text


def test_five_hundred_shops_break_over_pages_under_a_repeated_head_with_one_total(suyun: DossierFacts) -> None:
    shops = tuple(ShopMoney(Name(f"Shop {n}", f"店铺{n}"), CNY, 1, 300, 100, 200, 0, 1) for n in range(500))
    rates = tuple(ShopRate(shop.shop, 1.0, 0.5, 2.0) for shop in shops)
    nodes = (suyun.trace.nodes[1], *(TraceNode(f"s{n}", "shop", shop.shop, 3) for n, shop in enumerate(shops)))
    trace = Trace(nodes, tuple(TraceEdge("brand", f"s{n}", 3) for n in range(500)))
    reader = PdfReader(io.BytesIO(render_dossier(replace(suyun, shops=shops, shop_rates=rates, trace=trace), "en")))
    texts = [page.extract_text() for page in reader.pages]
    with_rows = [text for text in texts if "Paid, CNY" in text]
    assert 14 <= len(with_rows) <= 20
    whole = " ".join(" ".join(texts).split())
    assert all(f"Shop {n} 1 3.00" in whole for n in range(500))
    assert whole.count("Total 500 1,500.00 500.00 1,000.00 500") == 1
    assert "492 other shops" in whole
    assert "The 12 highest of 500 shops; the attached data have all." in whole


def test_books_that_do_not_balance_are_called_so(suyun: DossierFacts) -> None:
    shops = (replace(suyun.shops[0], released_minor=suyun.shops[0].released_minor - 1), *suyun.shops[1:])
    text = text_of(render_dossier(replace(suyun, shops=shops), "en"))
    assert "Paid differs from released + held + refunded by CNY 0.01." in text
    assert "Balanced" not in text


def test_two_currencies_are_never_added_up(suyun: DossierFacts) -> None:
    shop = suyun.shops[0].shop
    shops = (
        ShopMoney(shop, Currency("JPY", 0), 1, 4800, 0, 4800, 0, 1),
        ShopMoney(shop, Currency("EUR", 2), 1, 4800, 0, 4700, 100, 2),
    )
    text = text_of(render_dossier(replace(suyun, shops=shops, money_lines=()), "zh"))
    assert "JPY 4,800 + EUR 47.00" in text
    assert "¥4" not in text


def test_photos_that_are_missing_or_broken_get_a_placeholder_and_late_ones_a_row(suyun: DossierFacts) -> None:
    images = (None, b"not a picture", picture("#804020"))
    photos = tuple(Photo(f"E-{n:02}", Name("Lot", "批号"), f"{n:064x}", images[n % 3]) for n in range(26))
    text = text_of(render_dossier(replace(suyun, photos=photos), "en"))
    assert text.count("No picture") == 16
    assert "24 of 26 are pictured; the others follow by number." in text
    assert f"{25:064x}" in pressed(text)


def test_a_picture_for_paper_is_small_and_carries_no_metadata() -> None:
    drawn = for_paper(picture("#804020", "JPEG"))
    assert drawn is not None
    assert drawn[:2] == b"\xff\xd8"
    assert b"Exif" not in drawn
    assert for_paper(b"") is None
    assert for_paper(picture("#804020", "PNG")) is None  # views are WebP or JPEG; nothing else is decoded
    assert SIDE_PX_MAX == 900


def test_facts_that_cannot_be_are_refused(suyun: DossierFacts) -> None:
    with pytest.raises(ValueError, match="as_of needs a time zone"):
        replace(suyun, as_of=datetime(2026, 11, 26, 12, 0))
    with pytest.raises(ValueError, match="verify_url is not a web address"):
        replace(suyun, verify_url="javascript:alert(1)")
    with pytest.raises(ValueError, match="chain_head is not a SHA-256"):
        replace(suyun, chain_head="5b1e90c4")
    with pytest.raises(ValueError, match="held_minor is negative"):
        replace(suyun.shops[0], held_minor=-1)
    with pytest.raises(ValueError, match="estimate is not a rate"):
        replace(suyun.shop_rates[0], estimate=float("nan"))
    with pytest.raises(ValueError, match="unknown holder"):
        Trace(suyun.trace.nodes, (TraceEdge("factory", "nobody", 1),))
    with pytest.raises(ValueError, match="oldest first"):
        Rate((RateDay(date(2026, 11, 2), 0, 0, 0, 0), RateDay(date(2026, 11, 1), 0, 0, 0, 0)), 0.6, 1.2)


def test_equal_facts_are_kept_alike(suyun: DossierFacts) -> None:
    other = replace(suyun, as_of=suyun.as_of.astimezone(BEIJING), rate=replace(suyun.rate, base=0.6, limit=1.2))
    assert other == suyun
    assert repr(other) == repr(suyun)
    assert other.as_of.utcoffset() == timedelta(0)
