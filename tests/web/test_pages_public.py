"""Pages for anybody about batches, and where a complaint of one's own stands."""

from service.core.actor import Role
from tests.web.browsing import Browser
from tests.web.desks import Cases, Desk
from tests.world import Whose


async def test_a_batch_is_found_by_its_code_however_spelt(cases: Cases) -> None:
    browser = await Browser(cases.client).open("/check?code=sy26j18o7")
    assert (browser.status, f"/batches/{cases.goods.batch_id}" in browser.page) == (200, True)
    await browser.open("/check?code=ZZ99")
    assert "No registered batch has this code." in browser.text
    await browser.open("/check?code=")
    assert (browser.status, browser.errors) == (422, ["Enter the code"])
    await browser.open("/check?code=%00")
    assert browser.status == 422


async def test_a_batch_shows_its_state_and_no_small_numbers(cases: Cases) -> None:
    await cases.filed(await cases.order(), may_publish=True)
    browser = await Browser(cases.client, "zh").open(f"/batches/{cases.goods.batch_id}")
    assert browser.status == 200
    assert "SY26J1807" in browser.text
    await Browser(cases.client).open("/batches/01999999-0000-7000-8000-000000000000")
    english = await Browser(cases.client).open(f"/batches/{cases.goods.batch_id}")
    assert "Fewer than three complaints; small numbers are not shown." in english.text
    assert "No hold and no recall" in english.text


async def test_a_batch_that_nobody_registered_is_not_found(cases: Cases) -> None:
    browser = await Browser(cases.client).open("/batches/01999999-0000-7000-8000-000000000000")
    assert browser.status == 404
    assert (await browser.open("/batches/nothing")).status == 404


async def test_a_reference_leads_to_where_ones_own_complaint_stands(cases: Cases, desk: Desk) -> None:
    case = await cases.filed(await cases.order())
    buyer = await desk(cases.buyer).open(f"/status?reference={case['reference'].lower()}")
    assert "Waiting for the seller" in buyer.text
    await buyer.open("/status?reference=FH-1")
    assert (buyer.status, buyer.errors) == (422, ["Check the reference. It looks like FH-7K3M-9QXT"])
    other = await desk(cases.who(Role.BUYER, Whose.OTHERS)).open(f"/status?reference={case['reference']}")
    assert (other.status, other.errors) == (404, ["We did not find this complaint"])
    nobody = await Browser(cases.client).open(f"/status?reference={case['reference']}")
    assert nobody.heading == "Sign in"
    assert (await nobody.open("/status")).status == 200
