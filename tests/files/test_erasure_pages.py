"""What people see of a case that was erased, in both languages."""

import pytest

from service.core.actor import Role
from service.web import paths
from tests.complaints.attaching import form, upload
from tests.complaints.conftest import STORY, Cases, cases
from tests.files.pictures import quarters, saved
from tests.files.test_erasure_http import COURT, order
from tests.web.desks import Desk, desk

__all__ = ["cases", "desk"]

A, B = (saved(quarters(320 + 16 * n, 240), "PNG") for n in range(2))
ERASED = {"en": "Erased", "zh": "已删除"}
NO_WORDS = {"en": "none were written, or they were erased", "zh": "未填写，或已被删除"}
TOLD = {"en": "The words and files of this case were erased", "zh": "此案件的文字和文件已被删除"}


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_side_sees_where_files_and_words_were_and_no_picture_is_asked_for(
    cases: Cases, desk: Desk, language: str
) -> None:
    case = await cases.filed(await cases.order())
    case_id, reference = str(case["id"]), case["reference"]
    assert (await upload(cases, case_id, form(A))).status_code == 201
    assert (await upload(cases, case_id, form(B), by=cases.seller)).status_code == 201
    pages = (
        (cases.buyer, paths.case(reference), True),
        (cases.seller, paths.seller_case(reference), False),
        (cases.mediator, paths.mediator_case(reference), True),
        (cases.who(Role.REGULATOR), paths.regulator_case(reference), True),
    )
    for account, path, _ in pages:
        page = await desk(account, language).open(path)
        assert (page.status, page.page.count('src="/evidence/'), STORY in page.text) == (200, 2, True), path
    assert (await order(cases, f"/{case_id}/erasure", COURT)).status_code == 201
    for account, path, learns in pages:
        page = await desk(account, language).open(path)
        assert (page.status, "/evidence/" in page.page.replace(f"{path}/evidence", "")) == (200, False), path
        assert (page.page.count('class="no-picture"'), STORY in page.text) == (2, False)
        assert ERASED[language] in page.text
        assert NO_WORDS[language] in page.text
        assert (TOLD[language] in page.text) is learns


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_pages_of_a_case_say_that_an_erased_picture_cannot_be_shown(
    cases: Cases, desk: Desk, language: str
) -> None:
    case_id = str((await cases.filed(await cases.order()))["id"])
    (file,) = (await upload(cases, case_id, form(A))).json()
    assert (await order(cases, f"/{case_id}/erasure", COURT)).status_code == 201
    page = await desk(cases.buyer, language).open(paths.evidence(file["file_id"]))
    said = {"en": "The files of this case were erased", "zh": "该案件的文件已删除"}
    assert (page.status, said[language] in page.text) == (409, True), page.text
