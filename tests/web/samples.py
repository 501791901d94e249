"""A sample of every page's view model: what the templates are tested and looked at with."""

from datetime import UTC, date, datetime, timedelta

from service.core.money import Money
from service.web.charts import RateChart, RatePoint, Trace, TraceNode
from service.web.phrase import Lot, Phrase, Reference, say
from service.web.views import buyer, entrance, filing, mediator, operator, public, regulator, seller
from service.web.views.base import Area, View
from service.web.views.parts import (
    Candidate,
    Clock,
    Effect,
    FieldError,
    Form,
    Happening,
    Held,
    Option,
    Paging,
    Photo,
    Reason,
    Row,
    SavedView,
)

NOW = datetime(2026, 11, 26, 4, 0, tzinfo=UTC)
REFERENCE = "FH-7K3M-9QXT"
MASK = "Suyun Hydrating Sheet Mask 素芸补水面膜"
STORY = (
    "My face began to burn ten minutes after I put the mask on. I washed it off, but by midnight both cheeks were red "
    "and swollen.\n我的两位朋友在同一家店买的，也出现了同样的情况。"
)


def cny(amount_minor: int) -> Money:
    """Return an amount in yuan from fen."""
    return Money(amount_minor, "CNY")


def after(**time: float) -> datetime:
    """Return a moment relative to the samples' now."""
    return NOW + timedelta(**time)


def clock(hours: float, what: str, otherwise: str = "", *, paused: bool = False) -> Clock:
    """Return a promise due in so many hours."""
    return Clock(after(hours=hours), NOW, say(what), say(otherwise) if otherwise else None, paused)


def options(*codes: str, alternative: str = "") -> tuple[Option, ...]:
    """Return options with their hints, where the phrase book has some."""
    hinted = {
        "kind.injury", "kind.unsafe", "kind.spoiled", "kind.different", "kind.withdrawal", "wanted.none", "offer.refund",
        "offer.return", "offer.refuse",
    }
    return tuple(
        Option(c.split(".")[1], say(c), say(f"{c}.hint") if c in hinted else None, c == alternative) for c in codes
    )


def effect(when: str, seller_minor: int, held_minor: int, buyer_minor: int) -> Effect:
    """Return where a payment goes."""
    return Effect(say(when), cny(seller_minor), cny(held_minor), cny(buyer_minor))


HELD = Held(cny(48_000), "held.held", say("held.until", until=after(days=7)))
FROZEN = Held(cny(48_000), "held.frozen", say("held.by_both"))
PHOTOS = (
    Photo("sachet-lot", "Back of the sachet", "buyer", size_bytes=2_400_000, taken_in_at=after(hours=-48),
          read_lot="SY26J1807", sha256="9f2c" + "0" * 56 + "71ab", removable=True),
    Photo("skin", "脸颊", "buyer", size_bytes=1_800_000, taken_in_at=after(hours=-48), removable=True),
    Photo("opened", "", "buyer", "photo.waiting", size_bytes=310_000, removable=True),
)
SELLER_PHOTOS = (
    Photo("seller-lot", "Our stock", "seller", taken_in_at=after(hours=-3), read_lot="SY26J1801",
          sha256="04d8" + "0" * 56 + "c39e"),
)
CANDIDATES = (
    Candidate("b1", "SY26J1807", MASK, datetime(2026, 10, 18, tzinfo=UTC), 3, (
        Reason(say("reason.lot_photo_same", lot=Lot("SY26J1807"))),
        Reason(say("reason.gtin_same", gtin=Lot("6901234567892"))),
        Reason(say("reason.shop_had_it")),
    ), 0.997),
    Candidate("b2", "SY26J1801", MASK, datetime(2026, 10, 12, tzinfo=UTC), 2, (
        Reason(say("reason.name_same")), Reason(say("reason.lot_differs", lot=Lot("SY26J1801")), fits=False),
    ), 0.412),
    Candidate("b3", "SY26H1807", MASK, None, 1, (
        Reason(say("reason.brand_same")), Reason(say("reason.shop_had_not"), fits=False),
    ), 0.105),
)
TIMELINE = (
    Happening(say("event.complaint.offer_made"), after(hours=-2)),
    Happening(say("event.batch.held", lot=Lot("SY26J1807")), after(hours=-44)),
    Happening(say("event.complaint.linked", lot=Lot("SY26J1807")), after(hours=-50), batch_id="b1"),
    Happening(say("event.complaint.submitted"), after(hours=-50)),
)
RULING = buyer.RulingNotice(
    say("outcome.split"), "The code on the buyer’s sachet is legible and agrees with the custody record.", after(hours=-1),
    effect("effect.ruling", 33_600, 0, 14_400), clock(239, "due.appeal", "expiry.final"), True, True,
)
OFFER = buyer.Offer(
    "offer-1", say("offered.part", amount=cny(24_000)), "We are sorry. We offer half the price now.", "Xiaohe Skincare",
    after(hours=-2), effect("effect.accept", 24_000, 0, 24_000), effect("effect.refuse", 0, 48_000, 0),
)


def wrong(*pairs: tuple[str, str], **values: str) -> Form:
    """Return a refused form: (field, error code) pairs and the values typed."""
    return Form(values, tuple(FieldError(name, say(code)) for name, code in pairs))


def step(number: int) -> filing.Step:
    """Return where the filer stands."""
    return filing.Step(number, 8, 8 - number)


KINDS = options(
    "kind.injury", "kind.unsafe", "kind.spoiled", "kind.different", "kind.missing", "kind.withdrawal", "kind.other",
    alternative="kind.other",
)
WANTED = options("wanted.refund", "wanted.part", "wanted.replacement", "wanted.none", alternative="wanted.none")
ORDERS = (
    filing.OrderChoice("o1", MASK, 4, "Xiaohe Skincare", cny(48_000), after(days=-3)),
    filing.OrderChoice("o2", "65 W phone charger", 1, "Lulu Picks", cny(8_900)),
)
MY_ORDERS = (
    buyer.MyOrder("o1", MASK, "Xiaohe Skincare", 4, cny(48_000), "hold.frozen", after(days=-6), complainable=True),
    buyer.MyOrder("o2", "65 W phone charger", "Lulu Picks", 1, cny(8_900), "hold.in_window", after(days=-5),
                  clock(100, "due.window", "expiry.released"), waivable=True, complainable=True),
    buyer.MyOrder("o3", "Silk pillowcase", "Anran Store", 1, cny(22_000), "hold.awaiting_delivery", after(days=-2),
                  receivable=True, complainable=True),
)
BACK = "/file/d1/order"


def _filing() -> dict[str, View]:
    rows = (
        Row("fact.order", say("own_words", text=f"{MASK} ×4"), say("fact.shop_delivered", shop="Xiaohe Skincare",
            at=after(days=-3)), "/file/d1/order"),
        Row("fact.problem", say("kind.injury"), change="/file/d1/problem"),
        Row("fact.story", STORY, change="/file/d1/story"),
        Row("fact.photos", say("fact.photos_count", n=3), change="/file/d1/photos"),
        Row("fact.batch", Lot("SY26J1807"), say("fact.you_chose"), "/file/d1/batch"),
        Row("fact.wanted", say("wants.refund", amount=cny(48_000)), change="/file/d1/wanted"),
        Row("fact.contact", "lin.yue@example.com", say("fact.contact_note"), "/file/d1/contact"),
    )
    sending = (
        ("lock", Reason(say("sending.frozen", amount=cny(48_000)))),
        ("flag", Reason(say("sending.injury"))),
        ("mail", Reason(say("sending.seller"))),
    )
    coming = (
        Happening(say("next.triage"), after(hours=6), say("next.triage_detail"), due=True),
        Happening(say("next.answer"), after(hours=48), say("next.answer_detail_injury"), due=True),
        Happening(say("next.decide"), None, say("next.decide_detail"), due=True),
    )
    frozen = Held(cny(48_000), "held.now_frozen", say("held.stays", until=after(days=7)))
    return {
        "file-order": filing.AskOrder(step=step(1), back="/my", orders=ORDERS),
        "file-order-none": filing.AskOrder(step=step(1), back="/"),
        "file-problem": filing.AskProblem(step=step(2), back=BACK, kinds=KINDS, held=HELD),
        "file-problem-error": filing.AskProblem(
            step=step(2), back=BACK, kinds=KINDS, held=HELD, form=wrong(("problem", "error.choose_problem"))),
        "file-harm": filing.AskHarm(
            step=step(3), back=BACK, harms=options("harm.none", "harm.minor", "harm.doctor", "harm.hospital"),
            people=options("who.adult", "who.child", "who.infant", "who.pet")),
        "file-product": filing.AskProduct(step=step(3), back=BACK),
        "file-product-error": filing.AskProduct(step=step(3), back=BACK, form=wrong(
            ("product", "error.product_missing"), ("bought_on", "error.date_in_future"), brand="Suyun <b>",
            bought_on="2031-01-01")),
        "file-story": filing.AskStory(step=step(4), back=BACK, form=Form({"story": STORY})),
        "file-photos": filing.AskPhotos(step=step(5), back=BACK, draft_id="d1", photos=PHOTOS, next="/file/d1/batch"),
        "file-photos-none": filing.AskPhotos(step=step(5), back=BACK, draft_id="d1", next="/file/d1/batch"),
        "file-batch": filing.AskBatch(step=step(6), back=BACK, candidates=CANDIDATES),
        "file-batch-none": filing.AskBatch(step=step(6), back=BACK, candidates=()),
        "file-wanted": filing.AskWanted(step=step(7), back=BACK, options=WANTED, paid=cny(48_000), held=HELD),
        "file-wanted-unpaid": filing.AskWanted(step=step(7), back=BACK, options=WANTED[-1:], paid=None),
        "file-contact": filing.AskContact(step=step(7), back=BACK, form=Form({"email": "lin.yue@example.com"})),
        "file-check": filing.CheckAnswers(step=step(8), back=BACK, rows=rows, consequences=sending),
        "file-sent": filing.Sent(reference=REFERENCE, sent_at=NOW, held=frozen, next=coming, injury=True),
        "file-sent-no-account": filing.Sent(reference=REFERENCE, sent_at=NOW, next=coming[1:],
                                            access_code="7431 2096 5518 0047"),
    }


def _entrance() -> dict[str, View]:
    pages: dict[str, View] = {
        "welcome": entrance.Welcome(),
        "sign-in": entrance.SignInPage(),
        "sign-in-error": entrance.SignInPage(wrong(("form", "error.credentials_wrong"), email="a@example.com"), "/my"),
        "help": entrance.HelpPage(),
        "help-held": entrance.HeldPage(),
        "help-privacy": entrance.PrivacyPage(),
        "help-accessibility": entrance.AccessibilityPage(),
        "refused-400": entrance.Refused(400),
        "refused-401": entrance.Refused(401, back="/my"),
        "refused-403": entrance.Refused(403),
        "refused-404": entrance.Refused(404, request_id="01993f0c"),
        "refused-405": entrance.Refused(405),
        "refused-409": entrance.Refused(409, say("error.nobody_knows_this")),
        "refused-413": entrance.Refused(413),
        "refused-422": entrance.Refused(422, say("error.reference_wrong")),
        "refused-429": entrance.Refused(429, retry=Clock(after(minutes=10), NOW)),
        "refused-500": entrance.Refused(500, request_id="01993f0c"),
        "refused-503": entrance.Refused(503),
    }
    return pages


def _buyer() -> dict[str, View]:
    turn = buyer.Turn("buyer", True, say("turn.decide_offer"), Clock(after(days=7), NOW, None,
                      say("expiry.mediator_decides")))
    waiting = buyer.Turn("seller", False, say("turn.seller_answers"), Clock(after(hours=40), NOW, None,
                         say("expiry.seller_silent")))
    done = buyer.Turn("system", False, say("turn.money_moves"))
    cases = (
        buyer.MyCase(REFERENCE, MASK, "state.your_turn", after(days=-2), clock(168, "due.decide"), cny(48_000)),
        buyer.MyCase("FH-D6WQ-2MKV", "Night cream 50 g", "state.settled", after(days=-40)),
    )
    case = buyer.CasePage(
        REFERENCE, MASK, after(hours=-50), "state.answered", turn, FROZEN, STORY, PHOTOS + SELLER_PHOTOS, TIMELINE, OFFER,
        withdrawable=True,
    )
    return {
        "buyer-mine": buyer.Mine(cases, (buyer.MyDraft("/file/d1/photos", MASK, after(hours=-1)),), MY_ORDERS),
        "buyer-mine-empty": buyer.Mine((), (), ()),
        "buyer-claim-order": buyer.ClaimOrder(wrong(("code", "error.code_missing"))),
        "buyer-receipt": buyer.Receipt(MY_ORDERS[2], None),
        "buyer-waive": buyer.Receipt(MY_ORDERS[1], after(hours=100)),
        "buyer-case-offer": case,
        "buyer-case-error": buyer.CasePage(
            REFERENCE, MASK, after(hours=-50), "state.answered", turn, FROZEN, STORY, (), TIMELINE, OFFER,
            form=wrong(("reply", "error.choose_one"))),
        "buyer-case-waiting": buyer.CasePage(
            REFERENCE, MASK, after(hours=-50), "state.with_seller", waiting, HELD, STORY, PHOTOS, TIMELINE[-1:],
            escalatable=True, withdrawable=True),
        "buyer-case-ruled": buyer.CasePage(
            REFERENCE, MASK, after(hours=-50), "state.ruled", done, None, STORY, PHOTOS, TIMELINE, ruling=RULING),
        "buyer-evidence": buyer.AddEvidence(REFERENCE, MASK, PHOTOS),
        "buyer-withdraw": buyer.Withdraw(REFERENCE, MASK, FROZEN),
        "buyer-escalate": buyer.Escalate(REFERENCE, MASK),
    }


def _seller() -> dict[str, View]:
    rows = (
        seller.InboxRow(REFERENCE, MASK, 4, say("kind.injury"), "My face began to burn ten minutes after…", True,
                        cny(48_000), clock(9.67, "due.answer", "expiry.rules_without"), "state.with_seller"),
        seller.InboxRow("FH-D6WQ-2MKV", "Suyun Night Cream 50 g", 1, say("kind.spoiled"), "The seal was broken.", False,
                        cny(15_800), clock(28, "due.answer", "expiry.granted"), "state.with_seller"),
        seller.InboxRow("FH-31RN-YB8E", "Silk pillowcase", 1, say("kind.different"), "It is polyester.", False,
                        None, clock(60, "waiting.buyer", "expiry.closes", paused=True), "state.answered"),
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
        ("return", effect("effect.return", 0, 48_000, 0)),
        ("refuse", effect("effect.wait", 0, 48_000, 0)),
    )

    def answer(form: Form, *, ruling: buyer.RulingNotice | None = None) -> seller.AnswerPage:
        return seller.AnswerPage(
            REFERENCE, MASK, say("kind.injury"), True, "state.with_seller",
            clock(9.67, "due.answer", "expiry.rules_without"), STORY, say("wants.refund", amount=cny(48_000)), PHOTOS,
            Held(cny(48_000), "held.frozen", say("held.seller_frozen")), facts, TIMELINE, ruling is None,
            options("offer.refund", "offer.part", "offer.return", "offer.refuse"), effects, cny(48_000), ruling, form)

    batches = (
        seller.BatchRow("b1", "SY26J1807", MASK, date(2026, 10, 18), date(2029, 10, 17), 6_000, "batch.held", 23),
        seller.BatchRow("b2", "SY26J1801", MASK, None, None, 4_200, "batch.active", 0),
    )
    orders = (
        seller.SellerOrder("o1", "FH-4MZX-0V6E", MASK, 4, cny(48_000), "order.paid", "hold.awaiting_delivery", "",
                           clock(240, "due.ship", "expiry.refunded_unsent"), True),
        seller.SellerOrder("o2", REFERENCE, MASK, 1, cny(12_000), "order.delivered", "hold.in_window", "SY26J1807",
                           clock(100, "due.window")),
    )
    columns = ("product", "brand", "gtin", "category", "lot", "maker_lot", "made_on", "expires_on", "units")
    errors = (
        seller.RowError(7, "SY26J18", say("error.units_malformed")),
        seller.RowError(41, "", say("error.lot_missing")),
    )
    return {
        "seller-inbox": seller.Inbox(
            NOW, (SavedView("todo", 3, True), SavedView("waiting", 6), SavedView("closed", 1_131)), rows,
            (seller.FrozenBatch("SY26J1807", after(days=5), 98, cny(3_840_000)),), Paging(3, total=3)),
        "seller-inbox-empty": seller.Inbox(NOW, (SavedView("todo", 0, True),), ()),
        "seller-answer": answer(Form({"offer": "part", "amount": "240.00"})),
        "seller-answer-error": answer(wrong(
            ("offer", "error.answer_missing"), ("amount", "error.amount_malformed"), ("words", "error.words_missing"),
            amount="lots", offer="part")),
        "seller-ruled": answer(Form(), ruling=RULING),
        "seller-batches": seller.Batches(batches, "SY26", Paging(2, "?after=x", 41)),
        "seller-batches-empty": seller.Batches(()),
        "seller-batch-new": seller.RegisterBatch(
            options("category.cosmetics", "category.infant_food", "category.electronics"),
            wrong(("lot", "error.lot_missing"), ("units", "error.units_malformed"), units="many")),
        "seller-import": seller.ImportBatches(columns, 5_000),
        "seller-import-result": seller.ImportBatches(columns, 5_000, seller.ImportResult("lots.csv", 995, 3, errors)),
        "seller-import-well": seller.ImportBatches(columns, 5_000, seller.ImportResult("lots.csv", 1_000, 0, ())),
        "seller-orders": seller.SellerOrders((SavedView("to_ship", 1, True), SavedView("all", 2)), orders, Paging(2)),
        "seller-orders-empty": seller.SellerOrders((SavedView("to_ship", 0, True),), ()),
        "seller-ship": seller.Ship(
            orders[0], (Option("b1", say("own_words", text="SY26J1807")),), options("carrier.sandbox", "carrier.handover"),
            wrong(("batch", "error.choose_batch"), ("tracking_number", "error.tracking_missing"))),
        "seller-ship-no-batch": seller.Ship(orders[0], (), ()),
    }


SIGNALS = (
    mediator.SignalRow("s1", "b1", "SY26J1807", MASK, 19, 4.1, 2.6, 5.8, 0.6, "signal.preliminary",
                       clock(4, "due.confirm", "expiry.lifts"), 412, cny(15_168_000), True),
    mediator.SignalRow("s2", "b2", "CH65-2231", "65 W charger", 4, 1.9, 0.8, 3.9, 0.7, "signal.screening", None, 0, None),
)


def _mediator() -> dict[str, View]:
    rows = (
        mediator.QueueRow("FH-2C8R-5TNW", "Muyang goat milk powder 900 g", "Three infants ill after feeding",
                          "risk.serious", cny(26_800), "state.in_review", clock(-2, "due.rule")),
        mediator.QueueRow("FH-9PWD-31HB", "65 W phone charger", "Case melted while charging", "risk.high", cny(8_900),
                          "state.in_review", clock(3.2, "due.rule")),
        mediator.QueueRow(REFERENCE, MASK, "Burning and rash", "", None, "state.awaiting_buyer",
                          clock(25, "waiting.buyer", paused=True)),
    )
    filters = (
        mediator.Filter("stage", "filter.stage", options("state.in_review", "state.appealed")),
        mediator.Filter("kind", "filter.kind", options("kind.injury", "kind.unsafe"), "unsafe"),
        mediator.Filter("category", "filter.category", options("category.cosmetics")),
    )
    saved = (
        SavedView("due_today", 2), SavedView("mine", 6, True), SavedView("injury", 3), SavedView("unassigned", 14),
        SavedView("waiting_party", 21),
    )
    facts = (
        mediator.SourcedFact("fact.paid", after(days=-6), say("source.platform")),
        mediator.SourcedFact("fact.delivered", after(days=-3), say("source.carrier")),
        mediator.SourcedFact("fact.batch", Lot("SY26J1807"), say("source.buyer_chose", score="0.997")),
        mediator.SourcedFact("fact.seller_says", Lot("SY26J1801"), say("source.seller")),
    )
    letters = tuple(
        mediator.Letter(to, language, (
            say(f"letter.ruled_split_{to}", name="林悦", reference=Reference(REFERENCE), buyer=cny(14_400),
                seller=cny(33_600)),
            say("letter.appeal", until=after(days=10)),
        )) for to, language in (("buyer", "zh"), ("seller", "en")))

    def case(form: Form, letters: tuple[mediator.Letter, ...] = (), *, ruling: buyer.RulingNotice | None = None,
             assignable: bool = False) -> mediator.MediatorCase:
        return mediator.MediatorCase(
            REFERENCE, MASK, 4, "risk.serious", "state.in_review", clock(25, "due.rule", "expiry.supervisor"),
            mediator.SideOfCase("Lin Yue", STORY, (
                Row("fact.wants", say("wants.refund", amount=cny(48_000))),
                Row("fact.history", say("fact.history_buyer", complaints=1, n=31)))),
            mediator.SideOfCase("Xiaohe Skincare", "" if assignable else "We stopped this batch.", (
                Row("fact.offered", say("wants.part", amount=cny(24_000))),
                Row("fact.history", say("fact.history_seller", settled=9, n=11)))),
            PHOTOS, SELLER_PHOTOS, facts, FROZEN,
            (mediator.Precedent(say("outcome.refund"), 12), mediator.Precedent(say("outcome.split"), 2)),
            (Reason(say("check.photos_unique")), Reason(say("check.photos_repeated", n=2), fits=False),
             Reason(say("check.no_record"), fits=False)),
            TIMELINE,
            (("refund", effect("effect.ruling", 0, 0, 48_000)), ("split", effect("effect.ruling", 33_600, 0, 14_400)),
             ("release", effect("effect.ruling", 48_000, 0, 0))),
            letters, cny(48_000), ruling is None and not assignable, assignable, ruling, form)

    why = (say("why.injury"), say("why.no_batch"))
    typed = (Row("fact.product", "素云面膜"), Row("fact.lot", Lot("5Y26J18O7")), Row("fact.shop", "小禾护肤"))
    return {
        "mediator-queue": mediator.Queue(NOW, saved, filters, rows, Paging(3, "?after=y", 46)),
        "mediator-queue-empty": mediator.Queue(NOW, saved, filters, (), Paging(0)),
        "mediator-case": case(Form({"outcome": "split", "amount": "144.00"}), letters),
        "mediator-case-error": case(wrong(("outcome", "error.choose_one"), ("amount", "error.amount_missing"),
                                          ("reasons", "error.reasons_missing"), outcome="split")),
        "mediator-case-unassigned": case(Form(), assignable=True),
        "mediator-case-ruled": case(Form(), ruling=RULING),
        "mediator-triage-list": mediator.TriageList(NOW, (
            mediator.TriageRow(REFERENCE, MASK, "Burning and rash", why[0], clock(40, "due.look")),
            mediator.TriageRow("FH-5XPG-4T0C", "", "I do not know the shop.", why[1], clock(-1, "due.look"))), Paging(2)),
        "mediator-triage-list-empty": mediator.TriageList(NOW, (), Paging(0)),
        "mediator-triage": mediator.Triage(REFERENCE, STORY, why[1], clock(40, "due.look"), typed, PHOTOS, CANDIDATES),
        "mediator-triage-none": mediator.Triage(REFERENCE, STORY, why[1], None, typed, (), (),
                                                wrong(("batch", "error.choose_batch"))),
        "mediator-signals": mediator.Signals(NOW, SIGNALS),
        "mediator-signals-empty": mediator.Signals(NOW, ()),
    }


def _trace() -> Trace:
    def shop(name: str, sold: str, buyers: int, units: int) -> TraceNode:
        detail = say("trace.sold", sold=sold, n=buyers) if buyers else say("trace.sold_none", sold=sold)
        return TraceNode(name, detail, units, hot=buyers > 2)

    east = TraceNode("Agent East", say("trace.got", n=2_900), 2_900, children=(
        shop("Xiaohe Skincare", "640", 7, 640), shop("Miaomiao Beauty", "1,210", 6, 1_210),
        shop("Five other shops", "590", 0, 590)))
    south = TraceNode("华南代理", say("trace.got", n=2_100), 2_100, children=(
        shop("安然小铺", "980", 4, 980), shop("Lulu Picks", "760", 2, 760)))
    brand = TraceNode("Suyun", say("trace.stock", n=1_000), 6_000, children=(east, south))
    return Trace(TraceNode("Lianhe factory", say("trace.made", n=6_000), 6_000, children=(brand,)),
                 say("trace.summary", n=5), hidden=2)


RATES = (0.6, 0.6, 0.5, 0.5, 0.5, 0.4, 1.0, 2.5, 3.4, 4.1)
BATCH_CHART = RateChart(
    tuple(RatePoint(date(2026, 11, 17) + timedelta(days=i), r, max(0.1, r * 0.63), r * 1.41) for i, r in enumerate(RATES)),
    0.6, 1.2, date(2026, 11, 24), say("chart.held"))
WEEK_CHART = RateChart(
    tuple(RatePoint(date(2026, 9, 6) + timedelta(days=7 * i), r)
          for i, r in enumerate((0.52, 0.55, 0.49, 0.58, 0.61, 0.57, 0.6, 0.63, 0.59, 0.66, 0.71, 0.83))), 0.6)
REPORTS = (
    regulator.ReportRow("r1", "report_kind.batch_dossier", "SY26J1807", "en", NOW, "report.ready", 412_000, "9f2c" * 16),
    regulator.ReportRow("r2", "report_kind.batch_dossier", "SY26J1807", "zh", NOW, "report.running"),
)


def _regulator() -> dict[str, View]:
    figures = (
        regulator.Figure(say("figure.linked"), 214, say("figure.week_usual", usual=181), (3, 5, 2, 8, 9, 7, 12)),
        regulator.Figure(say("figure.injuries"), 9, say("figure.week_usual", usual=4), (1, 1, 1)),
        regulator.Figure(say("figure.signals"), 3, say("figure.new_signals", n=1)),
        regulator.Figure(say("figure.frozen"), cny(120_436_000), say("figure.over", batches=4, payments=2_866), (0, 0, 9)),
    )
    categories = (
        regulator.CategoryRate("category.cosmetics", 1.41, 0.62), regulator.CategoryRate("category.infant_food", 0.74, 0.31),
    )
    stages = (
        regulator.Stage("stage.screening", "done", date(2026, 11, 23)),
        regulator.Stage("stage.preliminary", "now", date(2026, 11, 24)),
        regulator.Stage("stage.analysis", ""), regulator.Stage("stage.action", ""),
    )
    money = regulator.BatchMoney(cny(15_168_000), 412, (
        Row("fact.paid_by_buyers", cny(50_160_000)), Row("fact.released", cny(34_992_000)),
        Row("fact.deposit", cny(6_000_000))))
    found = (
        regulator.Found("batch", "/regulator/batches/b1", MASK, "SY26J1807",
                        say("found.by", maker="Lianhe factory", on=date(2026, 10, 18)), "batch.held"),
        regulator.Found("product", "/regulator/search?product=p1", MASK, "6901234567892", say("found.complaints", n=23)),
    )
    kinds = options("report_kind.batch_dossier", "report_kind.case_file", "report_kind.period_summary")
    search_filters = (mediator.Filter("kind", "filter.kind", options("filter.products", "filter.batches"), "batches"),)
    return {
        "regulator-overview": regulator.Overview(
            NOW, figures, SIGNALS, WEEK_CHART, say("finding.above_base"), categories),
        "regulator-overview-empty": regulator.Overview(NOW, figures[:1], (), None, None, ()),
        "regulator-search": regulator.Search(NOW, "SY26", search_filters, found, Paging(2, total=2)),
        "regulator-search-none": regulator.Search(NOW, "zzz", search_filters, (), Paging(0)),
        "regulator-batch": regulator.RegulatorBatch(
            "b1", "SY26J1807", MASK, "category.cosmetics", "Lianhe factory", date(2026, 10, 18), NOW, "batch.held",
            say("signal.above_limit", low="2.6", limit="1.2"), BATCH_CHART, _trace(),
            regulator.SignalBox("S-0412", stages, clock(4, "due.confirm", "expiry.lifts"),
                                (Reason(say("signal.buyers", n=19)),)),
            (money,), ((say("kind.injury"), 17), (say("kind.spoiled"), 6)), (Row("fact.units", 6_000),), REPORTS),
        "regulator-batch-calm": regulator.RegulatorBatch(
            "b2", "SY26J1801", MASK, "category.cosmetics", "", None, NOW, "batch.active", None, None, None, None, (), ()),
        "regulator-reports": regulator.Reports(kinds, REPORTS, Paging(2), Form({"language": "zh"})),
        "regulator-reports-empty": regulator.Reports(kinds, (), Paging(0)),
    }


def _public() -> dict[str, View]:
    hits = (public.BatchHit("b1", "SY26J1807", MASK, date(2026, 10, 18), "batch.held"),)
    history = (Happening(say("event.batch.held", lot=Lot("SY26J1807")), after(hours=-44)),
               Happening(say("event.batch.active"), after(days=-25)))

    def batch(state: str, complaints: int | None) -> public.PublicBatch:
        return public.PublicBatch(
            "b1", "SY26J1807", MASK, "Lianhe factory", date(2026, 10, 18), date(2029, 10, 17), state, after(hours=-44),
            19 if complaints else None, complaints, 4_180, 4.1, 0.6,
            ((say("kind.injury"), 17), (say("kind.spoiled"), 6)) if complaints else (), history,
            "We have stopped selling this lot." if complaints else "", "Suyun", after(hours=-20))

    return {
        "public-check": public.CheckBatch(),
        "public-check-hits": public.CheckBatch(hits, True, Form({"code": "SY26J18O7"})),
        "public-check-none": public.CheckBatch((), True, Form({"code": "ZZ"})),
        "public-batch-held": batch("batch.held", 23),
        "public-batch-recalled": batch("batch.recalled", 23),
        "public-batch-cleared": batch("batch.cleared", None),
        "public-batch-active": batch("batch.active", None),
        "public-status": public.Status(),
        "public-status-error": public.Status(form=wrong(("reference", "error.reference_wrong"), reference="FH-1")),
        "public-status-found": public.Status(REFERENCE, "state.with_seller", say("expiry.seller_silent"), TIMELINE[2:],
                                             Form({"reference": REFERENCE})),
    }


def _operator() -> dict[str, View]:
    return {
        "operator-health": operator.Health(
            NOW, 950_400,
            (operator.Check("part.database", True, say("health.answers", ms=3)),
             operator.Check("part.files", False, say("health.silent", at=after(minutes=-4)))),
            (operator.QueueFigure("queue.jobs", 12, 95, 0), operator.QueueFigure("queue.deadlines", 0, 0, 1)),
            (("run.sweep", after(seconds=-5)), ("run.seal", after(seconds=-40)))),
    }


def all_views() -> dict[str, tuple[Area, View]]:
    """Return every sample by name with the area that it is shown in."""
    groups: tuple[tuple[Area, dict[str, View]], ...] = (
        ("nobody", _entrance()), ("nobody", _public()), ("buyer", _filing()), ("buyer", _buyer()), ("seller", _seller()),
        ("mediator", _mediator()), ("regulator", _regulator()), ("operator", _operator()),
    )
    return {name: (area, view) for area, group in groups for name, view in group.items()}


DONE: Phrase = say("done.saved")
