"""Samples of the pages of sellers and mediators."""

from datetime import date

from service.web.phrase import Lot, Reference, say
from service.web.views import buyer, mediator, seller
from service.web.views.base import View
from service.web.views.parts import (
    Form,
    Held,
    Option,
    Paging,
    Reason,
    Row,
    SavedView,
)
from tests.web.sample_parts import (
    CANDIDATES,
    FROZEN,
    MASK,
    NOW,
    PHOTOS,
    REFERENCE,
    RULING,
    SELLER_PHOTOS,
    STORY,
    TIMELINE,
    after,
    clock,
    cny,
    effect,
    options,
    wrong,
)


def seller_views() -> dict[str, View]:
    rows = (
        seller.InboxRow(
            REFERENCE,
            MASK,
            4,
            say("kind.unsafe"),
            "My face began to burn ten minutes after…",
            True,
            cny(48_000),
            clock(9.67, "due.answer", "expiry.rules_without"),
            "state.with_seller",
        ),
        seller.InboxRow(
            "FH-D6WQ-2MKV",
            "Suyun Night Cream 50 g",
            1,
            say("kind.damaged"),
            "The seal was broken.",
            False,
            cny(15_800),
            clock(28, "due.answer", "expiry.granted"),
            "state.with_seller",
        ),
        seller.InboxRow(
            "FH-31RN-YB8E",
            "Silk pillowcase",
            1,
            say("kind.not_as_described"),
            "It is polyester.",
            False,
            None,
            clock(60, "waiting.buyer", "expiry.closes", paused=True),
            "state.answered",
        ),
    )
    facts = (
        Row("fact.frozen_by", say("frozen.both")),
        Row("fact.delivered", after(days=-3)),
        Row("fact.batch", Lot("SY26J1807")),
    )
    part = effect("effect.part", 24_000, 0, 24_000)
    effects = (
        ("refund", effect("effect.full", 0, 0, 48_000)),
        ("part", part),
        ("wrong_company", effect("effect.wait", 0, 48_000, 0)),
        ("refuse", effect("effect.wait", 0, 48_000, 0)),
    )

    def answer(form: Form, *, ruling: buyer.RulingNotice | None = None) -> seller.AnswerPage:
        return seller.AnswerPage(
            REFERENCE,
            MASK,
            say("kind.unsafe"),
            True,
            "state.with_seller",
            clock(9.67, "due.answer", "expiry.rules_without"),
            STORY,
            say("wants.refund", amount=cny(48_000)),
            PHOTOS,
            Held(cny(48_000), "held.frozen", say("held.seller_frozen")),
            facts,
            TIMELINE,
            ruling is None,
            options("offer.refund", "offer.part", "offer.wrong_company", "offer.refuse"),
            effects,
            cny(48_000),
            ruling,
            form,
        )

    batches = (
        seller.BatchRow("b1", "SY26J1807", MASK, date(2026, 10, 18), date(2029, 10, 17), 6_000, "batch.held", 23),
        seller.BatchRow("b2", "SY26J1801", MASK, None, None, 4_200, "batch.active", 0),
    )
    orders = (
        seller.SellerOrder(
            "o1",
            "FH-4MZX-0V6E",
            MASK,
            4,
            cny(48_000),
            "order.paid",
            "hold.awaiting_delivery",
            "",
            clock(240, "due.ship", "expiry.refunded_unsent"),
            True,
        ),
        seller.SellerOrder(
            "o2",
            REFERENCE,
            MASK,
            1,
            cny(12_000),
            "order.delivered",
            "hold.in_window",
            "SY26J1807",
            clock(100, "due.window"),
        ),
    )
    columns = ("brand", "name_en", "name_zh", "gtin", "category", "lot_code", "made_on", "expires_on", "units_made")
    errors = (
        seller.RowError(7, "SY26J18", say("error.units_malformed")),
        seller.RowError(41, "", say("error.lot_missing")),
    )
    return {
        "seller-inbox": seller.Inbox(
            NOW,
            (SavedView("todo", 3, True), SavedView("waiting", 6), SavedView("closed", 1_131)),
            rows,
            (seller.FrozenBatch("SY26J1807", after(days=5), 98, cny(3_840_000)),),
            Paging(3, total=3),
        ),
        "seller-inbox-empty": seller.Inbox(NOW, (SavedView("todo", 0, True),), ()),
        "seller-answer": answer(Form({"offer": "part", "amount": "240.00"})),
        "seller-answer-error": answer(
            wrong(
                ("offer", "error.answer_missing"),
                ("amount", "error.amount_malformed"),
                ("words", "error.words_missing"),
                amount="lots",
                offer="part",
            )
        ),
        "seller-ruled": answer(Form(), ruling=RULING),
        "seller-batches": seller.Batches(batches, "SY26", Paging(2, "?after=x", 41)),
        "seller-batches-empty": seller.Batches(()),
        "seller-batch-new": seller.RegisterBatch(
            options("category.cosmetics", "category.food", "category.electronics"),
            wrong(("lot", "error.lot_missing"), ("units", "error.units_malformed"), units="many"),
        ),
        "seller-import": seller.ImportBatches(columns, 5_000),
        "seller-import-result": seller.ImportBatches(columns, 5_000, seller.ImportResult("lots.csv", 0, errors)),
        "seller-import-well": seller.ImportBatches(columns, 5_000, seller.ImportResult("lots.csv", 1_000, ())),
        "seller-orders": seller.SellerOrders((SavedView("to_ship", 1, True), SavedView("all", 2)), orders, Paging(2)),
        "seller-orders-empty": seller.SellerOrders((SavedView("to_ship", 0, True),), ()),
        "seller-ship": seller.Ship(
            orders[0],
            (Option("b1", say("own_words", text="SY26J1807")),),
            options("carrier.sandbox", "carrier.handover"),
            wrong(("batch", "error.choose_batch"), ("tracking_number", "error.tracking_missing")),
        ),
        "seller-ship-no-batch": seller.Ship(orders[0], (), ()),
    }


SIGNALS = (
    mediator.SignalRow(
        "s1",
        "b1",
        "SY26J1807",
        MASK,
        19,
        4.1,
        2.6,
        5.8,
        0.6,
        "signal.preliminary",
        clock(4, "due.confirm", "expiry.lifts"),
        412,
        cny(15_168_000),
        decidable=True,
        confirmable=True,
    ),
    mediator.SignalRow(
        "s2", "b2", "CH65-2231", "65 W charger", 4, 1.9, 0.8, 3.9, 0.7, "signal.screening", None, 0, None
    ),
)


def mediator_views() -> dict[str, View]:
    rows = (
        mediator.QueueRow(
            "FH-2C8R-5TNW",
            "Muyang goat milk powder 900 g",
            "Three infants ill after feeding",
            "risk.serious",
            cny(26_800),
            "state.in_review",
            clock(-2, "due.rule"),
        ),
        mediator.QueueRow(
            "FH-9PWD-31HB",
            "65 W phone charger",
            "Case melted while charging",
            "risk.high",
            cny(8_900),
            "state.in_review",
            clock(3.2, "due.rule"),
        ),
        mediator.QueueRow(
            REFERENCE,
            MASK,
            "Burning and rash",
            "",
            None,
            "state.awaiting_buyer",
            clock(25, "waiting.buyer", paused=True),
        ),
    )
    filters = (
        mediator.Filter("stage", "filter.stage", options("state.in_review", "state.appealed")),
        mediator.Filter("kind", "filter.kind", options("kind.unsafe", "kind.unsafe"), "unsafe"),
        mediator.Filter("category", "filter.category", options("category.cosmetics")),
    )
    saved = (
        SavedView("due_today", 2),
        SavedView("mine", 6, True),
        SavedView("injury", 3),
        SavedView("unassigned", 14),
        SavedView("waiting_party", 21),
    )
    facts = (
        mediator.SourcedFact("fact.paid", after(days=-6), say("source.platform")),
        mediator.SourcedFact("fact.delivered", after(days=-3), say("source.carrier")),
        mediator.SourcedFact("fact.batch", Lot("SY26J1807"), say("source.linked_buyer")),
        mediator.SourcedFact("fact.seller_says", Lot("SY26J1801"), say("source.seller")),
    )
    letters = tuple(
        mediator.Letter(
            to,
            language,
            (
                say(
                    f"letter.ruled_split_{to}",
                    name="林悦",
                    reference=Reference(REFERENCE),
                    buyer=cny(14_400),
                    seller=cny(33_600),
                ),
                say("letter.final", until=after(days=10)),
            ),
        )
        for to, language in (("buyer", "zh"), ("seller", "en"))
    )

    def case(
        form: Form,
        letters: tuple[mediator.Letter, ...] = (),
        *,
        ruling: buyer.RulingNotice | None = None,
        assignable: bool = False,
    ) -> mediator.MediatorCase:
        return mediator.MediatorCase(
            REFERENCE,
            MASK,
            4,
            "risk.serious",
            "state.in_review",
            clock(25, "due.rule", "expiry.supervisor"),
            mediator.SideOfCase(
                "Lin Yue",
                STORY,
                (
                    Row("fact.wants", say("wants.refund", amount=cny(48_000))),
                    Row("fact.history", say("fact.history_buyer", complaints=1, n=31)),
                ),
            ),
            mediator.SideOfCase(
                "Xiaohe Skincare",
                "" if assignable else "We stopped this batch.",
                (
                    Row("fact.offered", say("wants.part", amount=cny(24_000))),
                    Row("fact.history", say("fact.history_seller", settled=9, n=11)),
                ),
            ),
            PHOTOS,
            SELLER_PHOTOS,
            facts,
            FROZEN,
            (mediator.Precedent(say("outcome.refund"), 12), mediator.Precedent(say("outcome.split"), 2)),
            (
                Reason(say("check.photos_unique")),
                Reason(say("check.photos_repeated", n=2), fits=False),
                Reason(say("check.no_record"), fits=False),
            ),
            TIMELINE,
            (
                ("refund", effect("effect.ruling", 0, 0, 48_000)),
                ("split", effect("effect.ruling", 33_600, 0, 14_400)),
                ("release", effect("effect.ruling", 48_000, 0, 0)),
            ),
            letters,
            cny(48_000),
            options("outcome.refund", "outcome.split", "outcome.release"),
            ruling is None and not assignable,
            assignable,
            ruling,
            form,
        )

    why = (say("why.injury"), say("why.no_batch"))
    typed = (Row("fact.product", "素云面膜"), Row("fact.lot", Lot("5Y26J18O7")), Row("fact.shop", "小禾护肤"))
    return {
        "mediator-queue": mediator.Queue(NOW, saved, filters, rows, Paging(3, "?after=y", 46)),
        "mediator-queue-empty": mediator.Queue(NOW, saved, filters, (), Paging(0)),
        "mediator-case": case(Form({"outcome": "split", "amount": "144.00"}), letters),
        "mediator-case-error": case(
            wrong(
                ("outcome", "error.choose_one"),
                ("amount", "error.amount_missing"),
                ("reasons", "error.reasons_missing"),
                outcome="split",
            )
        ),
        "mediator-case-unassigned": case(Form(), assignable=True),
        "mediator-case-ruled": case(Form(), ruling=RULING),
        "mediator-triage-list": mediator.TriageList(
            NOW,
            (
                mediator.TriageRow(REFERENCE, MASK, "Burning and rash", why[0], clock(40, "due.look")),
                mediator.TriageRow("FH-5XPG-4T0C", "", "I do not know the shop.", why[1], clock(-1, "due.look")),
            ),
            Paging(2),
        ),
        "mediator-triage-list-empty": mediator.TriageList(NOW, (), Paging(0)),
        "mediator-triage": mediator.Triage(REFERENCE, STORY, why[1], clock(40, "due.look"), typed, PHOTOS, CANDIDATES),
        "mediator-triage-none": mediator.Triage(
            REFERENCE, STORY, why[1], None, typed, (), (), wrong(("batch", "error.choose_batch"))
        ),
        "mediator-signals": mediator.Signals(NOW, SIGNALS, options("lift.not_this_batch", "lift.no_risk")),
        "mediator-signals-empty": mediator.Signals(NOW, ()),
    }
