"""Samples of the pages of sellers."""

from dataclasses import replace
from datetime import date

from service.core.money import Money
from service.web.phrase import Lot, say
from service.web.views import buyer, seller
from service.web.views.base import View
from service.web.views.parts import Form, Held, Option, Paging, Row, SavedView
from tests.web.sample_parts import (
    MASK,
    NOW,
    PACKED,
    REFERENCE,
    RULING,
    STORY,
    TIMELINE,
    after,
    asked_photo,
    clock,
    cny,
    effect,
    options,
    sides,
    wrong,
)

_MONEY = seller.SellerMoney(
    balances=(
        seller.SellerBalance(cny(128_040), cny(4_000), cny(500_000), cny(60_000)),
        seller.SellerBalance(Money(7_760, "JPY"), Money(0, "JPY"), Money(0, "JPY"), Money(0, "JPY")),
    ),
    payouts=(
        seller.SellerPayout(NOW, cny(60_000), cny(0), "payout.requested"),
        seller.SellerPayout(NOW, cny(12_000), cny(3_000), "payout.done"),
        seller.SellerPayout(NOW, cny(9_000), cny(0), "payout.failed"),
        seller.SellerPayout(NOW, cny(1_000), cny(0), "payout.unknown"),
    ),
    currencies=(Option("CNY", say("own_words", text="CNY")), Option("JPY", say("own_words", text="JPY"))),
)
_INBOX = (
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
_FACTS = (
    Row("fact.frozen_by", say("frozen.both")),
    Row("fact.delivered", after(days=-3)),
    Row("fact.batch", Lot("SY26J1807")),
)
_EFFECTS = (
    ("refund", effect("effect.full", 0, 0, 48_000)),
    ("part", effect("effect.part", 24_000, 0, 24_000)),
    ("wrong_company", effect("effect.wait", 0, 48_000, 0)),
    ("refuse", effect("effect.wait", 0, 48_000, 0)),
)

_BATCHES = (
    seller.BatchRow("b1", "SY26J1807", MASK, date(2026, 10, 18), date(2029, 10, 17), 6_000, "batch.held", 23),
    seller.BatchRow("b2", "SY26J1801", MASK, None, None, 4_200, "batch.active", 0),
)
_ORDERS = (
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
_COLUMNS = ("brand", "name_en", "name_zh", "gtin", "category", "lot_code", "made_on", "expires_on", "units_made")
_ERRORS = (
    seller.RowError(7, "SY26J18", say("error.field_malformed")),
    seller.RowError(41, "", say("error.lot_missing")),
)


def seller_views() -> dict[str, View]:
    return {**_case_views(), **_goods_views()}


def _case_views() -> dict[str, View]:
    return {
        "seller-inbox": seller.Inbox(
            NOW,
            (SavedView("todo", 3, True), SavedView("waiting", 6), SavedView("closed", 1_131)),
            _INBOX,
            (seller.FrozenBatch("SY26J1807", after(days=5), 98, cny(3_840_000)),),
            Paging(3, total=3),
        ),
        "seller-inbox-empty": seller.Inbox(NOW, (SavedView("todo", 0, True),), ()),
        "seller-inbox-suspended": seller.Inbox(
            NOW, (SavedView("todo", 0, True),), (), suspended=seller.Suspended(NOW, say("suspension.unsafe_goods"))
        ),
        "seller-answer": _answer(Form({"offer": "part", "amount": "240.00"})),
        "seller-answer-error": _answer(
            wrong(
                ("offer", "error.answer_missing"),
                ("amount", "error.amount_malformed"),
                ("words", "error.words_missing"),
                amount="lots",
                offer="part",
            )
        ),
        "seller-asked": replace(
            _answer(Form()), asked_photos=(asked_photo("seller", "seller", "opened", "answer", code="K7M-3PX"),)
        ),
        "seller-ruled": _answer(Form(), ruling=RULING),
    }


def _goods_views() -> dict[str, View]:
    return {
        "seller-batches": seller.Batches(_BATCHES, "SY26", Paging(2, "?after=x", 41)),
        "seller-batches-empty": seller.Batches(()),
        "seller-batch-new": seller.RegisterBatch(
            options("category.cosmetics", "category.food", "category.electronics"),
            wrong(("lot", "error.lot_missing"), ("units", "error.field_malformed"), units="many"),
        ),
        "seller-import": seller.ImportBatches(_COLUMNS, 5_000),
        "seller-import-result": seller.ImportBatches(_COLUMNS, 5_000, seller.ImportResult("lots.csv", 0, _ERRORS)),
        "seller-import-well": seller.ImportBatches(_COLUMNS, 5_000, seller.ImportResult("lots.csv", 1_000, ())),
        "seller-orders": seller.SellerOrders((SavedView("to_ship", 1, True), SavedView("all", 2)), _ORDERS, Paging(2)),
        "seller-orders-empty": seller.SellerOrders((SavedView("to_ship", 0, True),), ()),
        "seller-ship": seller.Ship(
            _ORDERS[0],
            (Option("b1", say("own_words", text="SY26J1807")),),
            options("carrier.sandbox", "carrier.handover"),
            wrong(("batch", "error.choose_batch"), ("tracking_number", "error.tracking_missing")),
        ),
        "seller-ship-no-batch": seller.Ship(_ORDERS[0], (), ()),
        "seller-ship-packed": seller.Ship(
            _ORDERS[0],
            (Option("b1", say("own_words", text="SY26J1807")),),
            options("carrier.sandbox"),
            wrong(("photos", "error.photo_needed")),
            PACKED,
        ),
        "seller-ship-packed-full": seller.Ship(_ORDERS[0], (), (), packing=PACKED * 5),
        "seller-money": _MONEY,
        "seller-money-wrong": replace(_MONEY, form=wrong(("amount", "error.amount_above_balance"))),
        "seller-money-one-currency": replace(_MONEY, currencies=_MONEY.currencies[:1]),
        "seller-money-blocked": replace(_MONEY, is_blocked=True),
        "seller-money-empty": seller.SellerMoney(),
    }


def _answer(form: Form, *, ruling: buyer.RulingNotice | None = None) -> seller.AnswerPage:
    return seller.AnswerPage(
        REFERENCE,
        MASK,
        say("kind.unsafe"),
        True,
        "state.with_seller",
        clock(9.67, "due.answer", "expiry.rules_without"),
        STORY,
        say("wants.refund", amount=cny(48_000)),
        sides("seller"),
        Held(cny(48_000), "held.frozen", say("held.seller_frozen")),
        _FACTS,
        TIMELINE,
        ruling is None,
        options("offer.refund", "offer.part", "offer.wrong_company", "offer.refuse"),
        _EFFECTS,
        cny(48_000),
        ruling,
        form,
    )
