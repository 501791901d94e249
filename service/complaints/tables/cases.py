"""The case itself, and what its sides add in words."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.complaints import rules
from service.complaints.rules import COMPLAINT, ENDS, OPEN_SENT
from service.db.base import Base
from service.db.words import one_of

_UNCOUNTED = one_of("status", rules.UNCOUNTED)


class Complaint(Base):
    """A buyer's account of what went wrong, with or without a claim. Stories and contacts are in `complaint_text`."""

    __tablename__ = "complaint"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "order_id"], ["order.tenant_id", "order.id"]),
        ForeignKeyConstraint(["tenant_id", "hold_id"], ["hold.tenant_id", "hold.id"]),
        CheckConstraint(one_of("purpose", rules.PURPOSES), name="purpose"),
        CheckConstraint(one_of("kind", rules.KINDS), name="kind"),
        CheckConstraint(one_of("harm", rules.HARMS), name="harm"),
        CheckConstraint(one_of("wanted", rules.WANTED), name="wanted"),
        CheckConstraint(one_of("bought_through", rules.CHANNELS), name="bought_through"),
        CheckConstraint(one_of("status", COMPLAINT.states), name="status"),
        CheckConstraint(one_of("risk", rules.RISKS), name="risk"),
        CheckConstraint(one_of("match_status", rules.MATCH_STATUSES), name="match_status"),
        CheckConstraint(one_of("link_by", rules.LINKED_BY), name="link_by"),
        CheckConstraint(one_of("outcome", rules.OUTCOMES), name="outcome"),
        CheckConstraint("buyer_id IS NOT NULL OR purpose = 'safety'", name="buyer"),
        CheckConstraint(f"{_UNCOUNTED} OR num_nulls(submitted_at, kind, harm, risk) = 0", name="sent"),
        CheckConstraint("claim_minor IS NULL OR (claim_minor > 0 AND order_id IS NOT NULL)", name="claim"),
        CheckConstraint("(claim_minor IS NULL) = (currency IS NULL)", name="claim_currency"),
        CheckConstraint(f"{_UNCOUNTED} OR (claim_minor IS NULL) = (hold_id IS NULL)", name="claim_held"),
        CheckConstraint("(match_status = 'linked') = (batch_id IS NOT NULL)", name="linked"),
        CheckConstraint("(batch_id IS NULL) = (link_by IS NULL)", name="linked_by"),
        CheckConstraint("batch_id IS NOT NULL OR NOT link_is_strict", name="strict"),
        CheckConstraint(f"({one_of('status', ENDS)}) = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("(status = 'settled') = (outcome IS NOT NULL)", name="outcome_settled"),
        CheckConstraint("status <> 'with_seller' OR reached_at IS NOT NULL", name="reached"),
        CheckConstraint("(status = 'merged') = (merged_into_id IS NOT NULL)", name="merged"),
        CheckConstraint("merged_into_id <> id", name="merged_elsewhere"),
        CheckConstraint(one_of("later_harm", [harm for harm in rules.HARMS if harm != "none"]), name="later_harm"),
        CheckConstraint("buyer_id IS NOT NULL OR order_id IS NULL", name="anonymous"),
        Index(
            "complaint_open_key",
            "buyer_id",
            "order_id",
            "kind",
            unique=True,
            postgresql_where=text(f"order_id IS NOT NULL AND {one_of('status', OPEN_SENT)}"),
        ),
        Index("complaint_buyer_idx", "buyer_id", "id"),
        Index("complaint_seller_idx", "seller_id", "id", postgresql_where=text("reached_at IS NOT NULL")),
        Index("complaint_tenant_idx", "tenant_id", "status", "id"),
        Index("complaint_batch_idx", "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
        Index("complaint_order_idx", "order_id", postgresql_where=text("order_id IS NOT NULL")),
        Index("complaint_hold_idx", "hold_id", postgresql_where=text("hold_id IS NOT NULL")),
        Index("complaint_merged_into_idx", "merged_into_id", postgresql_where=text("merged_into_id IS NOT NULL")),
        Index("complaint_silence_idx", "ended_at", postgresql_where=text("outcome = 'silence'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    buyer_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    order_id: Mapped[UUID | None]
    seller_id: Mapped[UUID | None] = mapped_column(ForeignKey("seller.id"))
    product_id: Mapped[UUID | None] = mapped_column(ForeignKey("product.id"))
    purpose: Mapped[str]
    kind: Mapped[str | None]
    harm: Mapped[str | None]
    harmed_on: Mapped[date | None] = mapped_column(Date)
    wanted: Mapped[str | None]
    product_text: Mapped[str]
    brand_text: Mapped[str]
    seller_text: Mapped[str]
    lot_text: Mapped[str]
    gtin: Mapped[str]
    bought_on: Mapped[date | None] = mapped_column(Date)
    bought_through: Mapped[str | None]
    shows_name: Mapped[bool]
    may_publish: Mapped[bool]
    language: Mapped[str]
    told_key: Mapped[str]
    lots_told: Mapped[list[str]]
    status: Mapped[str]
    outcome: Mapped[str | None]
    risk: Mapped[str | None]
    risk_reason: Mapped[str | None]
    risk_rules: Mapped[str | None]
    match_status: Mapped[str]
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batch.id"))
    link_by: Mapped[str | None]
    link_is_strict: Mapped[bool]
    claim_minor: Mapped[int | None]
    currency: Mapped[str | None]
    hold_id: Mapped[UUID | None]
    dispute_id: Mapped[UUID | None]
    made_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    reached_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    ruled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("complaint.id"))
    later_harm: Mapped[str | None]

    @property
    def gravest_harm(self) -> str | None:
        """The gravest harm told so far: what was sent first, or what an addition told since."""
        return self.later_harm or self.harm


class ComplaintText(Base):
    """What a complaint says of people: may be erased (its row deleted), and not changed once it was sent."""

    __tablename__ = "complaint_text"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "complaint_id"], ["complaint.tenant_id", "complaint.id"]),
        CheckConstraint(f"bought_in ~ '{rules.PLACE}'", name="bought_in"),
    )

    complaint_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    narrative: Mapped[str]
    treatment: Mapped[str]
    agent_text: Mapped[str]
    contact_email: Mapped[str]
    contact_phone: Mapped[str]
    bought_in: Mapped[str] = mapped_column(server_default=text("''"))


class ComplaintEntry(Base):
    """Something that a side added after the complaint was sent. Notes are the mediators' own. Append-only."""

    __tablename__ = "complaint_entry"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "complaint_id"], ["complaint.tenant_id", "complaint.id"]),
        CheckConstraint(one_of("kind", rules.ENTRY_KINDS), name="kind"),
        CheckConstraint(one_of("side", rules.SIDES), name="side"),
        UniqueConstraint("draft_id"),
        Index("complaint_entry_complaint_idx", "complaint_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    complaint_id: Mapped[UUID]
    kind: Mapped[str]
    side: Mapped[str]
    author_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    decision: Mapped[str | None]
    at: Mapped[datetime]
    draft_id: Mapped[UUID | None] = mapped_column(ForeignKey("complaint.id"))


class ComplaintEntryText(Base):
    """The words of an entry; may be erased."""

    __tablename__ = "complaint_entry_text"

    entry_id: Mapped[UUID] = mapped_column(ForeignKey("complaint_entry.id"), primary_key=True)
    text: Mapped[str]
