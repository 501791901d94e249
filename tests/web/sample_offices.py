"""Samples of the pages of regulators and operators."""

from datetime import date, timedelta

from service.web.charts import RateChart, RatePoint, Trace, TraceNode
from service.web.phrase import Lot, say
from service.web.views import mediator, operator, regulator
from service.web.views.base import View
from service.web.views.parts import (
    Form,
    Paging,
    Reason,
    Row,
)
from tests.web.sample_mediators import SIGNALS
from tests.web.sample_parts import MASK, NOW, after, clock, cny, options


def _trace() -> Trace:
    def shop(name: str, sold: str, buyers: int, units: int) -> TraceNode:
        detail = say("trace.sold", sold=sold, n=buyers) if buyers else say("trace.sold_none", sold=sold)
        return TraceNode(name, detail, units, hot=buyers > 2)

    east = TraceNode(
        "Agent East",
        say("trace.got", n=2_900),
        2_900,
        children=(
            shop("Xiaohe Skincare", "640", 7, 640),
            shop("Miaomiao Beauty", "1,210", 6, 1_210),
            shop("Five other shops", "590", 0, 590),
        ),
    )
    south = TraceNode(
        "华南代理",
        say("trace.got", n=2_100),
        2_100,
        children=(shop("安然小铺", "980", 4, 980), shop("Lulu Picks", "760", 2, 760)),
    )
    brand = TraceNode("Suyun", say("trace.stock", n=1_000), 6_000, children=(east, south))
    return Trace(
        TraceNode("Lianhe factory", say("trace.made", n=6_000), 6_000, children=(brand,)),
        say("trace.summary", n=5),
        hidden=2,
    )


RATES = (0.6, 0.6, 0.5, 0.5, 0.5, 0.4, 1.0, 2.5, 3.4, 4.1)
BATCH_CHART = RateChart(
    tuple(
        RatePoint(date(2026, 11, 17) + timedelta(days=i), r, max(0.1, r * 0.63), r * 1.41) for i, r in enumerate(RATES)
    ),
    0.6,
    1.2,
    date(2026, 11, 24),
    say("chart.held"),
)
WEEK_CHART = RateChart(
    tuple(
        RatePoint(date(2026, 9, 6) + timedelta(days=7 * i), r)
        for i, r in enumerate((0.52, 0.55, 0.49, 0.58, 0.61, 0.57, 0.6, 0.63, 0.59, 0.66, 0.71, 0.83))
    ),
    0.6,
)
REPORTS = (
    regulator.ReportRow(
        "r1", "report_kind.batch_dossier", "SY26J1807", "en", NOW, "report.ready", 412_000, "9f2c" * 16
    ),
    regulator.ReportRow("r2", "report_kind.batch_dossier", "SY26J1807", "zh", NOW, "report.running"),
)
FIGURES = (
    regulator.Figure(say("figure.linked"), 214, say("figure.week_usual", usual=181), (3, 5, 2, 8, 9, 7, 12)),
    regulator.Figure(say("figure.injuries"), 9, say("figure.week_usual", usual=4), (1, 1, 1)),
    regulator.Figure(say("figure.signals"), 3, say("figure.new_signals", n=1)),
    regulator.Figure(say("figure.frozen"), cny(120_436_000), say("figure.payments", n=2_866), (0, 0, 9)),
)
CATEGORIES = (
    regulator.CategoryRate("category.cosmetics", 1.41, 0.62),
    regulator.CategoryRate("category.food", 0.74, 0.31),
)
STAGES = (
    regulator.Stage("stage.screening", "done", date(2026, 11, 23)),
    regulator.Stage("stage.preliminary", "now", date(2026, 11, 24)),
    regulator.Stage("stage.analysis", ""),
    regulator.Stage("stage.action", ""),
)
MONEY = regulator.BatchMoney(
    cny(15_168_000),
    412,
    (
        Row("fact.paid_by_buyers", cny(50_160_000)),
        Row("fact.released", cny(34_992_000)),
        Row("fact.deposit", cny(6_000_000)),
    ),
)
FOUND = (
    regulator.Found(
        "batch",
        "/regulator/batches/b1",
        MASK,
        "SY26J1807",
        say("found.by", maker="Lianhe factory", on=date(2026, 10, 18)),
        "batch.held",
    ),
    regulator.Found("product", "/regulator/search?product=p1", MASK, "6901234567892", say("found.complaints", n=23)),
)
KINDS = options("report_kind.batch_dossier", "report_kind.case_file", "report_kind.period_summary")
SEARCH_FILTERS = (mediator.Filter("kind", "filter.kind", options("filter.products", "filter.batches"), "batches"),)


def regulator_views() -> dict[str, View]:
    return {
        "regulator-overview": regulator.Overview(
            NOW, FIGURES, SIGNALS, WEEK_CHART, say("finding.above_base"), CATEGORIES
        ),
        "regulator-overview-empty": regulator.Overview(NOW, FIGURES[:1], (), None, None, ()),
        "regulator-search": regulator.Search(NOW, "SY26", SEARCH_FILTERS, FOUND, Paging(2, total=2)),
        "regulator-search-none": regulator.Search(NOW, "zzz", SEARCH_FILTERS, (), Paging(0)),
        "regulator-batch": regulator.RegulatorBatch(
            "b1",
            "SY26J1807",
            MASK,
            "category.cosmetics",
            "Lianhe factory",
            date(2026, 10, 18),
            NOW,
            "batch.held",
            say("signal.above_limit", low="2.6", limit="1.2"),
            BATCH_CHART,
            _trace(),
            regulator.SignalBox(STAGES, clock(4, "due.confirm", "expiry.lifts"), (Reason(say("signal.buyers", n=19)),)),
            (MONEY,),
            ((say("kind.unsafe"), 17), (say("kind.damaged"), 6)),
            (Row("fact.units", 6_000),),
            REPORTS,
        ),
        "regulator-batch-calm": regulator.RegulatorBatch(
            "b2", "SY26J1801", MASK, "category.cosmetics", "", None, NOW, "batch.active", None, None, None, None, (), ()
        ),
        "regulator-reports": regulator.Reports(KINDS, REPORTS, Paging(2), Form({"language": "zh"})),
        "regulator-reports-empty": regulator.Reports(KINDS, (), Paging(0)),
    }


def operator_views() -> dict[str, View]:
    return {
        "operator-health": operator.Health(
            NOW,
            950_400,
            (operator.AlertFigure("alert.hold_near_limit", 2, NOW),),
            (
                operator.Check("part.database", True, say("health.answers", ms=3)),
                operator.Check("part.files", False, say("health.no_answer")),
            ),
            (operator.QueueFigure("queue.jobs", 12, 95, 0), operator.QueueFigure("queue.deadlines", 0, 0, 1)),
            (("run.release", after(seconds=-5)), ("run.seal", after(seconds=-40))),
            operator.Matching(
                say("model.trained", version=Lot("trained-2026-11-20.1")),
                NOW,
                NOW,
                (
                    operator.DriftRow(say("drift.all", n=7), 412, 33, 0.0801, 301, 2, 0.0066),
                    operator.DriftRow(
                        say("drift.model", version=Lot("trained-2026-11-20.1"), n=7), 12, 0, 0.0, 0, 0, None
                    ),
                    operator.DriftRow(say("drift.expected"), None, None, None, None, None, 0.01),
                ),
                200,
                5,
                4,
            ),
        ),
    }
