"""Signals and reports."""

from service.core.actor import Role
from tests.permissions_table.rows import (
    ALL_SEEN,
    MEDIATOR,
    OPERATOR,
    OTHERS,
    OWN_SEEN,
    REGULATOR,
    SELLER,
    SUPERVISOR,
    Row,
)

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
