"""How long originals stay locked: the installation's time, or longer by policy for a category or jurisdiction."""

from datetime import timedelta

import psycopg
import pytest

from service.app import Service
from service.db.session import driver_url
from service.files.store import Bucket
from tests.complaints.attaching import form, png, upload
from tests.complaints.conftest import Cases, cases

__all__ = ["cases"]


def add_policy(owner_url: str, *, category: str, jurisdiction: str, days: int) -> None:
    """A new version of the policy, as somebody changes it while the service runs."""
    with psycopg.connect(driver_url(owner_url)) as owner:
        owner.execute(
            "INSERT INTO policy (id, name, category, jurisdiction, version, value, unit, effective_from)"
            " VALUES (uuidv7(), 'keep_evidence', %s, %s, 2, %s, 'seconds', '2001-01-01Z')",
            [category, jurisdiction, days * 86_400],
        )


async def kept_for(cases: Cases) -> timedelta:
    case_id = await cases.draft(await cases.order())
    assert (await upload(cases, case_id, form(png()))).status_code == 201
    found = await cases.sql(
        "SELECT f.retain_until - date_trunc('second', f.received_at) AS kept FROM stored_file f"
        " JOIN file_key k ON k.id = f.case_key_id WHERE k.case_id = :id",
        id=case_id,
    )
    kept: timedelta = found[0].kept
    return kept


async def facts_of_order(cases: Cases) -> tuple[str, str]:
    """The category of our goods and the jurisdiction of our orders."""
    await cases.order("WX-0")
    found = await cases.sql(
        'SELECT p.category, o.jurisdiction FROM "order" o JOIN product p ON p.id = o.product_id'
        " WHERE o.platform_ref = 'WX-0'"
    )
    return found[0].category, found[0].jurisdiction


async def test_without_a_policy_of_its_own_a_case_is_kept_as_long_as_the_installation_says(cases: Cases) -> None:
    assert await kept_for(cases) == timedelta(days=1)


@pytest.mark.parametrize("days", [2, 30])
async def test_a_policy_for_category_and_jurisdiction_keeps_longer_without_a_new_start(
    cases: Cases, owner_url: str, service: Service, drain: object, days: int
) -> None:
    category, jurisdiction = await facts_of_order(cases)
    add_policy(owner_url, category=category, jurisdiction=jurisdiction, days=days)
    assert await kept_for(cases) == timedelta(days=days)
    await drain()  # type: ignore[operator]  # the fixture's function
    row = (
        await cases.sql("SELECT object_name, version_id, retain_until FROM stored_file WHERE version_id IS NOT NULL")
    )[0]
    facts = await service.store.stat(Bucket.EVIDENCE, row.object_name, row.version_id)
    assert facts.locked_until == row.retain_until


async def test_a_policy_for_other_goods_and_one_that_is_shorter_change_nothing(cases: Cases, owner_url: str) -> None:
    _, jurisdiction = await facts_of_order(cases)
    add_policy(owner_url, category="toys-of-nobody", jurisdiction=jurisdiction, days=30)
    add_policy(owner_url, category="", jurisdiction="", days=0)
    assert await kept_for(cases) == timedelta(days=1)
