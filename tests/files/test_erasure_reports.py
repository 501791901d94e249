"""A report that shows a photo is not served once the photo was erased; a new edition leaves it out."""

import io
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.app import Service
from service.complaints.evidence import attach, open_case
from service.core.actor import Role
from service.files.receiving import receive_all
from tests.recalls.street import Street
from tests.reporting.conftest import street
from tests.reporting.test_dossiers import Desk
from tests.web.desks import cases, desk

__all__ = ["cases", "desk", "street"]

Drain = Callable[[], Awaitable[None]]
SAID = {
    "en": "A photo in this report was erased. Ask for a new edition",
    "zh": "此报告中有照片已被删除，请申请新版报告",
}


async def shown(street: Street, service: Service, reports: Desk, drain: Drain) -> tuple[str, str]:
    """A case with a photo, and a report that shows it."""
    order_id, buyer = await street.order()
    complaint_id = await street.complain(order_id, buyer)
    actor = await street.actor(buyer)
    picture = io.BytesIO()
    Image.new("RGB", (320, 240), "green").save(picture, "JPEG")
    key = await open_case(street.database, actor, complaint_id, ring=service.ring, new=1)
    received = await receive_all(service.store, service.workshop, key, [picture])
    async with street.database.begin() as tx:
        await attach(tx, actor, complaint_id, received, retention_days=1, now=await tx.now())
    report_id = await reports.asked()
    await drain()
    return str(complaint_id), report_id


async def downloads(street: Street) -> int:
    return int((await street.sql("SELECT count(*) FROM event WHERE name = 'report.downloaded'"))[0][0])


async def erase(street: Street, client: httpx.AsyncClient, complaint_id: str) -> None:
    operator = street.world.account(Role.OPERATOR)
    answer = await client.post(
        f"/api/v1/complaints/{complaint_id}/erasure", json={"reason": "court_order"}, headers=operator.by_key
    )
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_report_with_an_erased_photo_is_refused_and_a_new_edition_has_none(
    street: Street, client: httpx.AsyncClient, drain: Drain, service: Service, desk: Any, language: str
) -> None:
    reports = Desk(street, client)
    complaint_id, report_id = await shown(street, service, reports, drain)
    assert (await reports.get(f"/{report_id}/pdf")).status_code == 200
    assert await downloads(street) == 1
    await erase(street, client, complaint_id)
    refused = await reports.get(f"/{report_id}/pdf")
    assert (refused.status_code, refused.json()["code"]) == (409, "report_erased")
    regulator = desk(street.world.account(Role.REGULATOR), language)
    page = await regulator.open(f"/regulator/reports/{report_id}/pdf")
    assert (page.status, SAID[language] in page.text) == (409, True)
    assert await downloads(street) == 1
    again = await reports.asked()
    await drain()
    assert again != report_id
    assert (await reports.get(f"/{again}/pdf")).status_code == 200
    assert len(await street.sql("SELECT * FROM report_picture")) == 1  # that of the first edition
    assert await downloads(street) == 2


async def test_what_a_report_shows_cannot_be_rewritten(
    street: Street, client: httpx.AsyncClient, drain: Drain, service: Service
) -> None:
    await shown(street, service, Desk(street, client), drain)
    assert len(await street.sql("SELECT * FROM report_picture")) == 1
    with pytest.raises(DBAPIError):
        async with street.database.begin() as tx:
            await tx.execute(text("DELETE FROM report_picture"))
    assert len(await street.sql("SELECT * FROM report_picture")) == 1
