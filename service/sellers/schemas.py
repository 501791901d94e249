"""Requests and responses about sellers."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from service.db.schemas import MoneyView
from service.sellers.rules import SuspensionReason

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S")]
NameOrEmpty = Annotated[str, msgspec.Meta(max_length=200)]
SellerKind = Literal["shop", "person", "company", "brand", "factory"]


class NewSeller(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a seller says when registering."""

    name: Annotated[Name, msgspec.Meta(examples=["Xiaohe Skincare"])]
    kind: SellerKind
    country: Annotated[
        str, msgspec.Meta(max_length=2, pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2", examples=["CN"])
    ]
    name_zh: Annotated[NameOrEmpty, msgspec.Meta(examples=["小禾护肤"])] = ""
    registration_number: (
        Annotated[str, msgspec.Meta(min_length=1, max_length=60, examples=["91330100MA27X0000X"])] | None
    ) = None


class SellerView(msgspec.Struct, frozen=True):
    """A seller as anyone signed in sees it."""

    id: UUID
    name: str
    name_zh: str
    kind: str
    country: str
    status: str
    verification: str
    registered_at: datetime


class NewAgent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A seller that from now on sells goods of this one."""

    agent_id: UUID


class AgentView(msgspec.Struct, frozen=True):
    """One step of the agent tree."""

    agent_id: UUID
    principal_id: UUID
    name: str
    name_zh: str
    since: datetime


class NewPayout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of what it has earned a seller asks for. What it owes is taken off first."""

    amount: MoneyView


class NewDeposit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money that a seller pays into its deposit ("in"), or asks for back ("out")."""

    amount: MoneyView
    direction: Annotated[Literal["in", "out"], msgspec.Meta(examples=["in"])] = "in"


class NewPayoutBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a seller is paid nothing out for now."""

    reason: Literal["review", "suspected_fraud", "identity_unproved", "authority_order"]


class NewSuspension(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a seller may not sell for now."""

    reason: Annotated[SuspensionReason, msgspec.Meta(examples=["unsafe_goods"])]


class Suspension(msgspec.Struct, frozen=True):
    """Whether a seller is suspended; if it is, why and since when."""

    seller_id: UUID
    is_suspended: bool
    reason: Annotated[str, msgspec.Meta(examples=["unsafe_goods"])] | None
    since: datetime | None
