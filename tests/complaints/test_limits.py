"""Limits over time by person, device and address: counted in the database, with a time, and no wider than needed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from service.accounts.devices import DEVICE_COOKIE, Source, counted_address, device_cookie, known_device
from service.app import Service, assemble, create_app
from service.complaints.limits import Counter
from service.core.actor import Role
from service.core.errors import TooMany
from service.db.session import Database
from service.settings import Settings
from tests.complaints.attaching import form, png, upload
from tests.complaints.conftest import Cases
from tests.files.pictures import quarters, saved
from tests.world import Whose

KINDS = ("limit_complaints_person", "limit_complaints_address")


async def use_up(cases: Cases, kind: str) -> None:
    """Say that what is left of a limit was used just now."""
    [row] = await cases.sql("SELECT value FROM policy WHERE name = :kind", kind=kind)
    await cases.sql("UPDATE attempt SET tries = :tries WHERE kind = :kind", tries=row.value, kind=kind)


def says_when(answer: httpx.Response, limit: str) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["facts"]["limit"]) == (429, "limit_used_up", limit), (
        answer.text
    )
    assert answer.headers["retry-after"] == str(problem["facts"]["retry_after_seconds"])
    assert 0 < problem["facts"]["retry_after_seconds"] <= 86_400
    assert datetime.fromisoformat(problem["facts"]["retry_at"]).tzinfo == UTC


async def test_a_person_begins_so_many_complaints_a_day_and_others_go_on(cases: Cases, clock: Any) -> None:
    order_id = await cases.order()
    await cases.draft(order_id)
    await use_up(cases, "limit_complaints_person")
    answer = await cases.send("", {"order_id": str(order_id)})
    says_when(answer, "limit_complaints_person")
    assert len((await cases.get(f"?order_id={order_id}"))["data"]) == 1, "the refusal made no draft"
    other = await cases.send("", {"product_text": "Soap"}, by=cases.who(Role.BUYER, Whose.OTHERS))
    assert other.status_code == 201
    clock.forward(timedelta(seconds=answer.json()["facts"]["retry_after_seconds"]))
    assert (await cases.send("", {"order_id": str(order_id)})).status_code == 201


async def test_an_addresss_limit_stops_everybody_there(cases: Cases) -> None:
    await cases.draft()
    await use_up(cases, "limit_complaints_address")
    says_when(await cases.send("", {}, by=cases.who(Role.BUYER, Whose.OTHERS)), "limit_complaints_address")


async def test_entries_and_files_are_counted_for_what_they_are(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    await cases.ok(f"/{case['id']}/entries", {"text": "More."})
    await use_up(cases, "limit_entries_person")
    says_when(await cases.send(f"/{case['id']}/entries", {"text": "More."}), "limit_entries_person")
    assert len((await cases.case(case["id"]))["entries"]) == 1
    assert (await upload(cases, case["id"], form(png(), saved(quarters(80, 60), "PNG")))).status_code == 201
    [row] = await cases.sql("SELECT tries FROM attempt WHERE kind = 'limit_files_person'")
    assert row.tries == 2, "each file counts"
    await use_up(cases, "limit_files_person")
    says_when(await upload(cases, case["id"], form(png())), "limit_files_person")


async def test_sending_is_counted_by_its_beginning_so_a_claim_is_never_refused_for_a_limit(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    for kind in KINDS:
        await use_up(cases, kind)
    assert (await cases.ok(f"/{case_id}/submission"))["status"] == "with_seller"


def counter(database: Database, source: Source) -> Counter:
    return Counter(database, source, "a secret of the test")


async def test_what_a_device_is_refused_does_not_count_for_its_address(cases: Cases) -> None:
    person, device = cases.buyer.person_id, "device-1"
    await cases.sql("UPDATE policy SET value = 3 WHERE name = 'limit_complaints_device'")
    mine = counter(cases.database, Source(person, device, "203.0.113.7"))
    for _ in range(3):
        await mine.count("complaints")
    for _ in range(5):
        with pytest.raises(TooMany) as refused:
            await mine.count("complaints")
        assert refused.value.facts["limit"] == "limit_complaints_device"
    tries = {row.kind: row.tries for row in await cases.sql("SELECT kind, tries FROM attempt")}
    assert tries["limit_complaints_address"] == 3
    await counter(cases.database, Source(person, "device-2", "203.0.113.7")).count("complaints")


async def test_a_limit_holds_over_several_processes(cases: Cases, service: Service) -> None:
    """Two pools of connections count at once: exactly as many as the policy says get through."""
    await cases.sql("UPDATE policy SET value = 7 WHERE name = 'limit_entries_person'")
    other = Database(service.settings.database_url)
    try:
        sources = [Source(cases.buyer.person_id, None, f"198.51.100.{number}") for number in range(20)]
        counters = [counter((cases.database, other)[number % 2], source) for number, source in enumerate(sources)]
        found = await asyncio.gather(*(each.count("entries") for each in counters), return_exceptions=True)
    finally:
        await other.close()
    assert [type(each) for each in found].count(type(None)) == 7
    assert {type(each) for each in found} == {type(None), TooMany}


async def test_no_window_outlasts_its_utc_day(cases: Cases, clock: Any) -> None:
    [row] = await cases.sql("SELECT fairhold_now() AS now")
    midnight = row.now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)
    clock.forward(midnight - row.now - timedelta(minutes=10))
    await cases.sql("UPDATE policy SET value = 1 WHERE name = 'limit_entries_person'")
    mine = counter(cases.database, Source(cases.buyer.person_id, None, "203.0.113.7"))
    await mine.count("entries")
    with pytest.raises(TooMany) as refused:
        await mine.count("entries")
    assert 0 < refused.value.facts["retry_after_seconds"] <= 600
    clock.forward(timedelta(minutes=11))
    await mine.count("entries")


def test_a_devices_mark_is_ours_or_none() -> None:
    settings = Settings(secret="a secret for tests only, long enough")
    mark = str(device_cookie(settings, is_secure=True).value)
    assert known_device(mark, settings.secret) == mark
    for wrong in ("", ".", mark[:-1], mark + "0", mark.replace(".", ""), "0." + mark.partition(".")[2], "é.é"):
        assert known_device(wrong, settings.secret) is None
    assert known_device(mark, "another secret") is None
    cookie = device_cookie(settings, is_secure=True)
    assert (cookie.key, cookie.max_age, cookie.httponly, cookie.secure) == (DEVICE_COOKIE, 86_400, True, True)


async def test_counting_waits_for_no_second_connection(cases: Cases, settings: Settings) -> None:
    case = await cases.filed(await cases.order())
    one = Settings(**{name: getattr(settings, name) for name in settings.__struct_fields__} | {"database_pool_max": 1})
    parts = assemble(one)
    transport = httpx.ASGITransport(app=create_app(one, parts), raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver.local") as client:
            for path, body in (("", {}), (f"/{case['id']}/entries", {"text": "More."})):
                headers = {**cases.buyer.by_key, "idempotency-key": f"once{path}"}
                first, again = [
                    await client.post(f"/api/v1/complaints{path}", json=body, headers=headers) for _ in range(2)
                ]
                assert (first.status_code, again.content) == (201, first.content), first.text
                assert again.headers["idempotency-replayed"] == "true"
    finally:
        await parts.close()
    tries = {row.kind: row.tries for row in await cases.sql("SELECT kind, tries FROM attempt")}
    assert (tries["limit_complaints_person"], tries["limit_entries_person"]) == (2, 1), "a second sending is no use"


async def test_a_limit_of_none_at_all_lets_nobody_through(cases: Cases) -> None:
    await cases.sql("UPDATE policy SET value = 0 WHERE name = 'limit_entries_device'")
    mine = counter(cases.database, Source(cases.buyer.person_id, "device-1", "203.0.113.7"))
    with pytest.raises(TooMany) as refused:
        await mine.count("entries")
    assert refused.value.facts["limit"] == "limit_entries_device"


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_all_addresses_of_one_connection_count_as_one(host: str, counted: str) -> None:
    assert counted_address(host) == counted
