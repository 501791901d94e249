"""The one table of who may do what: a route's action -> the roles that may ask for it.

A guard checks the role; which rows an actor sees is filtered in the domain's queries. Each domain adds its rows to its
own block, named "<domain>.<verb>".
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Final

from service.core.actor import Actor, Role
from service.core.errors import Forbidden, Unauthenticated, ensure


class Audience(StrEnum):
    """Who may, when it is not a matter of roles."""

    ANYONE = "anyone"
    SIGNED_IN = "signed_in"
    REPORTER = "reporter"  # who opened an anonymous report with its receipt


Who = Role | Audience
Rows = Mapping[str, AbstractSet[Who]]

BUYER, SELLER, MEDIATOR, SUPERVISOR = Role.BUYER, Role.SELLER, Role.MEDIATOR, Role.SUPERVISOR
REGULATOR, OPERATOR, PLATFORM = Role.REGULATOR, Role.OPERATOR, Role.PLATFORM
ANYONE: Final = frozenset({Audience.ANYONE})
SIGNED_IN: Final = frozenset({Audience.SIGNED_IN})
REPORTER: Final = Audience.REPORTER

_SERVICE: Rows = {
    "service.health": ANYONE,
}

_ACCOUNTS: Rows = {
    "accounts.sign_in": ANYONE,
    "accounts.register": ANYONE,
    "accounts.sign_out": SIGNED_IN,
    "accounts.read_self": SIGNED_IN,
    "accounts.change_self": SIGNED_IN,
    "accounts.manage_keys": SIGNED_IN,
    "accounts.manage_grants": {OPERATOR, SUPERVISOR},
}

_ESCROW: Rows = {
    "holds.read": {BUYER, SELLER, PLATFORM, MEDIATOR, SUPERVISOR, REGULATOR, OPERATOR},
    "gateway.receive_notice": ANYONE,
    "alerts.read": {OPERATOR, SUPERVISOR},
    "payments.read": {OPERATOR, PLATFORM, SUPERVISOR},
    "payments.retry": {OPERATOR, SUPERVISOR},
    "payouts.read": {SELLER, OPERATOR},
    "payouts.request": {SELLER, OPERATOR},
    "payouts.read_blocks": {SELLER, OPERATOR, SUPERVISOR},
    "payouts.block": {OPERATOR, SUPERVISOR},
    "deposits.read": {SELLER, OPERATOR},
    "deposits.move": {SELLER, OPERATOR},
}

_SELLERS: Rows = {
    "sellers.register": SIGNED_IN,
    "sellers.read": SIGNED_IN,
    "sellers.add_agent": {SELLER},
    "sellers.read_suspension": {SELLER, OPERATOR, SUPERVISOR},
    "sellers.suspend": {OPERATOR},
}

_BATCHES: Rows = {
    "products.register": {SELLER},
    "products.read": SIGNED_IN,
    "products.correct": {SELLER, MEDIATOR, SUPERVISOR},
    "products.read_corrections": {SELLER, MEDIATOR, SUPERVISOR, REGULATOR},
    "batches.register": {SELLER},
    "batches.read": SIGNED_IN,
    "batches.read_custody": {SELLER, MEDIATOR, SUPERVISOR, REGULATOR},
    "batches.record_custody": {SELLER},
    "batches.show_photos": {SELLER},
    "batches.correct": {SELLER, MEDIATOR, SUPERVISOR},
    "batches.read_corrections": {SELLER, MEDIATOR, SUPERVISOR, REGULATOR},
}

_ORDERS: Rows = {
    "orders.place": {PLATFORM},
    "orders.read": {BUYER, SELLER, PLATFORM, MEDIATOR, SUPERVISOR, REGULATOR, OPERATOR},
    "orders.pay": {PLATFORM},
    "orders.pack": {SELLER},
    "orders.read_packing": {SELLER, MEDIATOR, SUPERVISOR},
    "orders.ship": {SELLER, PLATFORM},
    "orders.deliver": SIGNED_IN,
    "orders.confirm_receipt": {BUYER},
    "orders.answer_arrival": {BUYER},
    "orders.issue_claim_code": {PLATFORM},
    "orders.claim": {BUYER},
    "orders.receive_notice": ANYONE,
}

_COMPLAINTS: Rows = {
    "complaints.file": {BUYER},
    "complaints.report": ANYONE,
    "complaints.open_report": ANYONE,
    "complaints.read": {BUYER, SELLER, MEDIATOR, SUPERVISOR, REGULATOR, OPERATOR, PLATFORM, REPORTER},
    "complaints.withdraw": {BUYER, REPORTER},
    "complaints.add_entry": {BUYER, SELLER, MEDIATOR, SUPERVISOR, REPORTER},
    "complaints.read_evidence": {BUYER, SELLER, MEDIATOR, SUPERVISOR, REGULATOR, REPORTER},
    "complaints.add_evidence": {BUYER, SELLER, REPORTER},
    "complaints.challenge": {MEDIATOR, SUPERVISOR},
    "complaints.answer_challenge": {BUYER, SELLER, REPORTER},
    "complaints.read_likenesses": {MEDIATOR, SUPERVISOR, REGULATOR},
    "complaints.read_readings": {BUYER, SELLER, MEDIATOR, SUPERVISOR, REPORTER},
    "complaints.accept_reading": {BUYER, MEDIATOR, SUPERVISOR, REPORTER},
    "complaints.read_keeping": {MEDIATOR, SUPERVISOR, REGULATOR, OPERATOR},
    "complaints.erase": {OPERATOR},
    "complaints.hold_evidence": {OPERATOR},
    "complaints.read_matches": {BUYER, MEDIATOR, SUPERVISOR, REGULATOR},
    "complaints.link": {BUYER, MEDIATOR, SUPERVISOR},
    "matching.read": {OPERATOR, SUPERVISOR},
    "complaints.triage": {MEDIATOR, SUPERVISOR},
    "complaints.join": {MEDIATOR, SUPERVISOR},
    "complaints.answer": {SELLER},
    "complaints.decide_offer": {BUYER},
}

_DISPUTES: Rows = {
    "disputes.escalate": {BUYER, MEDIATOR, SUPERVISOR},
    "disputes.read": {BUYER, SELLER, MEDIATOR, SUPERVISOR, REGULATOR, OPERATOR},
    "disputes.assign": {MEDIATOR, SUPERVISOR},
    "disputes.rule": {MEDIATOR, SUPERVISOR},
    "disputes.accept": {BUYER, SELLER},
}

_RECALLS: Rows = {
    "signals.read": {SELLER, MEDIATOR, SUPERVISOR, REGULATOR},
    "signals.decide": {MEDIATOR, SUPERVISOR},
}

_REPORTING: Rows = {
    "reports.request": {MEDIATOR, SUPERVISOR, REGULATOR},
    "reports.read": {MEDIATOR, SUPERVISOR, REGULATOR, OPERATOR},
    "reports.download": {MEDIATOR, SUPERVISOR, REGULATOR},
}

_NOTICES: Rows = {}

_WEB: Rows = {
    "web.open": ANYONE,
    "web.signed_in": SIGNED_IN,
    "web.buyer": {BUYER},
    "web.seller": {SELLER},
    "web.mediator": {MEDIATOR, SUPERVISOR},
    "web.regulator": {REGULATOR},
    "web.operator": {OPERATOR},
    "web.evidence": {BUYER, SELLER, MEDIATOR, SUPERVISOR, REGULATOR},
}


def _joined(*blocks: Rows) -> Mapping[str, frozenset[Who]]:
    table: dict[str, frozenset[Who]] = {}
    for block in blocks:
        for action, who in block.items():
            ensure(action not in table, f"two rows for {action}")
            ensure(who, f"nobody may {action}")
            table[action] = frozenset(who)
    return table


POLICY: Final = _joined(
    _SERVICE,
    _ACCOUNTS,
    _ESCROW,
    _SELLERS,
    _BATCHES,
    _ORDERS,
    _COMPLAINTS,
    _DISPUTES,
    _RECALLS,
    _REPORTING,
    _NOTICES,
    _WEB,
)


def may(actor: Actor, action: str) -> bool:
    """Whether the actor's roles allow the action; pages ask before they show a link. KeyError if it has no row."""
    who = POLICY[action]
    if Audience.ANYONE in who:
        return True
    if actor.case_id is not None:
        return Audience.REPORTER in who
    if actor.person_id is None:
        return False
    return Audience.SIGNED_IN in who or not who.isdisjoint(actor.roles)


def require(actor: Actor, action: str) -> None:
    """Raise `Unauthenticated` ("sign_in_needed") or `Forbidden` ("role_not_allowed") where `may` says no."""
    if may(actor, action):
        return
    if actor.person_id is None and actor.case_id is None:
        raise Unauthenticated("sign_in_needed", "sign in, or send an API key")
    raise Forbidden("role_not_allowed", "none of your roles allows this", action=action)
