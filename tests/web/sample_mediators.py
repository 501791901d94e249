"""Samples of the pages of mediators."""

from dataclasses import replace

from service.web.phrase import Lot, Reference, say
from service.web.views import buyer, mediator
from service.web.views.base import View
from service.web.views.likenesses import LikePhoto, SimilarPhoto, SimilarPhotos
from service.web.views.parts import Form, Paging, Reason, Row, SavedView
from service.web.views.sides import Asking
from tests.web.sample_parts import (
    CANDIDATES,
    DOCUMENT,
    FROZEN,
    MASK,
    NOW,
    PHOTOS,
    REFERENCE,
    RULING,
    SHOT,
    STORY,
    TIMELINE,
    TIMES,
    after,
    asked_photo,
    clock,
    cny,
    effect,
    options,
    sides,
    wrong,
)
from tests.web.sample_readings import READINGS

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
_QUEUE = (
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
_FILTERS = (
    mediator.Filter("stage", "filter.stage", options("state.in_review", "state.appealed")),
    mediator.Filter("kind", "filter.kind", options("kind.unsafe", "kind.unsafe"), "unsafe"),
    mediator.Filter("category", "filter.category", options("category.cosmetics")),
)
_SAVED = (
    SavedView("due_today", 2),
    SavedView("mine", 6, True),
    SavedView("injury", 3),
    SavedView("unassigned", 14),
    SavedView("waiting_party", 21),
)
_FACTS = (
    mediator.SourcedFact("fact.paid", after(days=-6), say("source.platform")),
    mediator.SourcedFact("fact.delivered", after(days=-3), say("source.carrier")),
    mediator.SourcedFact("fact.batch", Lot("SY26J1807"), say("source.linked_buyer")),
    mediator.SourcedFact("fact.seller_says", Lot("SY26J1801"), say("source.seller")),
)
SIMILAR = SimilarPhotos(
    (
        LikePhoto(
            "p1",
            "buyer",
            (
                SimilarPhoto(
                    "/listing-photos/l1/small",
                    "/listing-photos/l1/view",
                    say("similar.listing", lot=Lot("SY26J1807")),
                    say("similar.seller_same"),
                    after(days=-40),
                    None,
                    is_listing=True,
                    taken_away=True,
                ),
                SimilarPhoto(
                    "/evidence/p9/small",
                    "/evidence/p9/view",
                    say("similar.case", reference=Reference("FH-2C8R-5TNW")),
                    say("similar.buyer_other"),
                    after(days=-20),
                    12,
                    "/mediator/cases/FH-2C8R-5TNW",
                    mirrored=True,
                ),
            ),
            more=3,
            elsewhere=1,
        ),
        LikePhoto("p2", "seller", (), elsewhere=2),
    ),
    complaints_of_buyer_photos=2,
    compared=4,
    plain=1,
    waiting=2,
)
_LETTERS = tuple(
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

_WHY = (say("why.injury"), say("why.no_batch"))
_TYPED = (Row("fact.product", "素云面膜"), Row("fact.lot", Lot("5Y26J18O7")), Row("fact.shop", "小禾护肤"))


def mediator_views() -> dict[str, View]:
    return {**_case_views(), **_triage_views()}


def _case_views() -> dict[str, View]:
    return {
        "mediator-queue": mediator.Queue(NOW, _SAVED, _FILTERS, _QUEUE, Paging(3, "?after=y", 46)),
        "mediator-queue-empty": mediator.Queue(NOW, _SAVED, _FILTERS, (), Paging(0)),
        "mediator-case": _case(Form({"outcome": "split", "amount": "144.00"}), _LETTERS),
        "mediator-case-error": _case(
            wrong(
                ("outcome", "error.choose_one"),
                ("amount", "error.amount_missing"),
                ("reasons", "error.reasons_missing"),
                outcome="split",
            )
        ),
        "mediator-case-unassigned": _case(Form(), assignable=True),
        "mediator-case-asked": replace(
            _case(wrong(("verdict-buyer-answered", "error.choose_one"))),
            asked_photos=(
                asked_photo(
                    "mediator",
                    "buyer",
                    "answered",
                    "judge",
                    code="K7M-3PX",
                    photo=SHOT,
                    verdicts=options("verdict.in_frame", "verdict.not_in_frame", "verdict.unreadable"),
                    verdict_place="verdict-buyer-answered",
                ),
                asked_photo("mediator", "seller", "opened", "withdraw"),
            ),
        ),
        "mediator-case-asking": replace(
            _case(wrong(("asked_side", "error.choose_one"), ("asked_text", "error.asked_text_missing"))),
            asked_photos=(asked_photo("mediator", "buyer", "expired", late_at=after(hours=-2)),),
            asking=Asking("/mediator/cases/x/challenges", options("asked.buyer", "asked.seller"), 500, TIMES),
        ),
        "mediator-case-ruled": _case(Form(), ruling=RULING),
    }


def _triage_views() -> dict[str, View]:
    return {
        "mediator-triage-list": mediator.TriageList(
            NOW,
            (
                mediator.TriageRow(REFERENCE, MASK, "Burning and rash", _WHY[0], clock(40, "due.look")),
                mediator.TriageRow("FH-5XPG-4T0C", "", "I do not know the shop.", _WHY[1], clock(-1, "due.look")),
            ),
            Paging(2),
        ),
        "mediator-triage-list-empty": mediator.TriageList(NOW, (), Paging(0)),
        "mediator-triage": mediator.Triage(
            REFERENCE,
            STORY,
            _WHY[1],
            clock(40, "due.look"),
            _TYPED,
            (*PHOTOS, DOCUMENT),
            CANDIDATES,
            similar=SIMILAR,
            readings=READINGS,
        ),
        "mediator-triage-none": mediator.Triage(
            REFERENCE, STORY, _WHY[1], None, _TYPED, (), (), form=wrong(("batch", "error.choose_batch"))
        ),
        "mediator-signals": mediator.Signals(NOW, SIGNALS, options("lift.not_this_batch", "lift.no_risk")),
        "mediator-signals-empty": mediator.Signals(NOW, ()),
    }


def _case(
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
        sides("mediator"),
        _FACTS,
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
        similar=SIMILAR,
        readings=READINGS,
    )
