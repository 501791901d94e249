"""Geometry of the charts, and the QR code read back."""

import random
import re
import xml.etree.ElementTree as ET
from datetime import date, timedelta

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reports import charts
from reports.charts import Scale, rate_by_day, rate_by_shop, scale_for, spread
from reports.facts import DossierFacts, Name, Rate, RateDay, Trace, TraceEdge, TraceNode
from reports.tracing import lay_out
from reports.words import Speech

EN, ZH = Speech("en"), Speech("zh")


def _parsed(svg: object) -> ET.Element:
    return ET.fromstring(str(svg))  # noqa: S314 - the drawing is our own


def test_a_scale_starts_at_nought_and_holds_all_values() -> None:
    assert scale_for([5.8, 1.2], 240, 26, 6) == Scale(6.0, 1.0, 240, 26)
    assert scale_for([19.4], 150, 654, 5) == Scale(20.0, 4.0, 150, 654)
    assert [tick.text for tick in scale_for([0.04], 0, 10, 4).ticks()] == ["0.00", "0.01", "0.02", "0.03", "0.04"]
    assert scale_for([], 0, 10, 5).top == 1.0


@given(st.lists(st.floats(0, 1e6), max_size=5), st.integers(2, 8))
def test_a_scale_never_has_more_ticks_than_it_may(values: list[float], ticks_max: int) -> None:
    scale = scale_for(values, 0, 100, ticks_max)
    assert scale.top >= max(values, default=0) * (1 - 1e-6)
    assert len(scale.ticks()) <= ticks_max + 1


def test_labels_that_would_cover_each_other_are_pushed_apart() -> None:
    assert spread([218.6, 210.0, 93.8]) == [223.0, 210.0, 93.8]


def test_the_rate_by_day_has_the_points_of_the_look(suyun: DossierFacts) -> None:
    svg = str(rate_by_day(suyun.rate, date(2026, 11, 24), EN))
    assert (
        'points="38.0,218.6 105.1,218.6 172.2,222.2 239.3,222.2 306.4,222.2 373.6,225.7 440.7,204.3 507.8,150.8 '
        '574.9,118.7 642.0,93.8"' in svg
    )
    assert "payments held" in svg
    assert svg.count("<circle") == 10
    assert _parsed(svg).tag.endswith("svg")


def test_years_of_days_are_named_at_most_six_times_and_a_single_day_is_a_bar() -> None:
    start = date(2025, 6, 1)
    days = tuple(RateDay(start + timedelta(days=n), n, 1.0, 0.5, 2.0) for n in range(500))
    long = str(rate_by_day(Rate(days, 0.6, 1.2), None, ZH))
    assert len(re.findall(r"20\d\d/\d+/\d+<", long)) == 6
    assert long.count("<circle") == 1
    single = str(rate_by_day(Rate(days[:1], 0.6, 1.2), start, EN))
    assert "<polygon" not in single
    assert single.count("<circle") == 1


def test_the_shops_stand_by_their_rate_with_twelve_at_most(suyun: DossierFacts) -> None:
    svg = str(rate_by_shop(suyun.shop_rates[::-1], 0.6, ZH))
    names = ["小禾护肤", "妙妙美妆", "安然小铺", "露露优选", "其他五家店铺"]
    assert [svg.rindex(f">{name}<") for name in names] == sorted(svg.rindex(f">{name}<") for name in names)
    assert str(rate_by_shop(suyun.shop_rates * 9, 0.6, EN)).count("<circle") == 12


def test_the_trace_has_four_columns_and_red_lines_to_red_shops(suyun: DossierFacts) -> None:
    drawing = lay_out(suyun.trace, EN)
    assert sorted({box.x for box in drawing.boxes}) == [1.0, 179.7, 358.3, 537.0]
    assert [box.title for box in drawing.boxes if box.is_origin] == ["Lianhe factory"]
    assert sum(flow.is_hot for flow in drawing.flows) == 3
    assert max(flow.width for flow in drawing.flows) == 9.0
    assert not drawing.is_folded


def test_no_two_boxes_of_a_large_trace_touch_and_its_height_fits_a_page() -> None:
    chance = random.Random(7)
    nodes = [TraceNode("f", "factory", Name("F", "厂"), 9), TraceNode("b", "brand", Name("B", "牌"), 1)]
    edges = [TraceEdge("f", "b", 9)]
    for n in range(60):
        nodes.append(TraceNode(f"a{n}", "agent", Name(f"A{n}", f"代{n}"), n))
        edges.append(TraceEdge("b" if n < 8 else f"a{chance.randrange(n)}", f"a{n}", n))
    for n in range(800):
        nodes.append(TraceNode(f"s{n}", "shop", Name(f"S{n}", f"店{n}"), n, buyers=n % 5, is_hot=n % 9 == 0))
        edges.append(TraceEdge(f"a{chance.randrange(60)}", f"s{n}", 1))
    drawing = lay_out(Trace(tuple(nodes), tuple(edges)), EN)
    assert drawing.is_folded
    assert drawing.height < 1_100
    for one in drawing.boxes:
        assert one.x > 0
        assert one.x + one.width < 722
        assert one.y > 0
        assert one.y + one.height < drawing.height
        for other in drawing.boxes:
            apart = one is other or one.x != other.x or one.y >= other.y + other.height or other.y >= one.y + one.height
            assert apart


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_graph_can_be_laid_out_even_one_with_rings(data: st.DataObject) -> None:
    roles = data.draw(st.lists(st.sampled_from(["factory", "brand", "agent", "shop"]), min_size=1, max_size=40))
    nodes = tuple(TraceNode(str(n), role, Name(role, role), n) for n, role in enumerate(roles))
    keys = st.sampled_from([node.key for node in nodes])
    edges = tuple(TraceEdge(*ends, 1) for ends in data.draw(st.lists(st.tuples(keys, keys), max_size=60)))
    drawing = lay_out(Trace(nodes, edges), ZH)
    assert len(drawing.boxes) in range(1, len(nodes) + 1)
    assert all(box.y > 0 and box.y + box.height < drawing.height for box in drawing.boxes)


def test_the_qr_code_opens_the_address(suyun: DossierFacts) -> None:
    svg = _parsed(charts.qr_code(suyun.verify_url, EN))
    size = int(svg.attrib["viewBox"].split()[2])
    image = Image.new("L", ((size + 8) * 4,) * 2, 255)
    path = "".join(part.attrib["d"] for part in svg if part.tag.endswith("path"))
    for x, y, width, height in re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)h-\d+Z", path):
        left, top = (int(x) + 4) * 4, (int(y) + 4) * 4
        image.paste(0, (left, top, left + int(width) * 4, top + int(height) * 4))
    assert [code.text for code in zxingcpp.read_barcodes(image)] == [suyun.verify_url]


@pytest.mark.parametrize("address", ["https://fairhold.example/" + "x" * 900, "https://例子.example/验证?a=<b>&c"])
def test_long_and_foreign_addresses_make_a_code_too(address: str) -> None:
    assert _parsed(charts.qr_code(address, EN)).tag.endswith("svg")
