"""What a row of the table says, and the words that its rows share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from service.core.actor import Role
from tests.world import Whose, World


class Outcome(StrEnum):
    """A class of statuses."""

    LET_IN = "let in"  # 2xx, or a refusal about content, state or amount: 400, 409, 413, 415, 422, 429
    UNAUTHENTICATED = "401"
    FORBIDDEN = "403"
    HIDDEN = "404"


BUYER, SELLER, MEDIATOR, SUPERVISOR = Role.BUYER, Role.SELLER, Role.MEDIATOR, Role.SUPERVISOR
REGULATOR, OPERATOR, PLATFORM = Role.REGULATOR, Role.OPERATOR, Role.PLATFORM
EVERY_ROLE = frozenset(Role)
OWN, OTHERS, FOREIGN = Whose.OWN, Whose.OTHERS, Whose.FOREIGN
LET_IN, FORBIDDEN, HIDDEN = Outcome.LET_IN, Outcome.FORBIDDEN, Outcome.HIDDEN
ALL_SEEN = {OWN: LET_IN, OTHERS: LET_IN, FOREIGN: LET_IN}
OWN_SEEN = {OWN: LET_IN, OTHERS: HIDDEN, FOREIGN: HIDDEN}
TENANT_SEEN = {OWN: LET_IN, OTHERS: LET_IN, FOREIGN: HIDDEN}


PARTIES = {
    BUYER: OWN_SEEN,
    SELLER: OWN_SEEN,
    PLATFORM: TENANT_SEEN,
    MEDIATOR: TENANT_SEEN,
    SUPERVISOR: TENANT_SEEN,
    REGULATOR: ALL_SEEN,
    OPERATOR: ALL_SEEN,
}


OWN_SHOP = {OWN: LET_IN, OTHERS: FORBIDDEN, FOREIGN: FORBIDDEN}  # that a shop exists is no secret
BLOCKERS = frozenset({OPERATOR, SUPERVISOR})


@dataclass(frozen=True, slots=True)
class Row:
    """The expectation of one route.

    `may`: roles that the policy lets in; `anyone`: nobody needs to sign in. `body` and `query` are right in form, so
    that an answer about permission is not hidden by one about form. `things`: path parameter -> kind of thing there is;
    for each role in `may`, `reaches` says what happens with own, others' and foreign things. A guessed id must look as
    if there were nothing (`guessed`). `allowed` is what a role in `may` gets on a route without things. `reporter`: who
    opened an anonymous report with its receipt may, for that one case (tests/complaints/test_anonymous.py).
    """

    may: frozenset[Role] = frozenset()
    anyone: bool = False
    body: Callable[[World], Any] | None = None
    query: Callable[[World], dict[str, str]] | None = None
    files: Mapping[str, bytes] | None = None
    things: Mapping[str, str] = field(default_factory=dict)
    reaches: Mapping[Role, Mapping[Whose, Outcome]] = field(default_factory=dict)
    guessed: Outcome = HIDDEN
    allowed: Outcome = LET_IN
    for_commons: bool = False
    alone: bool = False
    reporter: bool = False


def reported(row: Row) -> Row:
    """Return a row that lets anonymous reporters in, too."""
    return replace(row, reporter=True)


def party_row(*roles: Role, body: Callable[[World], Any] | None = None, **things: str) -> Row:
    """Return a row for things that two sides and those who watch them have in common; `things` as in `Row`."""
    return Row(may=frozenset(roles), body=body, things=things, reaches={role: PARTIES[role] for role in roles})
