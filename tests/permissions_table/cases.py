"""Complaints with their evidence, and disputes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from service.core.actor import Role
from tests.permissions_table.rows import (
    BUYER,
    EVERY_ROLE,
    FORBIDDEN,
    FOREIGN,
    HIDDEN,
    LET_IN,
    MEDIATOR,
    OPERATOR,
    OTHERS,
    OWN,
    PARTIES,
    REGULATOR,
    SELLER,
    SUPERVISOR,
    Outcome,
    Row,
    party_row,
    reported,
)
from tests.world import World


def _case_row(*roles: Role, body: Callable[[World], Any] | None = None, **things: str) -> Row:
    return party_row(*roles, body=body, **{"complaint_id": "complaint", **things})


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
    "GET /matching": Row(may=frozenset({OPERATOR, SUPERVISOR})),
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
    "DELETE /complaints/{complaint_id}/evidence/{file_id}": _case_row(BUYER, file_id="file"),
    "POST /complaints/{complaint_id}/uploads": reported(_case_row(BUYER, SELLER, body=lambda _: {})),
    "POST /complaints/{complaint_id}/uploads/{upload_id}/completion": replace(
        reported(_case_row(BUYER, SELLER, upload_id="upload")),
        reaches={  # a form is for the side that asked for it: here the buyer
            BUYER: PARTIES[BUYER],
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
            **{role: PARTIES[role] for role in _EVIDENCE_READERS},
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
    return party_row(*roles, body=body, dispute_id="dispute")


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
