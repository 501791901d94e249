"""Samples of the pages for everybody and for buyers."""

from dataclasses import replace
from datetime import date

from service.web.phrase import Lot, say
from service.web.views import buyer, entrance, filing, public
from service.web.views.base import View
from service.web.views.parts import (
    Clock,
    Form,
    Happening,
    Held,
    Reason,
    Row,
)
from service.web.views.sides import Sides
from tests.web.sample_parts import (
    CANDIDATES,
    FROZEN,
    HELD,
    MASK,
    NOW,
    OFFER,
    PHOTOS,
    REFERENCE,
    RULING,
    SHOT,
    STORY,
    TIMELINE,
    after,
    asked_photo,
    clock,
    cny,
    options,
    sides,
    step,
    wrong,
)
from tests.web.sample_readings import READINGS, STILL_READ

KINDS = options(
    "kind.unsafe",
    "kind.unsafe",
    "kind.damaged",
    "kind.not_as_described",
    "kind.not_delivered",
    "kind.withdrawal",
    "kind.other",
    alternative="kind.other",
)
WANTED = options("wanted.refund", "wanted.part_refund", "wanted.replacement", "wanted.none", alternative="wanted.none")
ORDERS = (
    filing.OrderChoice("o1", MASK, 4, "Xiaohe Skincare", cny(48_000), after(days=-3)),
    filing.OrderChoice("o2", "65 W phone charger", 1, "Lulu Picks", cny(8_900)),
)
MY_ORDERS = (
    buyer.MyOrder("o1", MASK, "Xiaohe Skincare", 4, cny(48_000), "hold.frozen", after(days=-6), complainable=True),
    buyer.MyOrder(
        "o2",
        "65 W phone charger",
        "Lulu Picks",
        1,
        cny(8_900),
        "hold.in_window",
        after(days=-5),
        clock(100, "due.window", "expiry.released"),
        waivable=True,
        complainable=True,
    ),
    buyer.MyOrder(
        "o3",
        "Silk pillowcase",
        "Anran Store",
        1,
        cny(22_000),
        "hold.awaiting_delivery",
        after(days=-2),
        receivable=True,
        complainable=True,
    ),
    buyer.MyOrder(
        "o4",
        "Tea set",
        "Anran Store",
        1,
        cny(12_500),
        "hold.awaiting_delivery",
        after(days=-33),
        clock(150, "due.arrival", "expiry.refunded_you"),
        asked=True,
        receivable=True,
        complainable=True,
    ),
    buyer.MyOrder(
        "o5",
        "Rain coat",
        "Lulu Picks",
        1,
        cny(9_900),
        "hold.refunded",
        after(days=-20),
        note=say("cancelled.not_shipped"),
    ),
)
BACK = "/file/d1/order"
AT = "/file/d1/problem"


def filing_views() -> dict[str, View]:
    rows = (
        Row(
            "fact.order",
            say("own_words", text=f"{MASK} ×4"),
            say("fact.shop_delivered", shop="Xiaohe Skincare", at=after(days=-3)),
            "/file/d1/order",
        ),
        Row("fact.problem", say("kind.unsafe"), change="/file/d1/problem"),
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
        "file-order": filing.AskOrder(step=step(1), path="/file", back="/my", orders=ORDERS),
        "file-order-none": filing.AskOrder(step=step(1), path="/file", back="/"),
        "file-problem": filing.AskProblem(step=step(2), path=AT, back=BACK, kinds=KINDS, held=HELD),
        "file-problem-error": filing.AskProblem(
            step=step(2), path=AT, back=BACK, kinds=KINDS, held=HELD, form=wrong(("problem", "error.choose_problem"))
        ),
        "file-harm": filing.AskHarm(
            step=step(3),
            path=AT,
            back=BACK,
            harms=options("harm.none", "harm.discomfort", "harm.injury", "harm.hospital"),
            people=options("who.adult", "who.child", "who.infant", "who.pet"),
        ),
        "file-product": filing.AskProduct(
            step=step(3), path=AT, back=BACK, channels=options("channel.wechat", "channel.friend")
        ),
        "file-product-error": filing.AskProduct(
            step=step(3),
            path=AT,
            back=BACK,
            form=wrong(
                ("product", "error.product_missing"),
                ("bought_on", "error.date_in_future"),
                brand="Suyun <b>",
                bought_on="2031-01-01",
            ),
        ),
        "file-story": filing.AskStory(step=step(4), path=AT, back=BACK, form=Form({"story": STORY})),
        "file-photos": filing.AskPhotos(
            step=step(5), path=AT, back=BACK, draft_id="d1", photos=PHOTOS, next="/file/d1/batch", readings=READINGS
        ),
        "file-photos-none": filing.AskPhotos(step=step(5), path=AT, back=BACK, draft_id="d1", next="/file/d1/batch"),
        "file-batch": filing.AskBatch(step=step(6), path=AT, back=BACK, candidates=CANDIDATES, readings=STILL_READ),
        "file-batch-none": filing.AskBatch(step=step(6), path=AT, back=BACK, candidates=()),
        "file-wanted": filing.AskWanted(step=step(7), path=AT, back=BACK, options=WANTED, paid=cny(48_000), held=HELD),
        "file-wanted-unpaid": filing.AskWanted(step=step(7), path=AT, back=BACK, options=WANTED[-1:], paid=None),
        "file-contact": filing.AskContact(
            step=step(7), path=AT, back=BACK, form=Form({"email": "lin.yue@example.com"})
        ),
        "file-check": filing.CheckAnswers(step=step(8), path=AT, back=BACK, rows=rows, consequences=sending),
        "file-sent": filing.Sent(reference=REFERENCE, sent_at=NOW, held=frozen, next=coming, injury=True),
        "file-sent-no-account": filing.Sent(
            reference=REFERENCE, sent_at=NOW, next=coming[1:], access_code="7431 2096 5518 0047"
        ),
    }


def entrance_views() -> dict[str, View]:
    pages: dict[str, View] = {
        "welcome": entrance.Welcome(),
        "sign-in": entrance.SignInPage(),
        "sign-in-error": entrance.SignInPage(wrong(("form", "error.sign_in_wrong"), email="a@example.com"), "/my"),
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


def buyer_views() -> dict[str, View]:
    turn = buyer.Turn(
        "buyer", True, say("turn.decide_offer"), Clock(after(days=7), NOW, None, say("expiry.mediator_decides"))
    )
    waiting = buyer.Turn(
        "seller", False, say("turn.seller_answers"), Clock(after(hours=40), NOW, None, say("expiry.seller_silent"))
    )
    done = buyer.Turn("system", False, say("turn.money_moves"))
    cases = (
        buyer.MyCase(REFERENCE, MASK, "state.your_turn", after(days=-2), clock(168, "due.decide"), cny(48_000)),
        buyer.MyCase("FH-D6WQ-2MKV", "Night cream 50 g", "state.settled", after(days=-40)),
    )
    case = buyer.CasePage(
        REFERENCE,
        MASK,
        after(hours=-50),
        "state.answered",
        turn,
        FROZEN,
        STORY,
        sides("buyer"),
        TIMELINE,
        OFFER,
        withdrawable=True,
    )
    return {
        "buyer-mine": buyer.Mine(cases, (buyer.MyDraft("/file/d1/photos", MASK, after(hours=-1)),), MY_ORDERS),
        "buyer-mine-empty": buyer.Mine((), (), ()),
        "buyer-claim-order": buyer.ClaimOrder(wrong(("code", "error.code_missing"))),
        "buyer-receipt": buyer.Receipt(MY_ORDERS[2], None),
        "buyer-waive": buyer.Receipt(MY_ORDERS[1], after(hours=100)),
        "buyer-case-offer": case,
        "buyer-case-batch": replace(case, offer=None, batches=CANDIDATES, readings=READINGS),
        "buyer-case-error": buyer.CasePage(
            REFERENCE,
            MASK,
            after(hours=-50),
            "state.answered",
            turn,
            FROZEN,
            STORY,
            Sides("buyer"),
            TIMELINE,
            OFFER,
            form=wrong(("reply", "error.choose_one")),
        ),
        "buyer-case-waiting": buyer.CasePage(
            REFERENCE,
            MASK,
            after(hours=-50),
            "state.with_seller",
            waiting,
            HELD,
            STORY,
            sides("buyer", packed=False, seller=()),
            TIMELINE[-1:],
            escalatable=True,
            withdrawable=True,
        ),
        "buyer-case-ruled": buyer.CasePage(
            REFERENCE, MASK, after(hours=-50), "state.ruled", done, None, STORY, sides("buyer"), TIMELINE, ruling=RULING
        ),
        "buyer-case-asked": replace(case, asked_photos=(asked_photo("buyer", "buyer", "asked", "open"),)),
        "buyer-case-asked-opened": replace(
            case,
            asked_photos=(
                asked_photo("buyer", "buyer", "opened", "answer", code="K7M-3PX"),
                asked_photo("buyer", "seller", "asked"),
            ),
            form=wrong(("photo", "error.file_missing")),
        ),
        "buyer-case-asked-ended": replace(
            case,
            asked_photos=(
                asked_photo("buyer", "buyer", "answered", code="K7M-3PX", photo=SHOT, verdict=say("verdict.in_frame")),
                asked_photo("buyer", "seller", "expired", late_at=after(hours=-1)),
            ),
        ),
        "buyer-evidence": buyer.AddEvidence(REFERENCE, MASK, PHOTOS),
        "buyer-withdraw": buyer.Withdraw(REFERENCE, MASK, FROZEN),
        "buyer-escalate": buyer.Escalate(REFERENCE, MASK),
    }


def public_views() -> dict[str, View]:
    hits = (public.BatchHit("b1", "SY26J1807", MASK, date(2026, 10, 18), "batch.held"),)
    history = (
        Happening(say("event.batch.held", lot=Lot("SY26J1807")), after(hours=-44)),
        Happening(say("event.batch.active"), after(days=-25)),
    )

    def batch(state: str, complaints: int | None) -> public.PublicBatch:
        return public.PublicBatch(
            "b1",
            "SY26J1807",
            MASK,
            "Lianhe factory",
            date(2026, 10, 18),
            date(2029, 10, 17),
            state,
            after(hours=-44),
            19 if complaints else None,
            complaints,
            4_180,
            4.1,
            0.6,
            ((say("kind.unsafe"), 17), (say("kind.damaged"), 6)) if complaints else (),
            history,
            "We have stopped selling this lot." if complaints else "",
            "Suyun",
            after(hours=-20),
        )

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
        "public-status-found": public.Status(
            REFERENCE, "state.with_seller", say("expiry.seller_silent"), TIMELINE[2:], Form({"reference": REFERENCE})
        ),
    }
