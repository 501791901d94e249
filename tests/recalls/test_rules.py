"""The arithmetic of signals: quantiles against known values, the shrunk rate, independence, the series."""

import math
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from service.core.errors import Conflict
from service.recalls.gamma import gamma_cdf, gamma_quantile
from service.recalls.rules import (
    SIGNAL,
    Base,
    Report,
    groups,
    new_groups,
    rate_of,
    series,
    should_freeze,
)

BASE = Base(rate=0.6, shape=0.25, version="1.1")
START = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("probability", "shape", "known"),
    [  # chi-square tables: the quantile of 2 x shape degrees of freedom, halved
        (0.05, 0.5, 0.00393214 / 2),
        (0.95, 0.5, 3.84145882 / 2),
        (0.05, 1.0, 0.10258659 / 2),
        (0.95, 2.5, 11.07049769 / 2),
        (0.05, 5.0, 3.94029914 / 2),
        (0.95, 50.0, 124.34211340 / 2),
        (0.05, 50.0, 77.92946517 / 2),
    ],
)
def test_quantiles_are_those_of_the_tables(probability: float, shape: float, known: float) -> None:
    assert gamma_quantile(probability, shape) == pytest.approx(known, rel=2e-6)


@pytest.mark.parametrize("shape", [0.02, 0.25, 0.9, 1.0, 3.25, 40.0, 1_000.0, 100_000.0])
@pytest.mark.parametrize("probability", [0.001, 0.05, 0.5, 0.95, 0.999])
def test_a_quantile_put_back_gives_its_probability(probability: float, shape: float) -> None:
    assert gamma_cdf(shape, gamma_quantile(probability, shape)) == pytest.approx(probability, rel=1e-9)


def test_the_cdf_of_shape_one_is_the_exponential() -> None:
    for x in (0.01, 0.5, 1.9, 2.1, 30.0):
        assert gamma_cdf(1.0, x) == pytest.approx(1 - math.exp(-x), rel=1e-13)
    assert gamma_cdf(2.0, 0.0) == 0.0


def test_a_quantile_needs_a_probability() -> None:
    for probability, shape in ((0.0, 1.0), (1.0, 1.0), (0.5, 0.0)):
        with pytest.raises(ValueError, match="a quantile needs"):
            gamma_quantile(probability, shape)


def test_without_sales_or_complaints_the_estimate_is_the_base() -> None:
    assert rate_of(0, 0, BASE).estimate == pytest.approx(0.6)


def test_the_estimate_lies_between_the_base_and_what_was_counted() -> None:
    rate = rate_of(10, 2_000, BASE)
    assert 0.6 < rate.estimate < 5.0
    assert rate.low < rate.estimate < rate.high
    assert rate.estimate == pytest.approx(10.25 / (0.25 / 0.6 + 2))


@pytest.mark.parametrize(("buyers", "units", "freezes"), [(2, 3, False), (3, 3, True), (3, 370, True), (3, 400, False)])
def test_three_buyers_freeze_unless_many_units_were_sold(buyers: int, units: int, *, freezes: bool) -> None:
    assert should_freeze(buyers, rate_of(buyers, units, BASE).low, BASE.rate) is freezes


def test_the_bound_must_be_above_twice_the_base_not_at_it() -> None:
    assert not should_freeze(3, 1.2, 0.6)
    assert should_freeze(3, 1.2000001, 0.6)


def report(number: int, buyer: int | None = None, day: int = 0, **identity: str) -> Report:
    at = START + timedelta(days=day, minutes=number)
    return Report(UUID(int=number), UUID(int=100 + (buyer or number)), UUID(int=900), at, identity)


def test_sharing_joins_buyers_even_through_a_third() -> None:
    reports = [report(1, device="a"), report(2, payer="b"), report(3, device="a", payer="b"), report(4, device="c")]
    grouped = groups(reports, insider_ids=[], insider_marks=[])
    assert list(grouped.values()) == [1, 1, 1, 2]


def test_equal_digests_of_another_kind_join_nobody() -> None:
    grouped = groups([report(1, device="a"), report(2, payer="a")], insider_ids=[], insider_marks=[])
    assert set(grouped.values()) == {1, 2}


def test_a_group_that_touches_an_insider_is_left_out() -> None:
    reports = [report(1, device="a"), report(2, device="a"), report(3), report(4, payer="p"), report(5)]
    grouped = groups(reports, insider_ids=[UUID(int=101), UUID(int=105)], insider_marks=[("payer", "p")])
    assert grouped == {UUID(int=3): 1}


def test_a_group_with_somebody_counted_before_is_not_new() -> None:
    grouped = groups([report(1, device="a"), report(2, device="a"), report(3)], insider_ids=[], insider_marks=[])
    assert new_groups(grouped, [UUID(int=1)]) == {2}


def test_the_series_counts_each_group_from_its_first_report_and_units_from_their_day() -> None:
    reports = [report(1, day=0, device="a"), report(2, day=1, device="a"), report(3, day=2)]
    grouped = groups(reports, insider_ids=[], insider_marks=[])
    units = {date(2026, 11, 1): 10, date(2026, 11, 22): 5}
    days = series(reports, grouped, units, BASE, until=date(2026, 11, 23))
    assert (days[0].day, days[-1].day, len(days)) == (date(2026, 11, 13), date(2026, 11, 23), 11)
    assert [day.buyers for day in days[-4:]] == [1, 1, 2, 2]
    assert days[0].rate == rate_of(0, 10, BASE)
    assert days[-1].rate == rate_of(2, 15, BASE)


def test_a_batch_that_nobody_bought_has_no_series() -> None:
    assert series([], {}, {}, BASE, until=date(2026, 11, 23)) == []


def test_the_life_cycle_is_the_designs() -> None:
    table = {(each.state, each.action): each.to for each in SIGNAL.table.values()}
    assert table == {
        ("screening", "freeze"): "preliminary",
        ("preliminary", "confirm"): "analysis",
        ("preliminary", "lift"): "closed",
        ("preliminary", "expire"): "closed",
        ("preliminary", "dissolve"): "closed",
        ("analysis", "lift"): "closed",
        ("analysis", "expire"): "closed",
        ("analysis", "act"): "action",
    }
    for state in SIGNAL.states:
        for action in SIGNAL.actions:
            if (state, action) not in table:
                with pytest.raises(Conflict):
                    SIGNAL.next(state, action)
