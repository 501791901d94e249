"""Who acts: a person with grants, or the system itself."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

COMMONS = UUID("00000000-0000-7000-8000-000000000001")
"""The tenant of anonymous and off-platform cases, and of people who work across tenants."""


class Role(StrEnum):
    """What a grant lets a person be; the policy table says what each may do."""

    BUYER = "buyer"
    SELLER = "seller"
    MEDIATOR = "mediator"
    SUPERVISOR = "supervisor"
    REGULATOR = "regulator"
    OPERATOR = "operator"
    PLATFORM = "platform"


class SignIn(StrEnum):
    """How the actor proved who they are; a waiver, for one, wants a session."""

    NONE = "none"
    SESSION = "session"
    API_KEY = "api_key"
    RECEIPT = "receipt"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role within a tenant; `seller_id` names the shop that a seller's grant acts for."""

    role: Role
    tenant_id: UUID
    seller_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who acts in a request or job. `person_id` is None for nobody, the system and who holds a receipt.

    `case_id` is the one case that the receipt of an anonymous reporter opened; they see nothing else.
    """

    person_id: UUID | None
    grants: frozenset[Grant] = field(default_factory=frozenset)
    sign_in: SignIn = SignIn.NONE
    name: str = ""
    language: str = "en"
    case_id: UUID | None = None

    @property
    def roles(self) -> frozenset[Role]:
        """Every role held in any tenant."""
        return frozenset(grant.role for grant in self.grants)

    @property
    def seller_ids(self) -> frozenset[UUID]:
        """The shops that this actor may act for."""
        return frozenset(g.seller_id for g in self.grants if g.role is Role.SELLER and g.seller_id is not None)

    @property
    def is_system(self) -> bool:
        """Whether a job or sweeper acts, not a person."""
        return self.sign_in is SignIn.SYSTEM

    def has(self, *roles: Role) -> bool:
        """Whether any of the roles is held in any tenant."""
        return any(grant.role in roles for grant in self.grants)

    def tenants(self, *roles: Role) -> frozenset[UUID]:
        """The tenants in which any of the roles is held."""
        return frozenset(grant.tenant_id for grant in self.grants if grant.role in roles)


NOBODY = Actor(person_id=None)
SYSTEM = Actor(person_id=None, sign_in=SignIn.SYSTEM, name="Fairhold")
