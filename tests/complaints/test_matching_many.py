"""Complaints that are matched together: each as if it were alone, and none held up by another."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from service.app import Service
from service.complaints.actions import match_complaints
from service.db.session import Tx, driver_url
from tests.complaints.conftest import Cases
from tests.complaints.test_linking import register
from tests.working import JobsFailed, drain_all

SHEET_MASK: dict[str, Any] = {"product_text": "Suyum hydratng sheet mask", "lot_text": "lot: sy26-ji8o7"}
NIGHT_CREAM: dict[str, Any] = {"product_text": "Lanqi Night Repair Cream", "seller_text": "Lanqi"}


TRIES = """
SELECT complaint_id::text, (to_jsonb(m) - 'id')::text FROM complaint_match m
WHERE complaint_id = ANY(:ids) ORDER BY complaint_id, m.id
"""
COURSE = "SELECT id::text, to_jsonb(c)::text FROM complaint c WHERE id = ANY(:ids) ORDER BY id"
TOLD = """
SELECT subject_id::text, (to_jsonb(e) - '{id,seq,xid}'::text[])::text FROM event e
WHERE subject_id = ANY(:ids) AND name IN ('complaint.linked', 'complaint.unmatched') ORDER BY subject_id, seq
"""


async def written(tx: Tx, ids: Sequence[UUID]) -> list[tuple[Any, ...]]:
    """What matching wrote of the complaints, without the ids and numbers that no two rows share."""
    return [tuple(row) for query in (TRIES, COURSE, TOLD) for row in await tx.execute(text(query), {"ids": list(ids)})]


async def several(cases: Cases) -> list[UUID]:
    """Complaints of all sorts: linked by lot or order, near a lot, by name alone, by nothing, and two alike."""
    await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    await register(cases, "LQ774411", "Lanqi Night Repair Serum")
    filed = [
        await cases.filed(await cases.order("WX-1", batch=False), **SHEET_MASK),
        await cases.filed(await cases.order("WX-2")),
        await cases.filed(await cases.order("WX-3"), lot_text="LQ774410", narrative="夜间修护霜 lot LQ 774410"),
        await cases.filed(**NIGHT_CREAM, lot_text="LQ 77-4410"),
        await cases.filed(**NIGHT_CREAM, lot_text="LQ774419"),
        await cases.filed(**NIGHT_CREAM),
        await cases.filed(**NIGHT_CREAM),
        await cases.filed(product_text="Rice cooker", seller_text="Hongda"),
    ]
    return [UUID(each["id"]) for each in filed]


async def test_many_at_once_are_matched_as_one_by_one(cases: Cases) -> None:
    ids = await several(cases)
    async with cases.database.session() as tx:
        now = await tx.now()
        singly = [await match_complaints(tx, [each], now=now) for each in ids]
        rows_singly = await written(tx, ids)
        await tx.rollback()
    async with cases.database.session() as tx:
        together = await match_complaints(tx, ids, now=now)
        rows_together = await written(tx, ids)
        assert await match_complaints(tx, ids, now=now) == {
            each: outcome for each, outcome in together.items() if outcome != "linked"
        }
        assert await written(tx, ids) == rows_together  # no news
        await tx.rollback()
    assert {each: outcome for tried in singly for each, outcome in tried.items()} == together
    assert [together[each] for each in ids[:4]] == ["linked", "linked", "product_only", "linked"]
    assert set(together) == set(ids)
    assert len({*together.values()}) >= 3
    assert rows_together == rows_singly


async def test_a_draft_a_withdrawn_and_a_linked_complaint_are_left_alone(cases: Cases) -> None:
    draft = UUID(await cases.draft(product_text="Rice cooker"))
    gone = UUID((await cases.filed(**NIGHT_CREAM))["id"])
    await cases.ok(f"/{gone}/withdrawal", {})
    async with cases.database.begin() as tx:
        assert await match_complaints(tx, [draft, gone], now=await tx.now()) == {}
        assert [row[0] for row in await written(tx, [draft, gone])] == sorted([str(draft), str(gone)])


async def test_a_complaint_that_fails_holds_up_no_other_and_is_tried_again(
    cases: Cases, service: Service, owner_url: str
) -> None:
    ids = await several(cases)
    poisoned = ids[3]
    with psycopg.connect(driver_url(owner_url), autocommit=True) as owner:
        owner.execute(f"ALTER TABLE complaint_match ADD CONSTRAINT poison CHECK (complaint_id <> '{poisoned}')")
        with pytest.raises(JobsFailed, match=f"^complaints.match .*{poisoned}"):
            await drain_all(service)
        tried = await cases.sql("SELECT complaint_id FROM complaint_match WHERE complaint_id = ANY(:ids)", ids=ids)
        assert {row.complaint_id for row in tried} == set(ids) - {poisoned}
        assert (await cases.case(str(poisoned)))["match_status"] == "unmatched"
        owner.execute("ALTER TABLE complaint_match DROP CONSTRAINT poison")
        owner.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'")
    await drain_all(service)
    assert (await cases.case(str(poisoned)))["match_status"] == "linked"
    events = await cases.events(str(poisoned))
    assert (events[-1], events.count("complaint.linked")) == ("complaint.linked", 1)
