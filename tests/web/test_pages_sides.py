"""The pages of packing photos and of photos with a code, as people without JavaScript use them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.core.actor import Role
from service.web.language import Language
from tests.complaints.attaching import form, upload
from tests.complaints.conftest import Cases
from tests.complaints.test_sides import packed_order
from tests.conftest import Clock
from tests.files.pictures import noise, quarters, saved
from tests.web.browsing import Browser
from tests.web.desks import Desk
from tests.world import Whose

PHOTO = saved(quarters(80, 60), "PNG")
WORDS = "The label, with the lot code."


def files(*contents: bytes, field: str = "photos") -> list[tuple[str, tuple[str, bytes, str]]]:
    return [(field, (f"{place}.png", content, "image/png")) for place, content in enumerate(contents)]


def ship_page(order_id: UUID) -> str:
    return f"/seller/orders/{order_id}/shipment"


async def asked(cases: Cases, desk: Desk, case: dict[str, Any], side: str = "buyer") -> Browser:
    """A mediator's browser after asking a side for a photo."""
    mediator = await desk(cases.mediator).open(f"/mediator/cases/{case['reference']}")
    return await mediator.answer({"asked_side": side, "asked_text": WORDS})


async def challenge(cases: Cases, case: dict[str, Any]) -> dict[str, Any]:
    (found,) = await cases.get(f"/{case['id']}/challenges")
    return dict(found)


@pytest.mark.parametrize(
    ("language", "heading", "kept"),
    [("en", "Packing photos", "Your packing photos are kept."), ("zh", "装箱照片", "装箱照片已保存。")],
)
async def test_a_seller_adds_packing_photos_and_then_sends_the_order(
    cases: Cases, desk: Desk, language: Language, heading: str, kept: str
) -> None:
    order_id = await cases.order(batch=False)
    seller = await desk(cases.seller, language).open(ship_page(order_id))
    assert heading in seller.text
    await seller.answer({}, files=files(PHOTO), form=seller.form("photos"))
    assert (seller.status, seller.at, kept in seller.text) == (200, ship_page(order_id), True)
    (file_id,) = [row.file_id for row in await cases.sql("SELECT file_id FROM order_packing_photo")]
    picture = await seller.client.get(f"/evidence/{file_id}/small")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/webp")
    batch = str(cases.goods.batch_id)
    await seller.answer({"batch": batch, "carrier": "sandbox", "tracking_number": "SB-PACKED"})
    (shipped,) = await cases.sql("SELECT facts FROM event WHERE name = 'order.shipped'")
    assert [each["file_id"] for each in shipped.facts["packing"]] == [str(file_id)]
    assert heading not in (await seller.open(ship_page(order_id))).text
    assert (await desk(cases.buyer).open(f"/evidence/{file_id}/small")).status == 403


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ((), "Choose a file"),
        ((b"GIF89a" + bytes(99),), "This file is not a photo."),
        ((PHOTO,) * 11, "An order holds at most 10 packing photos"),
    ],
)
async def test_packing_photos_that_are_refused_say_why_and_nothing_is_kept(
    cases: Cases, desk: Desk, contents: tuple[bytes, ...], said: str
) -> None:
    order_id = await cases.order(batch=False)
    seller = await desk(cases.seller).open(ship_page(order_id))
    await seller.answer({}, files=files(*contents) or None, form=seller.form("photos"))
    assert (seller.status, len(seller.errors)) == (422, 1)
    assert said in seller.errors[0]
    assert await cases.sql("SELECT 1 FROM order_packing_photo") == []


async def test_an_order_that_was_sent_meanwhile_takes_no_photo(cases: Cases, desk: Desk) -> None:
    order_id = await cases.order(batch=False)
    seller = await desk(cases.seller).open(ship_page(order_id))
    used = seller.form("photos")
    await seller.answer({"batch": str(cases.goods.batch_id), "carrier": "sandbox", "tracking_number": "SB-SENT"})
    await seller.open(ship_page(order_id))
    await seller.answer({}, files=files(PHOTO), form=used)
    assert seller.status == 409
    assert seller.errors == ["The order was sent already, so this shows nothing from before. Add it to the case"]


async def test_a_form_of_packing_photos_that_is_sent_again_goes_where_it_went(cases: Cases, desk: Desk) -> None:
    order_id = await cases.order(batch=False)
    seller = await desk(cases.seller).open(ship_page(order_id))
    used = seller.form("photos")
    first = await seller.send({}, files=files(PHOTO), form=used)
    await seller.open(ship_page(order_id))
    await seller.answer({"batch": str(cases.goods.batch_id), "carrier": "sandbox", "tracking_number": "SB-SENT"})
    again = await seller.send({}, to=used.action or ship_page(order_id), files=files(PHOTO), form=used)
    assert [(each.status_code, each.headers["location"]) for each in (first, again)] == [(303, ship_page(order_id))] * 2
    assert len(await cases.sql("SELECT 1 FROM order_packing_photo")) == 1


async def test_the_same_form_with_another_photo_is_another_act(cases: Cases, desk: Desk) -> None:
    order_id = await cases.order(batch=False)
    seller = await desk(cases.seller).open(ship_page(order_id))
    used = seller.form("photos")
    for content in (PHOTO, saved(noise(80, 60), "PNG")):
        assert (await seller.send({}, files=files(content), form=used)).status_code == 303
    assert len(await cases.sql("SELECT 1 FROM order_packing_photo")) == 2


async def test_a_form_of_a_photo_with_a_code_that_is_sent_again_goes_back_to_the_case(cases: Cases, desk: Desk) -> None:
    case = await cases.filed(await cases.order())
    await asked(cases, desk, case)
    buyer = await desk(cases.buyer).open(f"/cases/{case['reference']}")
    await buyer.answer({}, form=buyer.form_to("/opening"))
    used = buyer.form_to("/photo")
    sent = [await buyer.send({}, files=files(PHOTO, field="photo"), form=used) for _ in range(2)]
    assert [(each.status_code, each.headers.get("location")) for each in sent] == [(303, buyer.at)] * 2
    assert (await challenge(cases, case))["status"] == "answered"


@pytest.mark.parametrize(
    ("language", "before", "sealed", "you"),
    [
        ("en", "From before the order was sent", "Sealed when it was sent,", "You"),
        ("zh", "发货前拍摄", "发货时封存", "您"),
    ],
)
async def test_each_side_and_the_mediator_see_both_sides_with_time_and_hash(
    cases: Cases, desk: Desk, language: Language, before: str, sealed: str, you: str
) -> None:
    order_id, file_id = await packed_order(cases)
    case = await cases.filed(order_id)
    assert (await upload(cases, case["id"], form(PHOTO))).status_code == 201
    view = await cases.case(case["id"])
    hashes = [each["sha256"] for each in (view["evidence"][0], view["commitment"]["photos"][0])]
    for account, path in (
        (cases.buyer, "/cases/"), (cases.seller, "/seller/cases/"), (cases.mediator, "/mediator/cases/"),
    ):  # fmt: skip
        page = await desk(account, language).open(path + case["reference"])
        assert (page.status, before in page.text, sealed in page.text) == (200, True, True)
        assert (you in page.page.partition('class="pair sides"')[2].partition("</div>\n")[0]) is (
            account is not cases.mediator
        )
        for each in hashes:
            assert f"{each[:4]}…{each[-4:]}" in page.text
        picture = await page.client.get(f"/evidence/{file_id}/view")
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/webp")
    seen = await cases.sql(
        "SELECT facts->>'side' AS side FROM event WHERE name = 'complaint.evidence_viewed'"
        " AND subject_id = :id AND facts->>'file_id' = :file ORDER BY seq",
        id=case["id"],
        file=file_id,
    )
    assert [row.side for row in seen] == ["buyer", "seller", "mediator"]
    stranger = desk(cases.who(Role.BUYER, Whose.OTHERS))
    assert (await stranger.open(f"/evidence/{file_id}/view")).status == 404


@pytest.mark.parametrize(
    ("language", "asks", "show", "sent", "judged"),
    [
        (
            "en",
            "The mediator asks you for a photo with a code",
            "I am ready: show the code",
            "Your photo was sent to the mediator.",
            "The mediator says: The code is in the frame.",
        ),
        (
            "zh",
            "调解员请您拍一张带验证码的照片",
            "我准备好了，显示验证码",
            "照片已发给调解员。",
            "调解员的结论：验证码在画面中。",
        ),
    ],
)
@pytest.mark.parametrize("side", ["buyer", "seller"])
async def test_a_photo_with_a_code_from_asking_to_the_mediators_word(
    cases: Cases, desk: Desk, language: Language, asks: str, show: str, sent: str, judged: str, side: str
) -> None:
    case = await cases.filed(await cases.order())
    mediator = await asked(cases, desk, case, side)
    assert "The photo was asked for." in mediator.text
    account, path = (cases.buyer, "/cases/") if side == "buyer" else (cases.seller, "/seller/cases/")
    person = await desk(account, language).open(path + case["reference"])
    assert (asks in person.text, show in person.text, WORDS in person.text) == (True, True, True)
    assert "one-time-code" not in person.page
    await person.answer({}, form=person.form_to("/opening"))
    (row,) = await cases.sql("SELECT code FROM challenge")
    assert (person.status, row.code in person.text) == (200, True)
    assert row.code not in (await mediator.open(f"/mediator/cases/{case['reference']}")).page
    await person.answer({}, files=files(PHOTO, field="photo"), form=person.form_to("/photo"))
    assert (person.status, sent in person.text) == (200, True)
    await mediator.open(f"/mediator/cases/{case['reference']}")
    assert row.code in mediator.text
    (file_id,) = [each["file_id"] for each in (await cases.case(case["id"], cases.mediator))["evidence"]]
    assert f"/evidence/{file_id}/small" in mediator.page
    await mediator.answer({"verdict": "in_frame"})
    assert "What you saw is recorded." in mediator.text
    assert judged in (await person.open(path + case["reference"])).text
    other = await desk(cases.seller if side == "buyer" else cases.buyer).open(
        ("/seller/cases/" if side == "buyer" else "/cases/") + case["reference"]
    )
    assert row.code not in other.page


async def test_an_open_verdict_is_asked_for_beside_its_own_photo(cases: Cases, desk: Desk) -> None:
    case = await cases.filed(await cases.order())
    for account, side, path in ((cases.buyer, "buyer", "/cases/"), (cases.seller, "seller", "/seller/cases/")):
        await asked(cases, desk, case, side)
        person = await desk(account).open(path + case["reference"])
        await person.answer({}, form=person.form_to("/opening"))
        photo = saved(noise(80, 60), "PNG") if side == "seller" else PHOTO
        await person.answer({}, files=files(photo, field="photo"), form=person.form_to("/photo"))
    (first, second) = [row.id for row in await cases.sql("SELECT id FROM challenge ORDER BY id")]
    mediator = await desk(cases.mediator).open(f"/mediator/cases/{case['reference']}")
    await mediator.answer({}, form=mediator.form_to(f"{second}/judgement"))
    assert (mediator.status, mediator.errors) == (422, ["Choose one of the answers"])
    assert f'<a href="#verdict-{second}">' in mediator.page
    assert f'id="verdict-{second}-error"' in mediator.page
    assert f'id="verdict-{first}-error"' not in mediator.page
    judged = await cases.sql("SELECT 1 FROM challenge WHERE verdict IS NOT NULL")
    assert judged == []


@pytest.mark.parametrize(("language", "wait", "time"), [("en", "2 days", "20 min"), ("zh", "2 天", "20 分钟")])
async def test_the_pages_say_the_times_of_the_policy_in_force(
    cases: Cases, desk: Desk, language: Language, wait: str, time: str
) -> None:
    for name, seconds in (("open_challenge", 2 * 86_400), ("answer_challenge", 20 * 60)):
        await cases.sql(
            "INSERT INTO policy (id, name, category, jurisdiction, version, value, unit, effective_from)"
            " VALUES (uuidv7(), :name, '', '', 2, :value, 'seconds', fairhold_now())",
            name=name,
            value=seconds,
        )
    case = await cases.filed(await cases.order())
    mediator = await desk(cases.mediator, language).open(f"/mediator/cases/{case['reference']}")
    told = mediator.text.replace("\u00a0", " ")
    assert (wait in told, time in told) == (True, True)
    await asked(cases, desk, case)
    buyer = await desk(cases.buyer, language).open(f"/cases/{case['reference']}")
    assert time in buyer.text.replace("\u00a0", " ")


async def test_a_late_photo_is_explained_and_the_mediator_sees_that_it_was_late(
    cases: Cases, desk: Desk, clock: Clock
) -> None:
    case = await cases.filed(await cases.order())
    mediator = await asked(cases, desk, case)
    buyer = await desk(cases.buyer).open(f"/cases/{case['reference']}")
    await buyer.answer({}, form=buyer.form_to("/opening"))
    used = buyer.form_to("/photo")
    clock.forward(timedelta(minutes=16))
    await buyer.answer({}, files=files(PHOTO, field="photo"), form=used)
    assert buyer.status == 409
    assert buyer.errors == ["The photo came after its time and was not taken. The mediator sees that it was late"]
    assert "No photo came in time" in buyer.text
    assert "A photo came too late, on" in (await mediator.open(f"/mediator/cases/{case['reference']}")).text
    assert (await challenge(cases, case))["status"] == "expired"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ((), "Choose a file"),
        ((PHOTO, PHOTO), "Choose one photo"),
        ((b"GIF89a" + bytes(99),), "This file is not a photo."),
    ],
)
async def test_a_refused_photo_leaves_the_code_on_the_page(
    cases: Cases, desk: Desk, content: tuple[bytes, ...], said: str
) -> None:
    case = await cases.filed(await cases.order())
    await asked(cases, desk, case)
    buyer = await desk(cases.buyer).open(f"/cases/{case['reference']}")
    await buyer.answer({}, form=buyer.form_to("/opening"))
    await buyer.answer({}, files=files(*content, field="photo") or None, form=buyer.form_to("/photo"))
    assert buyer.status == 422
    assert said in buyer.errors[0]
    assert (await challenge(cases, case))["code"] in buyer.text


async def test_the_mediators_forms_say_what_is_missing_and_take_a_request_back(cases: Cases, desk: Desk) -> None:
    case = await cases.filed(await cases.order())
    mediator = await desk(cases.mediator).open(f"/mediator/cases/{case['reference']}")
    await mediator.answer({"asked_text": " "}, form=mediator.form("asked_text"))
    assert (mediator.status, mediator.errors) == (422, ["Choose one of the answers", "Write what the photo is to show"])
    await mediator.answer({"asked_side": "somebody", "asked_text": WORDS}, form=mediator.form("asked_text"))
    assert mediator.status == 422
    assert await cases.get(f"/{case['id']}/challenges") == []
    await mediator.answer({"asked_side": "buyer", "asked_text": WORDS}, form=mediator.form("asked_text"))
    assert 'value="buyer"' not in mediator.page.partition("asked_side")[2].partition("</fieldset>")[0]
    await mediator.answer({}, form=mediator.form_to("/withdrawal"))
    assert "The request was taken back." in mediator.text
    assert (await challenge(cases, case))["status"] == "withdrawn"
    assert "asks you for a photo" not in (await desk(cases.buyer).open(f"/cases/{case['reference']}")).text


async def test_a_regulator_reads_code_and_photo_and_decides_nothing(cases: Cases, desk: Desk) -> None:
    case = await cases.filed(await cases.order())
    await asked(cases, desk, case)
    buyer = await desk(cases.buyer).open(f"/cases/{case['reference']}")
    await buyer.answer({}, form=buyer.form_to("/opening"))
    await buyer.answer({}, files=files(PHOTO, field="photo"), form=buyer.form_to("/photo"))
    (row,) = await cases.sql("SELECT code FROM challenge")
    regulator = await desk(cases.who(Role.REGULATOR)).open(f"/regulator/complaints/{case['reference']}")
    assert (regulator.status, row.code in regulator.text) == (200, True)
    assert "challenges/" not in regulator.page
    assert "Ask for a photo with a code" not in regulator.text


async def test_lists_show_the_clock_of_an_asked_photo(cases: Cases, desk: Desk) -> None:
    case = await cases.filed(await cases.order())
    await asked(cases, desk, case)
    buyer = await desk(cases.buyer).open("/my")
    assert "to send the photo" not in buyer.text  # the seller's answer is due first
    await buyer.open(f"/cases/{case['reference']}")
    await buyer.answer({}, form=buyer.form_to("/opening"))
    assert "left to send the photo" in (await buyer.open("/my")).text.replace("\u00a0", " ")
