"""The demonstration's first step again and again on one home."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.core.actor import COMMONS
from service.samples.driver.registering import register
from service.samples.driver.stage import Stage, Step
from service.samples.people import DemoAccount, demonstration_people
from service.sellers.actions import SELLERS_PER_PERSON_MAX
from service.settings import Settings
from tests.processes import Processes, on_real_ports, processes

pytestmark = pytest.mark.timeout(200)


@pytest.fixture
def running(settings: Settings, tmp_path: Path) -> Iterator[tuple[Processes, list[DemoAccount]]]:
    """The service as a process, and the demonstration's people."""
    accounts = asyncio.run(demonstration_people(settings))
    with processes(on_real_ports(settings, tmp_path), tmp_path) as parts:
        parts.start("serve")
        yield parts, accounts


def test_each_run_has_a_seller_of_its_own_so_that_nobody_comes_to_the_limit_of_shops(
    running: tuple[Processes, list[DemoAccount]], tmp_path: Path
) -> None:
    parts, accounts = running
    parts.rows(
        "WITH shop AS (INSERT INTO seller SELECT uuidv7(), name, name_zh, name_key, kind, country, NULL, status,"
        " verification, registered_by, registered_at FROM seller, generate_series(2, %s) RETURNING *)"
        " INSERT INTO role_grant (id, person_id, role, tenant_id, seller_id, granted_at)"
        " SELECT uuidv7(), registered_by, 'seller', %s, id, registered_at FROM shop"
        " RETURNING id",
        SELLERS_PER_PERSON_MAX,
        COMMONS,
    )

    for _ in range(2):
        stage = Stage(parts.settings, tmp_path, accounts)
        try:
            register(stage, Step(1, "A seller registers goods"))
        finally:
            stage.close()

    shops = parts.rows(
        "SELECT p.email LIKE 'maker.%%' AS is_maker, count(*) FROM seller s JOIN person p ON p.id = s.registered_by"
        " GROUP BY p.id ORDER BY 1, 2"
    )
    assert shops == [
        {"is_maker": False, "count": SELLERS_PER_PERSON_MAX},
        {"is_maker": True, "count": 1},
        {"is_maker": True, "count": 1},
    ]
