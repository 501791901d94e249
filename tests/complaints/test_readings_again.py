"""Photos that the reading process failed, or that no job has read, are queued again; a few times, not for ever."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.app import Service
from service.complaints.evidence import remove
from service.complaints.recognise.reader import Recogniser
from service.complaints.recognise.work import (
    AGAIN_AFTER,
    LANES,
    LOOKED_FOR,
    TRIES_MAX,
    queue_unread,
    read_evidence,
    read_photo,
)
from service.core.actor import SYSTEM
from service.core.errors import Unavailable
from service.files.actions import erase_case_files
from service.files.intake import VIEW, view_name
from service.files.store import Store
from tests.complaints.conftest import Cases
from tests.complaints.labels import label
from tests.complaints.test_readings import job, offer, photo
from tests.conftest import Clock
from tests.files.documents import pdf

FAILED, READ = [("crashed", 1)], [(None, 2)]


async def tried(cases: Cases) -> list[tuple[str | None, int]]:
    found = await cases.sql("SELECT failure, tries FROM complaint_photo_reading ORDER BY file_id")
    return [tuple(row) for row in found]


async def queued(cases: Cases) -> list[str]:
    """The photos that the sweep queues, which are then forgotten again."""
    async with cases.database.begin() as tx:
        assert await queue_unread(tx) == 0
    found = await cases.sql(
        "DELETE FROM procrastinate_jobs WHERE task_name = 'complaints.read_photo' RETURNING args->>'file_id', lock"
    )
    assert {row[1] for row in found} <= {"complaints.read_photo.again"}
    return sorted(row[0] for row in found)


async def test_a_reading_that_failed_is_tried_again_after_an_hour_and_replaced(
    cases: Cases, service: Service, clock: Clock, odd: Recogniser, dying: Recogniser
) -> None:
    case_id = await cases.draft(await cases.order())
    file_id = await photo(cases, case_id)
    await job(cases, service, case_id, file_id, dying)
    await job(cases, service, case_id, file_id, odd)  # the same job, delivered again
    assert (await tried(cases), await queued(cases)) == (FAILED, [])
    clock.forward(AGAIN_AFTER)
    assert await queued(cases) == [file_id]
    await job(cases, service, case_id, file_id, odd)
    assert await tried(cases) == READ
    (one,) = (await cases.get(f"/{case_id}/readings"))["photos"]
    assert (one["state"], one["failure"], one["engine"]) == ("read", None, "odd 1")
    clock.forward(AGAIN_AFTER)
    assert await queued(cases) == []
    await job(cases, service, case_id, file_id, dying)
    assert await tried(cases) == READ
    assert (await cases.events(case_id)).count("complaint.photo_read") == 2


async def test_a_photo_that_always_fails_is_given_up_after_so_many_tries(
    cases: Cases, service: Service, clock: Clock, odd: Recogniser, dying: Recogniser
) -> None:
    case_id = await cases.draft(await cases.order())
    file_id = await photo(cases, case_id)
    await job(cases, service, case_id, file_id, dying)
    for tries in range(2, TRIES_MAX + 1):
        clock.forward(AGAIN_AFTER)
        assert await queued(cases) == [file_id]
        await job(cases, service, case_id, file_id, dying)
        assert await tried(cases) == [("crashed", tries)]
    clock.forward(AGAIN_AFTER)
    assert await queued(cases) == []
    await job(cases, service, case_id, file_id, odd)
    assert await tried(cases) == [("crashed", TRIES_MAX)]


@pytest.mark.parametrize("failure", ["unreadable", "damaged"])
async def test_what_lies_with_the_photo_is_not_tried_again(cases: Cases, clock: Clock, failure: str) -> None:
    case_id = await cases.draft(await cases.order())
    file_id = await photo(cases, case_id)
    await cases.sql(
        "INSERT INTO complaint_photo_reading (file_id, tenant_id, complaint_id, failure, others, at)"
        " SELECT :file_id, tenant_id, id, :failure, '[]', fairhold_now() FROM complaint WHERE id = :case_id",
        file_id=file_id,
        case_id=case_id,
        failure=failure,
    )
    clock.forward(AGAIN_AFTER)
    assert await queued(cases) == []


async def test_a_photo_whose_job_gave_up_is_queued_and_a_document_or_a_removed_one_is_not(
    cases: Cases, clock: Clock
) -> None:
    case_id = await cases.draft(await cases.order())
    unread, read, removed = [await photo(cases, case_id, label(word)) for word in ("unread", "read", "removed")]
    await photo(cases, case_id, pdf(1))
    await offer(cases, case_id, read)
    buyer = await cases.actor(cases.buyer)
    async with cases.database.begin() as tx:
        await remove(tx, buyer, UUID(case_id), UUID(removed), now=await tx.now())
    assert await queued(cases) == []  # its own job may still come
    clock.forward(AGAIN_AFTER)
    assert await queued(cases) == [unread]
    clock.forward(LOOKED_FOR - AGAIN_AFTER - timedelta(minutes=1))
    assert await queued(cases) == [unread]
    clock.forward(timedelta(minutes=2))
    assert await queued(cases) == []


async def test_a_photo_that_waits_already_is_not_queued_twice_and_an_erased_one_not_at_all(
    cases: Cases, clock: Clock
) -> None:
    case_id = await cases.draft(await cases.order())
    await photo(cases, case_id)
    clock.forward(AGAIN_AFTER)
    for _ in range(2):
        async with cases.database.begin() as tx:
            await queue_unread(tx)
    assert len(await queued(cases)) == 1
    async with cases.database.begin() as tx:
        assert await erase_case_files(tx, SYSTEM, UUID(case_id), now=await tx.now()) == 1
    assert await queued(cases) == []


async def test_a_view_that_the_store_has_lost_is_recorded_as_damaged(
    cases: Cases, service: Service, odd: Recogniser
) -> None:
    case_id = await cases.draft(await cases.order())
    file_id = await photo(cases, case_id)
    found = await cases.sql("SELECT object_name FROM stored_file WHERE id = :id", id=file_id)
    await service.store.delete_view(view_name(found[0].object_name, VIEW))
    await job(cases, service, case_id, file_id, odd)
    assert await tried(cases) == [("damaged", 1)]


async def test_a_photo_that_the_storage_does_not_give_leaves_its_lane_to_the_others(
    cases: Cases, service: Service, odd: Recogniser
) -> None:
    async def taken(store: Store) -> tuple[str, dict[str, Any]]:
        """Run the one job that waits as a worker does; return its lane and what it says."""
        ((lane, told),) = await cases.sql(
            "UPDATE procrastinate_jobs SET status = 'doing'"
            " WHERE task_name = 'complaints.read_photo' AND status = 'todo' RETURNING lock, args"
        )
        await read_photo(told, database=cases.database, store=store, ring=service.ring, recogniser=odd)
        return lane, told

    case_id = await cases.draft(await cases.order())
    file_id = await photo(cases, case_id)
    await read_evidence({"subject_id": case_id, "facts": {"file_ids": [file_id]}}, database=cases.database)
    keys = (service.settings.s3_access_key, service.settings.s3_secret_key)
    down = Store("127.0.0.1:9", *keys, secure=False, prefix="none")
    try:
        lane, _ = await taken(down)
        assert lane == f"complaints.read_photo.{UUID(file_id).int % LANES}"
        with pytest.raises(Unavailable) as refused:
            await taken(down)
    finally:
        down.close()
    assert (refused.value.code, await tried(cases)) == ("storage_unavailable", [])
    await cases.sql("UPDATE procrastinate_jobs SET status = 'todo' WHERE lock = 'complaints.read_photo.again'")
    lane, told = await taken(service.store)
    assert (lane, told["file_id"], await tried(cases)) == ("complaints.read_photo.again", file_id, [(None, 1)])
