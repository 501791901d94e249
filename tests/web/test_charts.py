"""The pictures' geometry: exact numbers, so that a bar never lies."""

from datetime import date, timedelta

import pytest

from service.core.money import Money
from service.web.charts import RateChart, RatePoint, Trace, TraceNode, spark
from service.web.phrase import say
from service.web.views.parts import Bar, Effect


def cny(amount_minor: int) -> Money:
    return Money(amount_minor, "CNY")


@pytest.mark.parametrize(
    ("seller", "held", "buyer", "bars"),
    [
        (0, 0, 48_000, (Bar("buyer", 0.0, 100.0),)),
        (24_000, 0, 24_000, (Bar("seller", 0.0, 49.55), Bar("buyer", 50.45, 49.55))),
        (1, 1, 2, (Bar("seller", 0.0, 24.55), Bar("held-part", 25.45, 24.55), Bar("buyer", 50.9, 49.1))),
        (0, 0, 0, ()),
    ],
)
def test_a_money_bar_fills_its_brackets_by_the_amounts(
    seller: int, held: int, buyer: int, bars: tuple[Bar, ...]
) -> None:
    assert Effect(say("effect.part"), cny(seller), cny(held), cny(buyer)).bars == bars


def chart(*rates: float, limit: float | None = None) -> RateChart:
    return RateChart(
        tuple(RatePoint(date(2026, 11, 1) + timedelta(days=i), r) for i, r in enumerate(rates)), 0.6, limit
    )


def test_a_chart_starts_at_zero_and_reaches_above_its_largest_value() -> None:
    drawing = chart(0.52, 0.83).drawing(wide=True)
    assert (drawing.ticks[0].value, drawing.ticks[0].y) == (0, 240)
    assert [round(tick.value, 1) for tick in drawing.ticks] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert drawing.places == 1
    assert drawing.ticks[-1].y == 26.0
    assert drawing.line == "38.0,128.7 642.0,62.4"


def test_a_chart_of_one_point_or_of_zeros_is_drawn() -> None:
    assert chart(0.0).drawing(wide=False).line == "38.0,200.0"
    assert RateChart((), 0.0).drawing(wide=True).line == ""


def test_a_narrow_axis_names_few_days_and_always_the_last() -> None:
    marks = chart(*[0.5] * 12).drawing(wide=False).marks
    assert [mark.named for mark in marks].count(True) == 4
    assert marks[-1].named


def test_a_small_line_of_equal_values_lies_in_the_middle() -> None:
    assert spark((1, 1, 1)) == "0,18 100,18 200,18"
    assert spark((0, 10)) == "0,33 200,3"


def node(name: str, units: int, *children: TraceNode, hot: bool = False) -> TraceNode:
    return TraceNode(name, say("trace.got", n=units), units, hot, children)


def test_a_trace_has_a_box_for_every_holder_and_a_flow_for_every_hand_over() -> None:
    tree = node("Maker", 100, node("Agent", 60, node("A", 20, hot=True), node("B", 40)), node("C", 40))
    drawing = Trace(tree, say("trace.summary", n=3)).drawing()
    assert sorted(box.name for box in drawing.boxes) == ["A", "Agent", "B", "C", "Maker"]
    assert [box.kind for box in drawing.boxes if box.name == "Maker"] == ["origin"]
    assert sorted(flow.width for flow in drawing.flows) == [3.0, 4.5, 4.5, 6.0]
    assert [flow.hot for flow in drawing.flows].count(True) == 1


def test_a_long_name_is_cut_to_its_box_and_a_wide_trace_is_left_to_the_list() -> None:
    long = Trace(node("联禾生物科技有限公司第二工厂", 1), say("trace.summary", n=1)).drawing()
    assert long.boxes[0].name.endswith("…")
    many = Trace(node("Maker", 17, *[node(str(i), 1) for i in range(17)]), say("trace.summary", n=17))
    assert not many.drawable
