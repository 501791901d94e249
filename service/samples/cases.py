"""Generated complaints: what was told, how each went, what is promised; about orders, and goods bought elsewhere."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from service.complaints.rules import OFFER_WARNING_BEFORE, assess_risk
from service.core import references
from service.core.actor import COMMONS
from service.core.lots import fold_lot
from service.core.names import name_key
from service.samples.buyers import SampleBuyer
from service.samples.courses import (
    ANSWER,
    APPEAL,
    DECIDE,
    ESCALATE,
    FIRST_RULING,
    FLOOR,
    TRIAGE,
    WINDOW,
    WITHOUT_CLAIM,
    Case,
)
from service.samples.goods import SampleSeller, SoldBatch
from service.samples.misspelling import misspell_lot, misspell_name
from service.samples.rows import Rows
from service.samples.stamps import uuid_at
from service.samples.stories import ACCEPTS, OFFERS, OPENINGS, REFUSALS, RULINGS, STORIES
from service.samples.trade import SampleOrder, end_hold, tell

_STATUS = {
    Case.OPEN: "with_seller", Case.TRIAGE: "triage", Case.REFUSED: "answered", Case.OFFERED: "answered",
    Case.QUEUED: "disputed", Case.IN_REVIEW: "disputed", Case.RULED: "disputed", Case.OFFER_TAKEN: "settled",
    Case.GRANTED: "settled", Case.RULING_FINAL: "settled", Case.WITHDRAWN: "withdrawn", Case.QUIET: "with_seller",
    Case.QUIET_ANSWERED: "answered",
}  # fmt: skip
_OUTCOME = {Case.OFFER_TAKEN: "offer", Case.GRANTED: "accepted", Case.RULING_FINAL: "ruling"}
_CHANNELS = ("wechat", "wechat", "live_stream", "shop_link", "friend", "qq")
_KINDS = ("unsafe", "unsafe", "fake", "not_as_described", "damaged", "expired", "wrong_item")
ELSEWHERE_OPEN_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Told:
    """What a complaint tells of the goods and of what happened."""

    kind: str
    harm: str
    product_text: str
    brand_text: str
    lot_text: str
    narrative: str


class Cases:
    """Draws complaints. `mediators` are people who may decide cases of the first tenant; `model` names the matcher."""

    def __init__(self, rng: random.Random, *, now: datetime, mediators: list[UUID], model: str) -> None:
        self._rng = rng
        self._now = now
        self._mediators = mediators
        self._model = model
        self._references: set[int] = set()

    def about_order(self, rows: Rows, order: SampleOrder, case: Case) -> None:
        """Add the complaint about an order, with all that followed."""
        course = order.course
        submitted_at = course.submitted_at or self._now
        complaint_id = uuid_at(self._rng, submitted_at)
        told = self._tell_of(order.batch, order.buyer.language, is_injury=case is Case.TRIAGE)
        is_claim = case not in WITHOUT_CLAIM
        link = self._link(rows, order, complaint_id, told, submitted_at)
        dispute_id = uuid_at(self._rng, course.disputed_at) if course.disputed_at else None
        self._add_complaint(
            rows, complaint_id, told, order.buyer, submitted_at,
            tenant_id=order.tenant_id, order_id=order.id, seller_id=order.seller_id,
            product_id=order.batch.product.id, bought_on=course.placed_at.date(), status=_STATUS[case],
            outcome=_OUTCOME.get(case), wanted="refund" if is_claim else "none",
            claim_minor=order.amount_minor if is_claim else None, currency="CNY" if is_claim else None,
            hold_id=order.hold_id if is_claim else None, dispute_id=dispute_id,
            reached_at=None if case is Case.TRIAGE else submitted_at, answered_at=course.answered_at,
            ruled_at=course.ruled_at, ended_at=course.closed_at, **link,
        )  # fmt: skip
        if is_claim:
            rows.add(
                "hold_freeze", id=uuid_at(self._rng, submitted_at), hold_id=order.hold_id, kind="claim",
                source_id=complaint_id, actor_id=order.buyer.id, at=submitted_at,
            )  # fmt: skip
        self._happen(rows, order, case, complaint_id, dispute_id, link)

    def elsewhere(self, rows: Rows, batch: SoldBatch, buyer: SampleBuyer, sellers: Mapping[UUID, SampleSeller]) -> None:
        """Add a complaint about goods bought off the platforms; most have no seller yet and wait for a mediator."""
        rng = self._rng
        is_open = rng.random() < ELSEWHERE_OPEN_SHARE
        hours = rng.uniform(0.5, 40) if is_open else rng.uniform(200, 2500)
        submitted_at = self._now - timedelta(seconds=round(hours * 3600))
        complaint_id = uuid_at(rng, submitted_at)
        told = self._tell_of(batch, buyer.language, is_injury=False, is_lot_told=True)
        seller = sellers[batch.product.seller_id] if rng.random() < 0.3 else None
        status = "closed" if not is_open else "triage" if seller is None else "with_seller"
        self._add_complaint(
            rows, complaint_id, told, buyer, submitted_at,
            tenant_id=COMMONS, seller_id=None if seller is None else seller.id, wanted="none",
            seller_text=misspell_name(rng, batch.product.brand_zh), status=status, match_status="unmatched",
            link_is_strict=False, reached_at=None if seller is None else submitted_at,
            ended_at=None if is_open else submitted_at + timedelta(days=3),
        )  # fmt: skip
        self._tell(rows, "complaint.submitted", complaint_id, COMMONS, submitted_at, side="buyer")
        if status == "triage":
            self._promise(rows, "triage", complaint_id, submitted_at, TRIAGE, "complaints.triage_overdue")

    def _tell_of(self, batch: SoldBatch, language: str, *, is_injury: bool, is_lot_told: bool | None = None) -> Told:
        rng, product = self._rng, batch.product
        kind = "unsafe" if is_injury else rng.choice(_KINDS)
        stories = [each for each in STORIES[kind] if (each[0] == "injury") == is_injury]
        harm, english, chinese = rng.choice(stories)
        name = product.name_zh if language == "zh" else product.name_en
        name = misspell_name(rng, name) if rng.random() < 0.5 else name
        lot = ""
        if is_lot_told or (is_lot_told is None and rng.random() < 0.5):
            lot = misspell_lot(rng, batch.lot_code) if rng.random() < 0.6 else batch.lot_code
        story = (chinese if language == "zh" else english).format(product=name)
        opening = OPENINGS[language].format(lot=lot) if lot and rng.random() < 0.4 else ""
        brand = product.brand_zh if language == "zh" else product.brand
        return Told(kind, harm, name, brand, lot, opening + story)

    def _link(self, rows: Rows, order: SampleOrder, complaint_id: UUID, told: Told, at: datetime) -> dict[str, object]:
        """Return how it is linked: by its order if it tells no lot, else by the buyer's choice or not yet."""
        unlinked: dict[str, object] = {"match_status": "unmatched", "link_is_strict": False}
        if told.lot_text and self._rng.random() < 0.4:
            return unlinked
        by = "buyer" if told.lot_text else "automatic"
        reason = {"field": "order", "reason": "order_names_batch", "contribution": 0.0, "value": 1.0, "facts": {}}
        batch_id, product_id = order.batch.id, order.batch.product.id
        rows.add(
            "complaint_match", id=uuid_at(self._rng, at), tenant_id=order.tenant_id, complaint_id=complaint_id,
            link_by=by, actor_id=order.buyer.id if by == "buyer" else None, outcome="linked", is_strict=True,
            batch_id=batch_id, product_id=product_id, model_version=None if by == "buyer" else self._model,
            reasons=[] if by == "buyer" else [reason], runners_up=[], at=at + timedelta(seconds=2),
        )  # fmt: skip
        return {"match_status": "linked", "batch_id": batch_id, "link_by": by, "link_is_strict": True}

    def _add_complaint(
        self, rows: Rows, complaint_id: UUID, told: Told, buyer: SampleBuyer, at: datetime, **facts: object
    ) -> None:
        risk = assess_risk(told.kind, told.harm)
        rows.add(
            "complaint",
            **{
                "id": complaint_id,
                "reference": self._reference(),
                "buyer_id": buyer.id,
                "purpose": "redress",
                "kind": told.kind,
                "harm": told.harm,
                "product_text": told.product_text,
                "brand_text": told.brand_text,
                "seller_text": "",
                "lot_text": told.lot_text,
                "gtin": "",
                "bought_through": self._rng.choice(_CHANNELS),
                "shows_name": False,
                "may_publish": self._rng.random() < 0.6,
                "language": buyer.language,
                "told_key": name_key(told.product_text, told.brand_text),
                "lots_told": [fold_lot(told.lot_text)] if told.lot_text else [],
                "risk": risk.risk,
                "risk_reason": risk.reason,
                "risk_rules": risk.rules,
                "made_at": at - timedelta(minutes=9),
                "submitted_at": at,
                **facts,
            },
        )
        rows.add(
            "complaint_text", complaint_id=complaint_id, tenant_id=facts["tenant_id"], narrative=told.narrative,
            treatment="", agent_text="", contact_email="", contact_phone="",
        )  # fmt: skip

    def _happen(
        self,
        rows: Rows,
        order: SampleOrder,
        case: Case,
        complaint_id: UUID,
        dispute_id: UUID | None,
        link: Mapping[str, object],
    ) -> None:
        """Add what followed: events, the seller's words, offers, the dispute, promises, the end of the hold."""
        course, tenant_id, language = order.course, order.tenant_id, order.buyer.language
        submitted_at = course.submitted_at or self._now
        self._tell(rows, "complaint.submitted", complaint_id, tenant_id, submitted_at, side="buyer")
        step = "complaint.triaged" if case is Case.TRIAGE else "complaint.with_seller"
        self._tell(rows, step, complaint_id, tenant_id, submitted_at, side="system")
        if link["match_status"] == "linked":
            batch = {"batch_id": order.batch.id, "product_id": order.batch.product.id, "link_by": link["link_by"]}
            self._tell(
                rows, "complaint.linked", complaint_id, tenant_id, submitted_at, side="system", is_strict=True, **batch
            )
        if case is Case.OPEN:
            self._promise(rows, "answer_claim", complaint_id, submitted_at, ANSWER, "complaints.answer_overdue")
        elif case is Case.TRIAGE:
            self._promise(rows, "triage", complaint_id, submitted_at, TRIAGE, "complaints.triage_overdue")
        if course.answered_at is not None:
            self._answer(rows, order, case, complaint_id, course.answered_at, language)
        if dispute_id is not None:
            self._dispute(rows, order, case, complaint_id, dispute_id, language)
        if course.closed_at is not None:
            self._close(rows, order, case, complaint_id, course.closed_at)

    def _answer(
        self, rows: Rows, order: SampleOrder, case: Case, complaint_id: UUID, at: datetime, language: str
    ) -> None:
        offers = case in (Case.OFFERED, Case.OFFER_TAKEN)
        is_granted = case is Case.GRANTED
        decision = "offer" if offers else "accept" if is_granted else "refuse"
        words = (OFFERS if offers else ACCEPTS if is_granted else REFUSALS)[language]
        entry_id = uuid_at(self._rng, at)
        rows.add(
            "complaint_entry", id=entry_id, tenant_id=order.tenant_id, complaint_id=complaint_id,
            kind="offer" if offers else "answer", side="seller", decision=decision, at=at,
        )  # fmt: skip
        rows.add("complaint_entry_text", entry_id=entry_id, text=words)
        if not is_granted:
            self._tell(rows, "complaint.answered", complaint_id, order.tenant_id, at, side="seller", decision=decision)
        if offers:
            self._offer(rows, order, case, complaint_id, entry_id, at)
        elif case is Case.REFUSED:
            self._promise(rows, "escalate", complaint_id, at, ESCALATE, "complaints.escalate_expired")

    def _offer(
        self, rows: Rows, order: SampleOrder, case: Case, complaint_id: UUID, entry_id: UUID, at: datetime
    ) -> None:
        offer_id, minor = uuid_at(self._rng, at), _part_of(order)
        is_taken = case is Case.OFFER_TAKEN
        rows.add(
            "offer", id=offer_id, tenant_id=order.tenant_id, complaint_id=complaint_id, entry_id=entry_id,
            kind="part_refund", amount_minor=minor, currency="CNY", status="accepted" if is_taken else "open",
            made_at=at, expires_at=at + DECIDE, ended_at=order.course.closed_at if is_taken else None,
        )  # fmt: skip
        facts = {"offer_id": offer_id, "kind": "part_refund", "amount_minor": minor, "currency": "CNY"}
        self._tell(rows, "complaint.offer_made", complaint_id, order.tenant_id, at, side="seller", **facts)
        if not is_taken:
            self._promise(rows, "accept_offer", complaint_id, at, DECIDE, "complaints.offer_expired")
            warning = DECIDE - OFFER_WARNING_BEFORE
            if at + warning > self._now:
                self._promise(rows, "warn_offer", complaint_id, at, warning, "complaints.warn_offer")

    def _dispute(
        self, rows: Rows, order: SampleOrder, case: Case, complaint_id: UUID, dispute_id: UUID, language: str
    ) -> None:
        course, tenant_id = order.course, order.tenant_id
        opened_at = course.disputed_at or self._now
        mediator = self._rng.choice(self._mediators) if course.assigned_at else None
        state = {Case.QUEUED: "queued", Case.IN_REVIEW: "in_review", Case.RULED: "ruled"}.get(case, "final")
        rows.add(
            "dispute", id=dispute_id, tenant_id=tenant_id, complaint_id=complaint_id, state=state, mediator_id=mediator,
            needs_supervisor=False, opened_by=order.buyer.id, opened_at=opened_at, assigned_at=course.assigned_at,
            ruled_at=course.ruled_at, ended_at=course.closed_at,
        )  # fmt: skip
        self._tell(rows, "complaint.disputed", complaint_id, tenant_id, opened_at, side="buyer")
        if course.ruled_at is None:
            self._promise(rows, "first_ruling", dispute_id, opened_at, FIRST_RULING, "disputes.ruling_overdue")
            return
        ruling_id = uuid_at(self._rng, course.ruled_at)
        rows.add(
            "ruling", id=ruling_id, tenant_id=tenant_id, dispute_id=dispute_id, round=1, mediator_id=mediator,
            held_minor=order.amount_minor, buyer_minor=_part_of(order), currency="CNY", at=course.ruled_at,
        )  # fmt: skip
        rows.add("ruling_text", ruling_id=ruling_id, reasons=RULINGS[language])
        if case is Case.RULED:
            self._promise(rows, "appeal", dispute_id, course.ruled_at, APPEAL, "disputes.appeal_over")

    def _close(self, rows: Rows, order: SampleOrder, case: Case, complaint_id: UUID, at: datetime) -> None:
        name = "complaint.withdrawn" if case is Case.WITHDRAWN else "complaint.settled"
        facts = {} if case is Case.WITHDRAWN else {"outcome": _OUTCOME[case]}
        self._tell(rows, name, complaint_id, order.tenant_id, at, side="buyer", **facts)
        rows.lifted.append((complaint_id, at))
        if case is Case.WITHDRAWN:
            resumed_until = at + max(_left(order), FLOOR)
            ended_at = resumed_until + timedelta(seconds=20)
            end_hold(rows, order, buyer_minor=0, cause="sweep", decision_id=None, at=ended_at)
            return
        minor = order.amount_minor if case is Case.GRANTED else _part_of(order)
        end_hold(rows, order, buyer_minor=minor, cause="ruling", decision_id=complaint_id, at=at)

    def _promise(self, rows: Rows, name: str, subject_id: UUID, at: datetime, after: timedelta, handler: str) -> None:
        rows.add(
            "deadline", id=uuid_at(self._rng, at), name=name, subject_id=subject_id, due_at=at + after,
            handler=handler, payload={}, state="pending", made_at=at,
        )  # fmt: skip

    def _tell(self, rows: Rows, name: str, complaint_id: UUID, tenant_id: UUID, at: datetime, **facts: object) -> None:
        subject = ("complaint", complaint_id)
        tell(self._rng, rows, name, subject, tenant_id, at, complaint_id=complaint_id, **facts)

    def _reference(self) -> str:
        number = self._rng.getrandbits(references.BITS)
        while number in self._references:
            number = self._rng.getrandbits(references.BITS)
        self._references.add(number)
        return references.from_number(number)


def _part_of(order: SampleOrder) -> int:
    """Return 30 % of the amount, rounded down."""
    return order.amount_minor * 3 // 10


def _left(order: SampleOrder) -> timedelta:
    """Return what was left of the window when the claim froze it, in whole seconds, as the ledger counts it."""
    delivered_at, submitted_at = order.course.delivered_at, order.course.submitted_at
    if delivered_at is None or submitted_at is None:
        raise LookupError("a claimed hold was delivered")
    return timedelta(seconds=max(0, ceil((delivered_at + WINDOW - submitted_at) / timedelta(seconds=1))))
