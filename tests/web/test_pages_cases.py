"""A buyer's own pages over the whole application: orders, receipt, one case from the offer to its end."""

from datetime import timedelta

import pytest

from service.core.actor import Role
from tests.complaints.conftest import STORY
from tests.conftest import Clock
from tests.files.pictures import quarters, saved
from tests.web.desks import Cases, Desk
from tests.world import Whose

PNG = saved(quarters(32, 32), "PNG")
HALF = {"kind": "part_refund", "amount": {"amount_minor": 24_000, "currency": "CNY"}, "text": "Half the price."}


async def offered(cases: Cases) -> dict[str, str]:
    """A case with an offer of half the claim."""
    case = await cases.filed(await cases.order())
    return dict(await cases.ok(f"/{case['id']}/answer", {"decision": "offer", "offer": HALF}, by=cases.seller))


@pytest.mark.parametrize(
    ("language", "heading", "turn"),
    [
        ("en", "Your complaint about Suyun Hydrating Sheet Mask", "Waiting for the seller"),
        ("zh", "关于素芸补水面膜的投诉", "等待卖家"),
    ],
)
async def test_a_case_says_whose_move_it_is_and_where_the_money_is(
    cases: Cases,
    desk: Desk,
    language: str,
    heading: str,
    turn: str,
) -> None:
    case = await cases.filed(await cases.order())
    browser = await desk(cases.buyer, language).open(f"/cases/{case['reference']}")
    assert (browser.status, browser.heading) == (200, heading)
    assert turn in browser.text
    assert "480.00" in browser.text
    assert STORY in browser.text


async def test_my_page_lists_orders_and_cases_in_words(cases: Cases, desk: Desk) -> None:
    order = await cases.order()
    browser = await desk(cases.buyer).open("/my")
    assert f'href="/my/orders/{order}/receipt"' in browser.page
    assert "All is well: pay the seller" in browser.text
    case = await cases.filed(order)
    await browser.open("/my")
    assert case["reference"] in browser.text
    assert "Held and frozen" in browser.text
    assert f'href="/my/orders/{order}/receipt"' not in browser.page
    other = await desk(cases.who(Role.BUYER, Whose.OTHERS)).open("/my")
    assert case["reference"] not in other.page


async def test_an_order_is_added_with_its_code_once(cases: Cases, desk: Desk) -> None:
    order_id = cases.world.things["order", Whose.OWN]
    await cases.sql('UPDATE "order" SET buyer_id = NULL, claimed_at = NULL WHERE id = :id', id=order_id)
    answer = await cases.client.post(f"/api/v1/orders/{order_id}/claim-code", headers=cases.who(Role.PLATFORM).by_key)
    code = answer.json()["code"]
    browser = await desk(cases.buyer).open("/my/claim-order")
    for typed, wrong in (("", "Enter the code"), ("7K3M-9QXT-42AB", "The code is wrong, used or too old")):
        await browser.answer({"code": typed})
        assert (browser.status, browser.errors) == (422, [wrong])
    await browser.answer({"code": code.lower().replace("-", " ")})
    assert browser.at == "/my"
    assert "The order is now yours. You see it below." in browser.text
    await browser.open("/my/claim-order")
    await browser.answer({"code": code})
    assert browser.status == 422


@pytest.mark.parametrize(
    ("answer", "said", "state"),
    [("received", "You confirmed", "in_window"), ("waive", "The seller is being paid", "released")],
)
async def test_the_buyer_confirms_that_it_came_or_gives_up_the_window(
    cases: Cases,
    desk: Desk,
    answer: str,
    said: str,
    state: str,
) -> None:
    order = await cases.order(delivered=False)
    browser = await desk(cases.buyer).open(f"/my/orders/{order}/receipt")
    assert browser.heading == "Has it come?"
    await browser.answer({"answer": ""}, form=browser.form())
    assert (browser.status, browser.errors) == (422, ["Choose one of the answers"])
    await browser.answer({"answer": answer})
    assert said in browser.text
    (hold,) = await cases.sql("SELECT state FROM hold WHERE reference_id = :id", id=order)
    assert hold.state == state


async def test_something_wrong_leads_on_to_a_complaint_about_that_order(cases: Cases, desk: Desk) -> None:
    order = await cases.order()
    browser = await desk(cases.buyer).open(f"/my/orders/{order}/receipt")
    await browser.answer({"answer": "no"})
    assert browser.at == f"/file?order={order}"
    assert f'value="{order}" id="order" checked' in browser.page


async def test_an_order_of_somebody_else_cannot_be_confirmed(cases: Cases, desk: Desk) -> None:
    order = await cases.order(delivered=False)
    other = await desk(cases.who(Role.BUYER, Whose.OTHERS)).open(f"/my/orders/{order}/receipt")
    assert other.status == 404
    await other.open("/my/claim-order")
    sent = await other.send({"answer": "waive"}, to=f"/my/orders/{order}/receipt", form=other.form("code"))
    assert sent.status_code == 404
    (hold,) = await cases.sql("SELECT state FROM hold WHERE reference_id = :id", id=order)
    assert hold.state == "awaiting_delivery"


async def test_an_accepted_offer_ends_the_case_and_divides_the_money(cases: Cases, desk: Desk) -> None:
    case = await offered(cases)
    browser = await desk(cases.buyer).open(f"/cases/{case['reference']}")
    assert "Half the price." in browser.text
    await browser.answer({"words": "Half would do."}, form=browser.form("reply"))
    assert (browser.status, browser.errors) == (422, ["Choose one of the answers"])
    form = browser.form("reply")
    sent = [await browser.send({"reply": "accept", "words": ""}, form=form) for _ in range(2)]
    assert [each.status_code for each in sent] == [303, 303]
    await browser.open(sent[0].headers["location"])
    assert "Settled" in browser.text
    ((outcome, buyer, seller, fee),) = await cases.ends()
    assert (outcome, buyer, seller + fee) == ("split", 24_000, 24_000)


async def test_a_refused_offer_with_a_suggestion_needs_words(cases: Cases, desk: Desk) -> None:
    case = await offered(cases)
    browser = await desk(cases.buyer).open(f"/cases/{case['reference']}")
    await browser.answer({"reply": "talk", "words": " "})
    assert (browser.status, browser.errors) == (422, ["Write a few words for the other side"])
    await browser.answer({"reply": "talk", "words": "Three quarters would do."})
    seen = await cases.case(case["id"])
    assert [each["status"] for each in seen["offers"]] == ["refused"]
    assert seen["entries"][-1]["text"] == "Three quarters would do."
    assert "Ask a mediator" in browser.text


async def test_a_refused_offer_goes_to_a_mediator_whose_ruling_is_accepted(cases: Cases, desk: Desk) -> None:
    case = await offered(cases)
    browser = await desk(cases.buyer).open(f"/cases/{case['reference']}")
    await browser.answer({"reply": "escalate", "words": ""})
    assert "Waiting for the mediator" in browser.text
    dispute = (await cases.case(case["id"]))["dispute_id"]
    key = cases.mediator.by_key
    assert (await cases.client.post(f"/api/v1/disputes/{dispute}/assignment", json={}, headers=key)).status_code == 201
    ruling = {"buyer": {"amount_minor": 14_400, "currency": "CNY"}, "reasons": "The code is legible."}
    assert (await cases.client.post(f"/api/v1/disputes/{dispute}/ruling", json=ruling, headers=key)).status_code == 201
    await browser.open(f"/cases/{case['reference']}")
    assert "The code is legible." in browser.text
    await browser.answer({}, form=browser.form_to("/acceptance"))
    assert "You have accepted the ruling." in browser.text
    seller = await cases.client.post(f"/api/v1/disputes/{dispute}/acceptance", headers=cases.seller.by_key)
    assert seller.status_code == 201
    ((outcome, buyer, _, _),) = await cases.ends()
    assert (outcome, buyer) == ("split", 14_400)


async def test_a_case_is_withdrawn_only_when_sure(cases: Cases, desk: Desk) -> None:
    case = await cases.filed(await cases.order())
    browser = await desk(cases.buyer).open(f"/cases/{case['reference']}/withdrawal")
    await browser.answer({}, form=browser.form("sure"))
    assert (browser.status, browser.errors) == (422, ["Confirm that you want to withdraw it"])
    assert await cases.frozen() == 1
    await browser.answer({"sure": "yes"})
    assert "Your complaint is withdrawn." in browser.text
    assert await cases.frozen() == 0


async def test_evidence_and_words_are_added_and_every_look_is_recorded(cases: Cases, desk: Desk) -> None:
    case = await cases.filed(await cases.order())
    browser = await desk(cases.buyer).open(f"/cases/{case['reference']}/evidence")
    await browser.answer({"caption": "", "words": ""}, form=browser.form("photos"))
    assert (browser.status, browser.errors) == (422, ["Choose a file"])
    files = [("photos", ("a.png", PNG, "image/png"))]
    await browser.answer({"caption": "The back", "words": "More to see."}, files=files)
    assert browser.at == f"/cases/{case['reference']}"
    seen = await cases.case(case["id"])
    assert seen["entries"][-1]["text"] == "The back\nMore to see."
    (photo,) = seen["evidence"]
    looks = len([each for each in await cases.events(case["id"]) if each == "complaint.evidence_viewed"])
    answer = await browser.client.get(f"/evidence/{photo['file_id']}/view")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    now = len([each for each in await cases.events(case["id"]) if each == "complaint.evidence_viewed"])
    assert now == looks + 1
    other = desk(cases.who(Role.BUYER, Whose.OTHERS))
    assert (await other.client.get(f"/evidence/{photo['file_id']}/view")).status_code == 404
    assert (await other.client.get("/evidence/not-an-id/view")).status_code == 404


async def test_a_case_of_somebody_else_is_not_found(cases: Cases, desk: Desk) -> None:
    case = await offered(cases)
    other = desk(cases.who(Role.BUYER, Whose.OTHERS))
    for part in ("", "/withdrawal", "/escalation", "/evidence"):
        await other.open(f"/cases/{case['reference']}{part}")
        assert (other.status, other.heading) == (404, "We did not find this page")
    await other.open("/my/claim-order")
    for part in ("reply", "withdrawal", "escalation", "evidence", "acceptance"):
        sent = await other.send(
            {"reply": "accept", "sure": "yes", "words": "x", "offer_id": case["offers"][0]["id"]},  # type: ignore[index]  # a JSON object
            to=f"/cases/{case['reference']}/{part}",
            form=other.form("code"),
        )
        assert sent.status_code == 404, part
    assert (await cases.case(case["id"]))["status"] == "answered"
    assert await cases.frozen() == 1


async def test_an_offer_that_ran_out_is_explained_on_the_case(
    cases: Cases,
    desk: Desk,
    clock: Clock,
) -> None:
    case = await offered(cases)
    browser = await desk(cases.buyer).open(f"/cases/{case['reference']}")
    form = browser.form("reply")
    clock.forward(timedelta(days=1, hours=20))  # within the session's two idle days
    await browser.open("/my")
    await cases.ok(f"/{case['id']}/offers", {**HALF, "text": "A last one."}, by=cases.seller)
    await browser.answer({"reply": "accept", "words": ""}, form=form, to=f"/cases/{case['reference']}/reply")
    assert browser.status == 409
    assert browser.errors == ["This offer does not stand any more"]
    assert "A last one." in browser.text
    assert await cases.ends() == []
