"""What people and programs are told where a malware scanner is configured."""

import httpx
import msgspec
import pytest

from service.app import Service
from service.core.actor import Role
from service.files.store import Bucket
from service.settings import Settings, SettingsWrong, read
from service.web import paths
from tests.complaints.attaching import form, upload
from tests.complaints.conftest import Cases, cases
from tests.complaints.test_uploads import ask, complete, send
from tests.files.clamds import EICAR, FakeClamd
from tests.files.pictures import quarters, saved
from tests.web.desks import Desk, desk

__all__ = ["cases", "desk"]

PHOTO = saved(quarters(64, 48), "JPEG")
INFECTED = saved(quarters(64, 48), "JPEG", comment=EICAR)
NOT_TAKEN = {
    "en": "A malware scanner recognised this file, so it was not taken.",
    "zh": "恶意软件扫描器识别出此文件有问题",
}


@pytest.fixture
def settings(settings: Settings, clamd: FakeClamd) -> Settings:
    return msgspec.structs.replace(settings, clamd=clamd.address)


async def stored(cases: Cases, case_id: str) -> tuple[int, list[str]]:
    """The files of a case, and its events."""
    return await cases.files(case_id), await cases.events(case_id)


async def test_an_upload_with_an_infected_file_is_refused_whole_and_says_which(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    before = await stored(cases, case_id)
    answer = await upload(cases, case_id, form(PHOTO, INFECTED))
    assert (answer.status_code, answer.json()["code"]) == (422, "file_infected")
    assert answer.json()["facts"]["file"] == 1
    assert "Eicar" not in answer.text  # whoever sends malware does not learn by what it was known
    assert await stored(cases, case_id) == before
    assert (await upload(cases, case_id, form(PHOTO))).status_code == 201


async def test_while_the_scanner_is_silent_no_file_is_taken_and_health_says_so(
    cases: Cases, client: httpx.AsyncClient, clamd: FakeClamd
) -> None:
    case_id = await cases.draft(await cases.order())
    assert (await client.get("/health/ready")).json()["scanner"] == "ok"
    before = await stored(cases, case_id)
    clamd.is_down = True
    answer = await upload(cases, case_id, form(PHOTO))
    assert (answer.status_code, answer.json()["code"]) == (503, "scanner_unavailable")
    assert "retry-after" in answer.headers
    assert await stored(cases, case_id) == before
    health = await client.get("/health/ready")
    assert (health.status_code, health.json()["scanner"]) == (200, "down")


async def test_an_infected_file_that_came_by_the_storage_is_taken_away_from_there_at_once(
    cases: Cases, service: Service
) -> None:
    case_id = await cases.draft(await cases.order())
    told = await ask(cases, case_id)
    assert (await send(told, INFECTED)).status_code == 204
    ((name,),) = await cases.sql("SELECT object_name FROM upload")
    refused = await complete(cases, case_id, told)
    assert (refused.status_code, refused.json()["code"]) == (422, "file_infected")
    assert name not in await service.store.list_names(Bucket.UPLOADS)
    assert await cases.files(case_id) == 0
    assert (await send(told, PHOTO)).status_code == 204
    assert (await complete(cases, case_id, told)).status_code == 200


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_person_reads_why_a_photo_was_not_taken(cases: Cases, desk: Desk, language: str) -> None:
    draft = await cases.draft(await cases.order())
    browser = desk(cases.buyer, language)
    await browser.open(f"/file/{draft}/photos")
    files = [("photos", ("a.jpg", INFECTED, "image/jpeg"))]
    await browser.answer({"add": "yes"}, files=files, form=browser.form("photos"))
    assert any(NOT_TAKEN[language] in each for each in browser.errors), browser.text
    assert await cases.files(draft) == 0


@pytest.mark.parametrize(("language", "name"), [("en", "Malware scanner"), ("zh", "恶意软件扫描器")])
async def test_an_operator_sees_whether_the_scanner_answers(
    cases: Cases, desk: Desk, language: str, name: str, clamd: FakeClamd
) -> None:
    browser = desk(cases.who(Role.OPERATOR), language)
    assert name in (await browser.open(paths.OPERATOR)).text


def test_an_address_that_is_none_is_named_among_the_wrong_settings() -> None:
    with pytest.raises(SettingsWrong, match="FAIRHOLD_CLAMD"):
        read({"FAIRHOLD_CLAMD": "somewhere"})
    for address in ("scanner:3310", "[::1]:3310", "unix:/run/clamav/clamd.ctl"):
        assert read({"FAIRHOLD_CLAMD": address}).clamd == address
