"""The block of similar photos on a case's page, for mediators and regulators in both languages."""

import re

import pytest

from service.accounts.actions import grant_role
from service.core.actor import COMMONS, Role
from service.web.language import Language
from tests.complaints.conftest import Cases, cases
from tests.complaints.test_likenesses import BOX, SACHET, case_of_the_other_tenant, listed, sent_with
from tests.files.scenes import brightened, recompressed
from tests.web.desks import Desk, desk
from tests.world import Whose

__all__ = ["cases", "desk"]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("Similar photos", "Listing of batch SY26J1807", "The same seller", "The same buyer", "The same file",
                "of 256 bits differ", "A photo of the buyer’s was shown in a listing before",
                "A photo also appears in 1 other complaint")),
        ("zh", ("相似照片", "批次 SY26J1807 的商品展示", "同一卖家", "同一买家", "同一文件", "256 位中有",
                "照片也出现在另外 1 件投诉中")),
    ],
)  # fmt: skip
async def test_a_mediator_sees_where_a_photo_was_before_and_opens_it(
    cases: Cases, desk: Desk, language: Language, said: tuple[str, ...]
) -> None:
    (shown,) = await listed(cases, SACHET)
    first = await sent_with(cases, "WX-1", BOX)
    case = await sent_with(cases, "WX-2", brightened(BOX), SACHET)
    mediator = await desk(cases.mediator, language).open(f"/mediator/cases/{case['reference']}")
    text = mediator.text.replace("\u00a0", " ")
    for words in (*said, first["reference"]):
        assert words in text, words
    assert f'href="/mediator/cases/{first["reference"]}"' in mediator.page
    for path in (f"/listing-photos/{shown}/small", *re.findall(r"/evidence/[0-9a-f-]+/small", mediator.page)):
        assert path in mediator.page
        picture = await mediator.client.get(path)
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/webp"), path
    assert "complaint.likenesses_viewed" in await cases.events(case["id"])
    looked = {"en": "Evidence was looked at", "zh": "有人查看了证据"}[language]
    timeline = (await mediator.open(mediator.at)).text
    assert len(re.findall(r"/evidence/[0-9a-f-]+/small", mediator.page)) > 2
    assert timeline.count(looked) == 1


async def test_an_amount_that_is_typed_looks_for_no_photos(cases: Cases, desk: Desk) -> None:
    case = await sent_with(cases, "WX-1", BOX)
    path = f"/mediator/cases/{case['reference']}"
    mediator = await desk(cases.mediator).open(path)
    looks = (await cases.events(case["id"])).count("complaint.likenesses_viewed")
    shown = await mediator.send({"outcome": "split", "amount": "100"}, to=f"{path}/effect", form=mediator.form())
    assert shown.status_code == 200
    assert (looks, (await cases.events(case["id"])).count("complaint.likenesses_viewed")) == (1, 1)


async def test_who_reads_a_case_as_a_regulator_is_shown_no_amounts_and_looks_once(cases: Cases, desk: Desk) -> None:
    case = await sent_with(cases, "WX-1", BOX)
    path = f"/mediator/cases/{case['reference']}"
    both = cases.who(Role.MEDIATOR, Whose.FOREIGN)
    async with cases.database.begin() as tx:
        await grant_role(tx, both.person_id, Role.REGULATOR, COMMONS, now=await tx.now())
    reader = await desk(both).open(path)
    assert reader.status == 200
    values = {"outcome": "split", "amount": "100"}
    typed = await reader.send(values, to=f"{path}/effect", form=reader.form_to("/sign-out"))
    assert typed.status_code == 404
    assert (await cases.events(case["id"])).count("complaint.viewed") == 1


async def test_a_case_of_another_tenant_is_counted_on_the_page_and_shown_to_regulators(
    cases: Cases, desk: Desk
) -> None:
    theirs = await case_of_the_other_tenant(cases, BOX, recompressed(BOX))
    case = await sent_with(cases, "WX-1", BOX)
    mediator = await desk(cases.mediator).open(f"/mediator/cases/{case['reference']}")
    assert "2 copies lie in cases of other platforms, which you may not see." in mediator.text.replace("\u00a0", " ")
    assert "A photo also appears in 1 other complaint" in mediator.text.replace("\u00a0", " ")
    assert theirs["reference"] not in mediator.page
    regulator = await desk(cases.who(Role.REGULATOR)).open(f"/regulator/complaints/{case['reference']}")
    assert f'href="/regulator/complaints/{theirs["reference"]}"' in regulator.page


async def test_another_sellers_listing_is_told_from_the_own_sellers(cases: Cases, desk: Desk) -> None:
    theirs = cases.who(Role.SELLER, Whose.OTHERS)
    await listed(cases, SACHET, by=theirs, batch_id=cases.world.things["batch", Whose.OTHERS])
    case = await sent_with(cases, "WX-1", recompressed(SACHET))
    mediator = await desk(cases.mediator).open(f"/mediator/cases/{case['reference']}")
    assert "Another seller" in mediator.text


async def test_a_case_whose_photos_are_like_no_other_says_so(cases: Cases, desk: Desk) -> None:
    case = await sent_with(cases, "WX-1", BOX)
    mediator = await desk(cases.mediator).open(f"/mediator/cases/{case['reference']}")
    nothing = "No earlier photo of another case, of a listing or of another order’s packing looks like these."
    assert nothing in mediator.text
    assert "Buyer’s photos appear in no other complaint" in mediator.text


async def test_the_parties_pages_have_no_such_block(cases: Cases, desk: Desk) -> None:
    await listed(cases, BOX)
    case = await sent_with(cases, "WX-1", BOX)
    for account, path in ((cases.buyer, "/cases/"), (cases.seller, "/seller/cases/")):
        party = await desk(account).open(f"{path}{case['reference']}")
        assert (party.status, "Similar photos" in party.text, "listing-photos" in party.page) == (200, False, False)


async def test_a_listing_photo_is_shown_to_everybody_signed_in_until_it_is_taken_away(cases: Cases, desk: Desk) -> None:
    (shown,) = await listed(cases, BOX)
    buyer, nobody = desk(cases.buyer), cases.client
    path = f"/listing-photos/{shown}/small"
    assert (await buyer.client.get(path)).status_code == 200
    assert (await buyer.client.get(f"/listing-photos/{shown}/original")).status_code == 404
    sent_away = await nobody.get(path)
    assert (sent_away.status_code, sent_away.headers["location"].split("?")[0]) == (303, "/sign-in")
    taken = await cases.client.delete(
        f"/api/v1/batches/{cases.goods.batch_id}/photos/{shown}", headers=cases.seller.by_key
    )
    assert taken.status_code == 204
    assert (await buyer.client.get(path)).status_code == 404
    assert (await desk(cases.mediator).client.get(path)).status_code == 200
