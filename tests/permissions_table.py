"""Who is expected to get how far with each route: written beside the code, not computed from it.

A row says which roles may, and for routes that name things, whose things each of those roles may reach. A new route
without a row fails `test_permissions.py`. Things are made in `tests/world.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import msgspec

from service.core.actor import Role
from tests.world import Whose, World, new_order


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


def _role_in_our_tenant(world: World) -> dict[str, Any]:
    return {"role": "mediator", "tenant_id": str(world.tenant_ids[OWN])}


_GRANTERS = frozenset({OPERATOR, SUPERVISOR})

ACCOUNTS = {
    "POST /sessions": Row(
        anyone=True, body=lambda _: {"email": "nobody@example.com", "password": "x"}, allowed=Outcome.UNAUTHENTICATED
    ),
    "DELETE /sessions/current": Row(may=EVERY_ROLE, allowed=HIDDEN),  # a key has no session to end
    "DELETE /sessions": Row(may=EVERY_ROLE),
    "GET /me": Row(may=EVERY_ROLE),
    "PATCH /me": Row(may=EVERY_ROLE, body=lambda _: {"language": "zh"}),
    "GET /api-keys": Row(may=EVERY_ROLE),
    "POST /api-keys": Row(  # a key cannot make keys
        may=EVERY_ROLE,
        body=lambda world: {"label": "a", "tenant_id": str(world.tenant_ids[OWN])},
        allowed=FORBIDDEN,
    ),
    "DELETE /api-keys/{key_id}": Row(
        may=EVERY_ROLE,
        alone=True,
        things={"key_id": "api_key"},
        reaches={role: ALL_SEEN if role is OPERATOR else OWN_SEEN for role in Role},
    ),
    "POST /people": Row(
        anyone=True, body=lambda _: {"email": "new@example.com", "password": "a longer phrase", "name": "New"}
    ),
    "GET /people": Row(may=_GRANTERS, query=lambda _: {"email": "buyer-own@example.com"}),
    "GET /people/{person_id}/grants": Row(
        may=_GRANTERS, things={"person_id": "person"}, reaches={OPERATOR: ALL_SEEN, SUPERVISOR: ALL_SEEN}
    ),
    "POST /people/{person_id}/grants": Row(
        may=_GRANTERS,
        body=_role_in_our_tenant,
        things={"person_id": "person"},
        reaches={role: {OWN: FORBIDDEN, OTHERS: LET_IN, FOREIGN: LET_IN} for role in _GRANTERS},
    ),
    "DELETE /people/{person_id}/grants/{grant_id}": Row(
        may=_GRANTERS,
        alone=True,
        things={"person_id": "mediator_person", "grant_id": "mediator_grant"},
        reaches={
            OPERATOR: ALL_SEEN,
            SUPERVISOR: TENANT_SEEN,
        },
    ),
}


def _everybody_sees(kind: str) -> Row:
    """Products, batches and sellers are common: who is signed in sees all of them."""
    reaches = dict.fromkeys(EVERY_ROLE, ALL_SEEN)
    return Row(may=EVERY_ROLE, things={f"{kind}_id": kind}, reaches=reaches)


_OWN_SHOP = {OWN: LET_IN, OTHERS: FORBIDDEN, FOREIGN: FORBIDDEN}  # that a shop exists is no secret
_BLOCKERS = frozenset({OPERATOR, SUPERVISOR})


def _money_row(*more: Role, body: Callable[[World], Any] | None = None) -> Row:
    """A shop's money is for its own people and for operators."""
    reaches = {SELLER: _OWN_SHOP} | dict.fromkeys((OPERATOR, *more), ALL_SEEN)
    return Row(may=frozenset(reaches), body=body, things={"seller_id": "seller"}, reaches=reaches)


SELLERS = {
    "GET /sellers": Row(may=EVERY_ROLE),
    "POST /sellers": Row(may=EVERY_ROLE, body=lambda _: {"name": "New", "kind": "shop", "country": "CN"}),
    "GET /sellers/{seller_id}": _everybody_sees("seller"),
    "GET /sellers/{seller_id}/agents": _everybody_sees("seller"),
    "POST /sellers/{seller_id}/agents": Row(
        may=frozenset({SELLER}),
        body=lambda world: {"agent_id": str(world.things["seller", OTHERS])},
        things={"seller_id": "seller"},
        reaches={SELLER: _OWN_SHOP},
    ),
    "GET /sellers/{seller_id}/suspension": _money_row(SUPERVISOR),
    "POST /sellers/{seller_id}/suspension": Row(
        may=frozenset({OPERATOR}),
        body=lambda _: {"reason": "unsafe_goods"},
        things={"seller_id": "seller"},
        reaches={OPERATOR: ALL_SEEN},
    ),
    "DELETE /sellers/{seller_id}/suspension": Row(
        may=frozenset({OPERATOR}), things={"seller_id": "seller"}, reaches={OPERATOR: ALL_SEEN}
    ),
    "GET /sellers/{seller_id}/balances": _money_row(),
    "POST /sellers/{seller_id}/payouts": _money_row(body=lambda _: {"amount": {"amount_minor": 1, "currency": "CNY"}}),
    "GET /sellers/{seller_id}/deposits": _money_row(),
    "POST /sellers/{seller_id}/deposits": _money_row(
        body=lambda _: {"amount": {"amount_minor": 500, "currency": "CNY"}, "direction": "in"}
    ),
    "GET /sellers/{seller_id}/payout-blocks": _money_row(SUPERVISOR),
    "POST /sellers/{seller_id}/payout-blocks": Row(
        may=_BLOCKERS,
        body=lambda _: {"reason": "suspected_fraud"},
        things={"seller_id": "seller"},
        reaches=dict.fromkeys(_BLOCKERS, ALL_SEEN),
    ),
    "DELETE /sellers/{seller_id}/payout-blocks/{block_id}": Row(
        may=_BLOCKERS,
        things={"seller_id": "seller", "block_id": "payout_block"},
        reaches=dict.fromkeys(_BLOCKERS, ALL_SEEN),
    ),
}

_LISTING_PHOTO = Row(  # what is listed, everybody may look at
    may=EVERY_ROLE,
    things={"batch_id": "batch", "file_id": "listing_photo"},
    reaches=dict.fromkeys(EVERY_ROLE, ALL_SEEN),
)
_CUSTODY_READERS = frozenset({SELLER, MEDIATOR, SUPERVISOR, REGULATOR})

BATCHES = {
    "GET /products": Row(may=EVERY_ROLE),
    "POST /products": Row(
        may=frozenset({SELLER}),
        body=lambda world: {
            "seller_id": str(world.things["seller", OWN]),
            "category": "cosmetics",
            "name_en": "Soap",
        },
    ),
    "GET /products/{product_id}": _everybody_sees("product"),
    "GET /batches": Row(may=EVERY_ROLE),
    "POST /batches": Row(
        may=frozenset({SELLER}),
        body=lambda world: {"product_id": str(world.things["product", OWN]), "lot_code": "LOT-2"},
    ),
    "POST /batches/imports": Row(
        may=frozenset({SELLER}), query=lambda world: {"seller_id": str(world.things["seller", OWN])}
    ),
    "GET /batches/{batch_id}": _everybody_sees("batch"),
    "GET /batches/{batch_id}/status": _everybody_sees("batch"),
    "GET /batches/{batch_id}/custody": Row(
        may=_CUSTODY_READERS,
        things={"batch_id": "batch"},
        reaches=dict.fromkeys(_CUSTODY_READERS, ALL_SEEN),
    ),
    "POST /batches/{batch_id}/custody": Row(
        may=frozenset({SELLER}),
        body=lambda world: {
            "from_seller_id": str(world.things["seller", OWN]),
            "to_seller_id": str(world.things["seller", OTHERS]),
            "units": 1,
        },
        things={"batch_id": "batch"},
        reaches={SELLER: ALL_SEEN},  # a reseller passes on units of another's batch
    ),
    "GET /batches/{batch_id}/photos": _everybody_sees("batch"),
    "POST /batches/{batch_id}/photos": Row(
        may=frozenset({SELLER}), files={"files": b"a photo"}, things={"batch_id": "batch"}, reaches={SELLER: _OWN_SHOP}
    ),
    "DELETE /batches/{batch_id}/photos/{file_id}": Row(
        may=frozenset({SELLER}),
        things={"batch_id": "batch", "file_id": "listing_photo"},
        reaches={SELLER: _OWN_SHOP},
    ),
    "GET /batches/{batch_id}/photos/{file_id}/view": _LISTING_PHOTO,
    "GET /batches/{batch_id}/photos/{file_id}/thumbnail": _LISTING_PHOTO,
}

_PARTIES = {
    BUYER: OWN_SEEN,
    SELLER: OWN_SEEN,
    PLATFORM: TENANT_SEEN,
    MEDIATOR: TENANT_SEEN,
    SUPERVISOR: TENANT_SEEN,
    REGULATOR: ALL_SEEN,
    OPERATOR: ALL_SEEN,
}


def _order_row(*roles: Role, body: Callable[[World], Any] | None = None) -> Row:
    reaches = {role: _PARTIES[role] for role in roles}
    return Row(may=frozenset(roles), body=body, things={"order_id": "order"}, reaches=reaches)


def _forged_record(_: World) -> dict[str, Any]:
    at = "2026-01-01T00:00:00.000000Z"
    record = {
        "carrier": "sandbox",
        "tracking_number": "SB-1234",
        "status": "delivered",
        "created_at": at,
        "delivered_at": at,
        "destination_area": "330100",
    }
    return {"record": record, "signature": "AA==", "key_id": "unknown"}


_PACKING_READERS = (SELLER, MEDIATOR, SUPERVISOR)  # its buyer sees it in a case alone
_PACKING_PHOTO = replace(_order_row(*_PACKING_READERS), things={"order_id": "order", "file_id": "packing_photo"})
ORDERS = {
    "GET /orders": Row(may=EVERY_ROLE),
    "POST /orders": Row(
        may=frozenset({PLATFORM}), body=lambda world: msgspec.to_builtins(new_order(world, OWN, "REF-2"))
    ),
    "GET /orders/{order_id}": _order_row(*Role),
    "POST /orders/{order_id}/payment": _order_row(PLATFORM),
    "POST /orders/{order_id}/packing-photos": replace(_order_row(SELLER), files={"files": b"a photo"}),
    "GET /orders/{order_id}/packing-photos": _order_row(*_PACKING_READERS),
    "GET /orders/{order_id}/packing-photos/{file_id}/view": _PACKING_PHOTO,
    "GET /orders/{order_id}/packing-photos/{file_id}/thumbnail": _PACKING_PHOTO,
    "GET /orders/{order_id}/packing-photos/{file_id}/original": _PACKING_PHOTO,
    "POST /orders/{order_id}/shipment": _order_row(
        SELLER, PLATFORM, body=lambda _: {"carrier": "sandbox", "tracking_number": "SB-1234"}
    ),
    "POST /orders/{order_id}/delivery": _order_row(*Role, body=lambda _: {"hand_over_code": "000000"}),
    "POST /orders/{order_id}/receipt": _order_row(BUYER, body=lambda _: {}),
    "POST /orders/{order_id}/arrival": _order_row(BUYER, body=lambda _: {"arrived": True}),
    "POST /orders/{order_id}/claim-code": _order_row(PLATFORM),
    "POST /orders/claims": Row(may=frozenset({BUYER}), body=lambda _: {"code": "7K3M-9QXT-42AB"}),
    "POST /inbound/carriers/{carrier}": Row(  # a carrier is no secret; another carrier's record is refused as content
        anyone=True, body=_forged_record, things={"carrier": "carrier"}, guessed=LET_IN
    ),
}

_PAYMENT_READERS = {OPERATOR: ALL_SEEN, PLATFORM: TENANT_SEEN, SUPERVISOR: TENANT_SEEN}

ESCROW = {
    "GET /holds": Row(may=EVERY_ROLE),
    "GET /holds/{hold_id}": Row(may=EVERY_ROLE, things={"hold_id": "hold"}, reaches=_PARTIES),
    "GET /alerts": Row(may=frozenset({OPERATOR, SUPERVISOR})),
    "GET /payments": Row(may=frozenset(_PAYMENT_READERS)),
    "GET /payments/{payment_id}": Row(
        may=frozenset(_PAYMENT_READERS), things={"payment_id": "payment"}, reaches=_PAYMENT_READERS
    ),
    "POST /payments/{payment_id}/retry": Row(
        may=_BLOCKERS,
        things={"payment_id": "payment"},
        reaches={OPERATOR: ALL_SEEN, SUPERVISOR: TENANT_SEEN},
    ),
    "GET /payouts": Row(may=frozenset({SELLER, OPERATOR})),
    "GET /payouts/{payout_id}": Row(
        may=frozenset({SELLER, OPERATOR}),
        things={"payout_id": "payout"},
        reaches={SELLER: OWN_SEEN, OPERATOR: ALL_SEEN},
    ),
    "POST /inbound/gateway": Row(anyone=True, allowed=Outcome.UNAUTHENTICATED),  # unsigned
}


def _case_row(*roles: Role, body: Callable[[World], Any] | None = None, **things: str) -> Row:
    reaches = {role: _PARTIES[role] for role in roles}
    return Row(may=frozenset(roles), body=body, things={"complaint_id": "complaint"} | things, reaches=reaches)


_EVIDENCE_READERS = (BUYER, SELLER, MEDIATOR, SUPERVISOR, REGULATOR)

COMPLAINTS = {
    "GET /complaints": reported(Row(may=EVERY_ROLE)),
    "POST /complaints": Row(may=frozenset({BUYER}), body=lambda world: {"order_id": str(world.things["order", OWN])}),
    "GET /complaints/{complaint_id}": reported(_case_row(*Role)),
    "PATCH /complaints/{complaint_id}": _case_row(BUYER, body=lambda _: {"kind": "fake"}, complaint_id="draft"),
    "POST /complaints/{complaint_id}/submission": _case_row(BUYER, complaint_id="draft"),
    "POST /complaints/{complaint_id}/entries": reported(
        _case_row(BUYER, SELLER, MEDIATOR, SUPERVISOR, body=lambda _: {"text": "More."})
    ),
    "POST /complaints/{complaint_id}/parent": _case_row(
        MEDIATOR, SUPERVISOR, body=lambda world: {"parent_id": str(world.things["complaint", OWN])}
    ),
    "POST /safety-reports": Row(
        anyone=True,
        body=lambda _: {"kind": "unsafe", "harm": "none", "narrative": "It burned.", "product_text": "A mask"},
    ),
    "POST /safety-reports/opening": Row(
        anyone=True, body=lambda _: {"receipt": "1234 5678 9012 3456"}, allowed=Outcome.UNAUTHENTICATED
    ),
    "POST /complaints/{complaint_id}/triage": _case_row(MEDIATOR, SUPERVISOR, body=lambda _: {}),
    "GET /complaints/{complaint_id}/matches": _case_row(BUYER, MEDIATOR, SUPERVISOR, REGULATOR),
    "GET /complaints/{complaint_id}/readings": reported(_case_row(BUYER, SELLER, MEDIATOR, SUPERVISOR)),
    "POST /complaints/{complaint_id}/readings/{reading_id}/acceptance": reported(
        _case_row(BUYER, MEDIATOR, SUPERVISOR, reading_id="reading")
    ),
    "GET /complaints/{complaint_id}/likenesses": _case_row(MEDIATOR, SUPERVISOR, REGULATOR),
    "POST /complaints/{complaint_id}/link": _case_row(
        BUYER, MEDIATOR, SUPERVISOR, body=lambda world: {"batch_id": str(world.things["batch", OTHERS])}
    ),
    "POST /complaints/{complaint_id}/answer": _case_row(SELLER, body=lambda _: {"decision": "refuse", "text": "No."}),
    "POST /complaints/{complaint_id}/offers": _case_row(SELLER, body=lambda _: {"kind": "refund"}),
    "POST /complaints/{complaint_id}/offers/{offer_id}/acceptance": _case_row(BUYER, offer_id="offer"),
    "POST /complaints/{complaint_id}/offers/{offer_id}/refusal": _case_row(BUYER, offer_id="offer"),
    "POST /complaints/{complaint_id}/withdrawal": reported(_case_row(BUYER)),
    "GET /complaints/{complaint_id}/keeping": _case_row(MEDIATOR, SUPERVISOR, REGULATOR, OPERATOR),
    "POST /complaints/{complaint_id}/erasure": _case_row(OPERATOR, body=lambda _: {"reason": "buyer_asked"}),
    "POST /complaints/{complaint_id}/legal-hold": _case_row(OPERATOR, body=lambda _: {"reason": "court_order"}),
    "DELETE /complaints/{complaint_id}/legal-hold": replace(
        _case_row(OPERATOR), query=lambda _: {"reason": "proceedings_over"}
    ),
    "GET /complaints/{complaint_id}/timeline": reported(_case_row(*Role)),
    "GET /complaints/{complaint_id}/evidence": reported(_case_row(*_EVIDENCE_READERS)),
    "POST /complaints/{complaint_id}/evidence": reported(
        replace(_case_row(BUYER, SELLER), files={"files": b"a photo"})
    ),
    "POST /complaints/{complaint_id}/uploads": reported(_case_row(BUYER, SELLER, body=lambda _: {})),
    "POST /complaints/{complaint_id}/uploads/{upload_id}/completion": replace(
        reported(_case_row(BUYER, SELLER, upload_id="upload")),
        reaches={  # a form is for the side that asked for it: here the buyer
            BUYER: _PARTIES[BUYER],
            SELLER: {OWN: HIDDEN, OTHERS: HIDDEN, FOREIGN: HIDDEN},
        },
    ),
    "GET /complaints/{complaint_id}/evidence/{file_id}/view": reported(_case_row(*_EVIDENCE_READERS, file_id="file")),
    "GET /complaints/{complaint_id}/evidence/{file_id}/thumbnail": reported(
        _case_row(*_EVIDENCE_READERS, file_id="file")
    ),
    "GET /complaints/{complaint_id}/evidence/{file_id}/original": replace(
        reported(_case_row(*_EVIDENCE_READERS, file_id="file")),
        reaches={  # an original is for who added it and for staff
            **{role: _PARTIES[role] for role in _EVIDENCE_READERS},
            SELLER: {OWN: FORBIDDEN, OTHERS: HIDDEN, FOREIGN: HIDDEN},
        },
    ),
}


_CHALLENGE = "/complaints/{complaint_id}/challenges"
COMPLAINTS |= {
    f"GET {_CHALLENGE}": reported(_case_row(*_EVIDENCE_READERS)),
    f"POST {_CHALLENGE}": _case_row(MEDIATOR, SUPERVISOR, body=lambda _: {"side": "buyer", "text": "The label."}),
    f"POST {_CHALLENGE}/{{challenge_id}}/opening": reported(_case_row(BUYER, SELLER, challenge_id="challenge")),
    f"POST {_CHALLENGE}/{{challenge_id}}/photo": replace(
        reported(_case_row(BUYER, SELLER, challenge_id="challenge")), files={"photo": b"a photo"}
    ),
    f"POST {_CHALLENGE}/{{challenge_id}}/judgement": _case_row(
        MEDIATOR, SUPERVISOR, body=lambda _: {"verdict": "in_frame"}, challenge_id="challenge"
    ),
    f"POST {_CHALLENGE}/{{challenge_id}}/withdrawal": _case_row(MEDIATOR, SUPERVISOR, challenge_id="challenge"),
}


def _dispute_row(*roles: Role, body: Callable[[World], Any] | None = None) -> Row:
    reaches = {role: _PARTIES[role] for role in roles}
    return Row(may=frozenset(roles), body=body, things={"dispute_id": "dispute"}, reaches=reaches)


_DISPUTE_READERS = (BUYER, SELLER, MEDIATOR, SUPERVISOR, REGULATOR, OPERATOR)

DISPUTES = {
    "POST /complaints/{complaint_id}/escalation": _case_row(BUYER, MEDIATOR, SUPERVISOR),
    "GET /disputes": Row(may=frozenset(_DISPUTE_READERS)),
    "GET /disputes/{dispute_id}": _dispute_row(*_DISPUTE_READERS),
    "POST /disputes/{dispute_id}/assignment": _dispute_row(MEDIATOR, SUPERVISOR, body=lambda _: {}),
    "POST /disputes/{dispute_id}/ruling": Row(  # only the mediator who has the case rules
        may=frozenset({MEDIATOR, SUPERVISOR}),
        body=lambda _: {"buyer": {"amount_minor": 14_400, "currency": "CNY"}, "reasons": "Some were dry."},
        things={"dispute_id": "dispute"},
        reaches={
            MEDIATOR: {OWN: LET_IN, OTHERS: FORBIDDEN, FOREIGN: HIDDEN},
            SUPERVISOR: {OWN: FORBIDDEN, OTHERS: FORBIDDEN, FOREIGN: HIDDEN},
        },
    ),
    "POST /disputes/{dispute_id}/acceptance": _dispute_row(BUYER, SELLER),
}

_SIGNAL_READERS = frozenset({SELLER, MEDIATOR, SUPERVISOR, REGULATOR})


def _signal_decision(**body: str) -> Row:
    """Signals cross tenants: mediators and supervisors of `commons` decide about all of them."""
    roles = frozenset({MEDIATOR, SUPERVISOR})
    reaches = dict.fromkeys(roles, ALL_SEEN)
    return Row(may=roles, body=lambda _: body, things={"signal_id": "signal"}, reaches=reaches, for_commons=True)


RECALLS = {
    "GET /signals": Row(may=_SIGNAL_READERS),
    "GET /signals/{signal_id}": Row(
        may=_SIGNAL_READERS,
        things={"signal_id": "signal"},
        reaches={**dict.fromkeys(_SIGNAL_READERS, ALL_SEEN), SELLER: OWN_SEEN},
        for_commons=True,
    ),
    "POST /signals/{signal_id}/confirmation": _signal_decision(explanation="Three buyers name it."),
    "POST /signals/{signal_id}/lift": _signal_decision(reason="not_the_product"),
}


def _report_row(*roles: Role) -> Row:
    """Regulators and operators see every report, others those that they asked for."""
    seen = {REGULATOR: ALL_SEEN, OPERATOR: ALL_SEEN, MEDIATOR: OWN_SEEN, SUPERVISOR: OWN_SEEN}
    reaches = {role: seen[role] for role in roles}
    return Row(may=frozenset(roles), things={"report_id": "report"}, reaches=reaches, for_commons=True)


REPORTING = {
    "GET /reports": Row(may=frozenset({MEDIATOR, SUPERVISOR, REGULATOR, OPERATOR})),
    "POST /reports": Row(
        may=frozenset({MEDIATOR, SUPERVISOR, REGULATOR}),
        body=lambda world: {"kind": "batch_dossier", "subject_id": str(world.things["batch", OTHERS])},
        for_commons=True,
    ),
    "GET /reports/{report_id}": _report_row(MEDIATOR, SUPERVISOR, REGULATOR, OPERATOR),
    "GET /reports/{report_id}/pdf": _report_row(MEDIATOR, SUPERVISOR, REGULATOR),
}

PERMISSIONS: Mapping[str, Row] = {
    **ACCOUNTS,
    **SELLERS,
    **BATCHES,
    **ESCROW,
    **ORDERS,
    **COMPLAINTS,
    **DISPUTES,
    **RECALLS,
    **REPORTING,
}
"""Method and path below /api/v1 -> expectation."""
