"""Bytes that are not what was stored are never shown: a clear problem for programs, a page for people, a log line."""

import io
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import psycopg
import pytest
from minio import Minio
from structlog.testing import capture_logs

from service.app import Service
from service.core.actor import Role
from service.files.s3 import MARK
from service.files.store import Bucket
from tests.complaints.attaching import form, png, read, upload
from tests.files.conftest import admin
from tests.recalls.street import Street
from tests.reporting.test_dossiers import Desk
from tests.web.desks import cases, desk

__all__ = ["admin", "cases", "desk"]

Drain = Callable[[], Awaitable[None]]
SAID = {
    "en": "The stored file is not as it was when it was stored, so it is not shown.",
    "zh": "存储的文件与存入时不一致，因此不予显示。",
}


async def damaged_report(reports: Desk, drain: Drain, admin: Minio, service: Service, owner_url: str) -> str:
    """A report that lies in the store with other bytes: the owner of both servers has put them there."""
    report_id = await reports.asked()
    await drain()
    ((name,),) = await reports.street.sql("SELECT object_name FROM report_file")
    bucket = f"{service.settings.s3_prefix}-{Bucket.REPORTS.value}"
    other = io.BytesIO(b"%PDF-1.7 forged")
    written = admin.put_object(bucket, name, other, length=15)
    async with await psycopg.AsyncConnection.connect(owner_url) as owner:
        await owner.execute("ALTER TABLE report_file DISABLE TRIGGER USER")
        await owner.execute("UPDATE report_file SET version_id = %s", [written.version_id])
        await owner.execute("ALTER TABLE report_file ENABLE TRIGGER USER")
    return report_id


async def test_a_damaged_report_is_a_problem_with_its_code_and_is_logged(
    street: Street, client: httpx.AsyncClient, drain: Drain, admin: Minio, service: Service, owner_url: str
) -> None:
    reports = Desk(street, client)
    report_id = await damaged_report(reports, drain, admin, service, owner_url)
    with capture_logs() as logs:
        answer = await reports.get(f"/{report_id}/pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.json()["code"] == "stored_file_damaged"
    assert b"forged" not in answer.content
    (line,) = [each for each in logs if each["event"] == "stored_file_damaged"]
    assert (line["log_level"], line["bucket"]) == ("error", Bucket.REPORTS.value)


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_person_reads_in_words_that_the_stored_report_is_damaged(
    street: Street,
    client: httpx.AsyncClient,
    drain: Drain,
    admin: Minio,
    service: Service,
    owner_url: str,
    desk: Any,
    language: str,
) -> None:
    report_id = await damaged_report(Desk(street, client), drain, admin, service, owner_url)
    regulator = desk(street.world.account(Role.REGULATOR), language)
    page = await regulator.open(f"/regulator/reports/{report_id}/pdf")
    assert (page.status, SAID[language] in page.text) == (503, True)


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_code_on_the_paper_leads_to_the_page_of_that_report(
    street: Street, client: httpx.AsyncClient, drain: Drain, desk: Any, language: str
) -> None:
    reports = Desk(street, client)
    first = await reports.asked()
    await drain()
    await street.complains()
    second = await reports.asked()
    await drain()
    shown, other = [await reports.report(each) for each in (first, second)]
    path = f"/regulator/reports?reference={shown['reference']}"
    stranger = await client.get(path)
    assert (stranger.status_code // 100, shown["reference"] in stranger.headers["location"]) == (3, True)
    page = await desk(street.world.account(Role.REGULATOR), language).open(path)
    assert page.status == 200
    assert shown["reference"] in page.text
    assert shown["pdf_sha256"] in page.text
    assert f"/regulator/reports/{first}/pdf" in page.page
    assert other["pdf_sha256"][:8] not in page.text
    unknown = await desk(street.world.account(Role.REGULATOR), language).open("/regulator/reports?reference=R-1-1")
    assert unknown.status == 404


async def test_a_damaged_photo_is_a_problem_with_its_code_for_programs_and_people(
    cases: Any, desk: Any, admin: Minio, service: Service
) -> None:
    case_id = await cases.draft(await cases.order())
    sent = await upload(cases, case_id, form(png()))
    file_id = sent.json()[0]["file_id"]
    bucket = f"{service.settings.s3_prefix}-{Bucket.VIEWS.value}"
    for each in [each for each in admin.list_objects(bucket, recursive=True) if each.object_name != MARK]:
        admin.put_object(bucket, str(each.object_name), io.BytesIO(b"x" * 100), length=100)
    with capture_logs() as logs:
        answer = await read(cases, case_id, file_id)
    assert (answer.status_code, answer.json()["code"]) == (503, "stored_file_damaged")
    assert [each["file_id"] for each in logs if each["event"] == "stored_file_damaged"] == [file_id]
    page = await desk(cases.buyer).open(f"/evidence/{file_id}/view")
    assert (page.status, SAID["en"] in page.text) == (503, True)
