"""Schemathesis against the real service: whatever is sent, the answer is one that the document describes, never a 500.

Six people send requests that fit the document and requests that do not. Most requests name things that are there, so
that they get further than "not found". The seed is printed with a failure; `SCHEMATHESIS_SEED=n` sends the same again.

Schemathesis' own pytest plugin does not run on pytest 9.2 (`Function` has no `_nodeid`), so its test builder is called
here, which the plugin calls too.
"""

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.core.actor import Role
from tests.api.conftest import SEED
from tests.furnished import Furnished
from tests.world import Whose, World

EXAMPLES, EXAMPLES_FULL = 2, 12
LOG_SHOWN_MAX = 6_000
ROLES = (Role.PLATFORM, Role.SELLER, Role.BUYER, Role.MEDIATOR, Role.REGULATOR, Role.OPERATOR)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
THINGS = {
    "order_id": "order", "hold_id": "hold", "seller_id": "seller", "agent_id": "seller", "from_seller_id": "seller",
    "to_seller_id": "seller", "product_id": "product", "batch_id": "batch", "subject_id": "batch",
    "complaint_id": "complaint", "offer_id": "offer", "file_id": "file", "dispute_id": "dispute",
    "signal_id": "signal", "report_id": "report", "payment_id": "payment", "payout_id": "payout",
    "block_id": "payout_block", "challenge_id": "challenge",
}  # fmt: skip
"""Names of ids -> kinds of things. Keys and grants are not among them: one does not saw off one's own branch."""


def operations_for(address: str, role: Role, examples: int) -> list[Any]:
    """The operations for this role, the platform taking those that are for all too.

    Each operation's limits are tried one by one ("coverage") by the first of the roles that may ask; the other roles
    send chance requests only.
    """
    found = []
    for tries_limits in (True, False):
        phases = {"coverage": {"enabled": tries_limits, "unexpected-methods": []}, "stateful": {"enabled": False}}
        generation = {"with-security-parameters": False, "max-examples": examples, "no-shrink": True}
        config = SchemathesisConfig.from_dict({"seed": SEED, "phases": phases, "generation": generation})
        schema: Any = schemathesis.openapi.from_url(f"{address}/api/schema", config=config)
        found += [
            each.ok()
            for each in schema.get_all_operations()
            if (asked_by := who_asks(each.ok())) and role in asked_by and (asked_by[0] is role) == tries_limits
        ]
    return found


def who_asks(operation: Any) -> list[Role]:
    """Which of the roles may ask for it. What everybody may, the platform asks for."""
    allowed = operation.definition.raw["x-allowed-to"]
    return [Role.PLATFORM] if {"anyone", "signed_in"} & set(allowed) else [each for each in ROLES if each in allowed]


@pytest.mark.timeout(900)  # on a busy machine; alone it takes a quarter of a minute
@pytest.mark.parametrize("examples", [EXAMPLES, pytest.param(EXAMPLES_FULL, marks=pytest.mark.full)])
@pytest.mark.parametrize("role", ROLES)
def test_every_answer_is_one_that_the_document_describes(
    role: Role, examples: int, address: str, furnished: Furnished, served_from: Path
) -> None:
    operations = operations_for(address, role, examples)
    failures = []
    with requests.Session() as session:

        def ask_as_role(case: Any) -> None:
            ask(case, role, furnished.world, session)

        for operation in operations:
            test = build_operation_test(
                config=operation.schema.config,
                operation=operation,
                test_func=ask_as_role,
                given_kwargs={},
                feedback=FeedbackSources(),
            )
            try:
                test()
            except (Exception, BaseExceptionGroup) as failure:  # noqa: BLE001 - all operations are asked before it is told
                failures.append(f"{operation.label}: {failure}")
    logged = (served_from / "errors.log").read_text("utf-8", "replace")[-LOG_SHOWN_MAX:]
    assert failures == [], "\n\n".join([*failures, logged])


def ask(case: Any, role: Role, world: World, session: requests.Session) -> None:
    """Send the case as this role, with things of its own in most places, and check the answer."""
    chance = random.Random(repr((SEED, case.method, case.path, case.path_parameters, case.query, case.body)))
    if chance.random() < 0.75:
        case.path_parameters = with_things(case.path_parameters, world, role)
        case.query = with_things(case.query, world, role)
        case.body = with_things(case.body, world, role)
    answer = case.call(headers=world.account(role).by_key, session=session)
    case.validate_response(answer, checks=CHECKS)


def with_things(part: Any, world: World, role: Role) -> Any:
    """Put ids of things that are there in place of those that are right in form."""
    if not hasattr(part, "items"):
        return part
    changed = copy.copy(part)
    for name, value in part.items():
        if name in THINGS and isinstance(value, str) and len(value) == 36:
            changed[name] = str(world.thing(THINGS[name], Whose.OWN, role))
        elif isinstance(value, dict):
            changed[name] = with_things(value, world, role)
    return changed
