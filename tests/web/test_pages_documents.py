"""Documents among the evidence, on the pages: there for everybody of the case, opened by whoever may open originals."""

from uuid import UUID

import pytest

from service.core.actor import SYSTEM
from service.files.actions import erase_case_files
from service.web.language import Language
from tests.complaints.attaching import form, png, upload
from tests.files.documents import pdf
from tests.web.desks import Cases, Desk, cases, desk

__all__ = ["cases", "desk"]


@pytest.mark.parametrize(("language", "said"), [("en", ("Document", "3 pages")), ("zh", ("文档", "3 页"))])
async def test_all_of_a_case_see_that_a_document_is_there_and_the_other_side_does_not_open_it(
    cases: Cases, desk: Desk, language: Language, said: tuple[str, str]
) -> None:
    case = await cases.filed(await cases.order())
    document = pdf(3)
    assert (await upload(cases, case["id"], form(document))).status_code == 201
    (kept,) = (await cases.case(case["id"]))["evidence"]
    address = f"/evidence/{kept['file_id']}/original"
    for account, path, opens in (
        (cases.buyer, "/cases/", True),
        (cases.seller, "/seller/cases/", False),
        (cases.mediator, "/mediator/cases/", True),
    ):
        page = await desk(account, language).open(path + case["reference"])
        text = page.text.replace("\u00a0", " ")
        assert (page.status, [words in text for words in said]) == (200, [True, True]), path
        assert f"/evidence/{kept['file_id']}/small" not in page.page, path
        assert (f'href="{address}"' in page.page) is opens, path
        got = await page.client.get(address)
        assert got.status_code == (200 if opens else 403), path
        if opens:
            assert got.content == document
            assert got.headers["content-disposition"].startswith("attachment")
            assert got.headers["cache-control"] == "private, no-store"
            assert "sandbox" in got.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("language", "photo", "files", "none"),
    [
        ("en", "Photos 1 photo ", "Photos 2 files ", "Photos 0 photos "),
        ("zh", "照片 1 张照片 ", "照片 2 个文件 ", "照片 0 张照片 "),
    ],
)
async def test_the_last_page_before_sending_counts_no_document_as_a_photo_and_nothing_that_was_erased(
    cases: Cases, desk: Desk, language: Language, photo: str, files: str, none: str
) -> None:
    draft = await cases.draft(await cases.order())
    browser = desk(cases.buyer, language)
    for content, said in ((png(), photo), (pdf(1), files)):
        assert (await upload(cases, draft, form(content))).status_code == 201
        await browser.open(f"/file/{draft}/check")
        assert said in browser.text.replace("\u00a0", " ")
    async with cases.database.begin() as tx:
        assert await erase_case_files(tx, SYSTEM, UUID(draft), now=await tx.now()) == 2
    await browser.open(f"/file/{draft}/check")
    assert none in browser.text.replace("\u00a0", " ")


async def test_a_document_in_a_draft_is_shown_without_a_picture_and_can_be_removed(cases: Cases, desk: Desk) -> None:
    draft = await cases.draft(await cases.order())
    browser = await desk(cases.buyer).open(f"/file/{draft}/photos")
    chosen = [("photos", ("receipt.pdf", pdf(1), "application/pdf"))]
    await browser.answer({"add": "yes"}, files=chosen, form=browser.form("photos"))
    (kept,) = (await cases.case(draft))["evidence"]
    assert "Document" in browser.text
    assert f"/evidence/{kept['file_id']}/small" not in browser.page
    assert f"/file/{draft}/photos/{kept['file_id']}/removal" in browser.page
