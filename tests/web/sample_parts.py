"""What the samples of all pages share."""

from datetime import UTC, datetime, timedelta
from typing import Any

from service.core.money import Money
from service.web.phrase import Lot, say
from service.web.views import buyer, filing
from service.web.views.parts import (
    Candidate,
    Clock,
    Effect,
    FieldError,
    Form,
    Happening,
    Held,
    Option,
    Photo,
    Reason,
    Side,
)
from service.web.views.sides import AskedPhoto, ChallengeTimes, Sides
from service.web.words import PHRASES

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
    return tuple(
        Option(c.split(".")[1], say(c), say(f"{c}.hint") if f"{c}.hint" in PHRASES else None, c == alternative)
        for c in codes
    )


def effect(when: str, seller_minor: int, held_minor: int, buyer_minor: int) -> Effect:
    """Return where a payment goes."""
    return Effect(say(when), cny(seller_minor), cny(held_minor), cny(buyer_minor))


HELD = Held(cny(48_000), "held.held", say("held.until", until=after(days=7)))
FROZEN = Held(cny(48_000), "held.frozen", say("held.by_both"))
PHOTOS = (
    Photo(
        "sachet-lot",
        "Back of the sachet",
        "buyer",
        size_bytes=2_400_000,
        taken_in_at=after(hours=-48),
        read_lot="SY26J1807",
        sha256="9f2c" + "0" * 56 + "71ab",
        removable=True,
    ),
    Photo("skin", "脸颊", "buyer", size_bytes=1_800_000, taken_in_at=after(hours=-48), removable=True),
    Photo("opened", "", "buyer", "photo.waiting", size_bytes=310_000, removable=True),
)
SELLER_PHOTOS = (
    Photo(
        "seller-lot",
        "Our stock",
        "seller",
        taken_in_at=after(hours=-3),
        read_lot="SY26J1801",
        sha256="04d8" + "0" * 56 + "c39e",
    ),
)
PACKED = (
    Photo("box", "", "seller", taken_in_at=after(days=-5), sha256="5b7e" + "0" * 56 + "90d1"),
    Photo("seller-lot", "", "seller", taken_in_at=after(days=-5), sha256="04d8" + "0" * 56 + "c39e"),
)


def sides(viewer: Side, *, packed: bool = True, seller: tuple[Photo, ...] = SELLER_PHOTOS) -> Sides:
    """Return both sides' photos as one of them sees them."""
    return Sides(viewer, PHOTOS, PACKED if packed else (), seller, after(days=-4) if packed else None)


TIMES = ChallengeTimes(3 * 86_400, 900)


def asked_photo(viewer: Side, side: Side, status: str, step: str = "", **more: Any) -> AskedPhoto:
    """Return a photo that a mediator asked a side for."""
    clocks = {
        "asked": clock(50, "due.challenge_open", "expiry.recorded"),
        "opened": clock(0.2, "due.challenge", "expiry.recorded"),
    }
    return AskedPhoto(
        id=f"{side}-{status}",
        side=side,
        is_mine=viewer == side,
        state=f"challenge.{status}",
        text="The back of the sachet, with the lot code.\n小袋背面，能看清批号。",
        asked_at=after(hours=-20),
        step=step,
        times=TIMES,
        path=f"/cases/{REFERENCE}/challenges/c1/{step}" if step else "",
        clock=clocks.get(status),
        **more,
    )


DOCUMENT = Photo(
    "receipt", "", "buyer", state="photo.document", taken_in_at=after(hours=-2), sha256="9c01" + "0" * 56 + "04be",
    pages=3, original="/evidence/receipt/original",
)  # fmt: skip
SHOT = Photo("sachet-lot", "", "buyer", taken_in_at=after(hours=-1), sha256="77aa" + "0" * 56 + "12ef")
CANDIDATES = (
    Candidate(
        "b1",
        "SY26J1807",
        MASK,
        datetime(2026, 10, 18, tzinfo=UTC),
        3,
        (
            Reason(say("reason.lot_equal_folded")),
            Reason(say("reason.gtin_equal")),
            Reason(say("reason.order_same_seller")),
        ),
        0.997,
    ),
    Candidate(
        "b2",
        "SY26J1801",
        MASK,
        datetime(2026, 10, 12, tzinfo=UTC),
        2,
        (
            Reason(say("reason.name_equal")),
            Reason(say("reason.lot_one_character_differs"), fits=False),
        ),
        0.412,
    ),
    Candidate(
        "b3",
        "SY26H1807",
        MASK,
        None,
        1,
        (
            Reason(say("reason.seller_similar")),
            Reason(say("reason.lot_two_characters_differ"), fits=False),
        ),
        0.105,
    ),
)
TIMELINE = (
    Happening(say("event.complaint.offer_made"), after(hours=-2)),
    Happening(say("event.batch.held", lot=Lot("SY26J1807")), after(hours=-44)),
    Happening(say("event.complaint.linked", lot=Lot("SY26J1807")), after(hours=-50), batch_id="b1"),
    Happening(say("event.complaint.submitted"), after(hours=-50)),
)
RULING = buyer.RulingNotice(
    say("outcome.split"),
    "The code on the buyer’s sachet is legible and agrees with the custody record.",
    after(hours=-1),
    effect("effect.ruling", 33_600, 0, 14_400),
    clock(239, "due.appeal", "expiry.final"),
    True,
    True,
)
OFFER = buyer.Offer(
    "offer-1",
    say("offered.part", amount=cny(24_000)),
    "We are sorry. We offer half the price now.",
    "Xiaohe Skincare",
    after(hours=-2),
    effect("effect.accept", 24_000, 0, 24_000),
    effect("effect.refuse", 0, 48_000, 0),
)


def wrong(*pairs: tuple[str, str], **values: str) -> Form:
    """Return a refused form: (field, error code) pairs and the values typed."""
    return Form(values, tuple(FieldError(name, say(code)) for name, code in pairs))


def step(number: int) -> filing.Step:
    """Return where the filer stands."""
    return filing.Step(number, 8, 8 - number)
