"""The mediator's pages over the whole application: queue, case, ruling, triage, signals."""

from typing import Any

import pytest

from service.core.actor import COMMONS, Role
from service.web.language import Language
from tests.complaints.conftest import Cases, cases
from tests.files.pictures import quarters, saved
from tests.recalls.conftest import street
from tests.recalls.street import Street
from tests.web.browsing import Browser
from tests.web.desks import Desk, desk, option
from tests.world import Whose, make_account

__all__ = ["cases", "desk", "street"]
CLAIM = {"amount_minor": 48_000, "currency": "CNY"}
REASONS = "The photos show the fault."


async def disputed(cases: Cases, **told: Any) -> dict[str, Any]:
    """A case that the seller refused and the buyer brought before a mediator."""
    case = await cases.filed(await cases.order(), claim=CLAIM, **told)
    await cases.ok(f"/{case['id']}/answer", {"decision": "refuse", "text": "We see no fault."}, by=cases.seller)
    await cases.ok(f"/{case['id']}/escalation")
    return case


def page_of(case: dict[str, Any]) -> str:
    return f"/mediator/cases/{case['reference']}"


async def taken(cases: Cases, desk: Desk, case: dict[str, Any], language: Language = "en") -> Browser:
    """The mediator's browser on a case that they took."""
    mediator = await desk(cases.mediator, language).open(page_of(case))
    return await mediator.answer({}, to=f"{page_of(case)}/assignment", form=mediator.form())


async def dispute_of(cases: Cases, case: dict[str, Any]) -> dict[str, Any]:
    found = await cases.client.get(
        f"/api/v1/disputes/{(await cases.case(case['id']))['dispute_id']}", headers=cases.buyer.by_key
    )
    return dict(found.json())


@pytest.mark.parametrize(
    ("language", "heading", "unassigned", "left"),
    [("en", "Cases", "Not assigned 1", "13 days left to rule"), ("zh", "案件", "未分派 1", "裁定剩 13 天")],
)
async def test_the_queue_shows_what_waits_with_its_clock(
    cases: Cases, desk: Desk, language: Language, heading: str, unassigned: str, left: str
) -> None:
    case = await disputed(cases)
    mediator = await desk(cases.mediator, language).open("/mediator/cases?view=unassigned")
    assert (mediator.status, mediator.heading) == (200, heading)
    for said in (case["reference"], unassigned, left):
        assert said in mediator.text.replace("\u00a0", " ")


async def test_the_queue_is_narrowed_by_views_and_filters(cases: Cases, desk: Desk) -> None:
    case = await disputed(cases)
    mediator = desk(cases.mediator)
    for query, is_there in (
        ("view=all", True), ("view=mine", False), ("view=injury", False), ("view=waiting_party", False),
        ("view=all&stage=queued", True), ("view=all&stage=ruled", False), ("view=all&kind=fake", False),
        ("view=all&kind=not_as_described", True), ("view=nonsense&stage=x&kind=y", True),
    ):  # fmt: skip
        await mediator.open(f"/mediator/cases?{query}")
        assert (case["reference"] in mediator.text) is is_there, query


async def test_the_next_case_is_taken_and_then_there_is_none(cases: Cases, desk: Desk) -> None:
    case = await disputed(cases)
    mediator = await desk(cases.mediator).open("/mediator/cases?view=unassigned")
    await mediator.answer({}, to="/mediator/next", form=mediator.form())
    assert (mediator.at, "The case is yours." in mediator.text) == (page_of(case), True)
    assert (await dispute_of(cases, case))["mediator_id"] == str(cases.mediator.person_id)
    await mediator.open("/mediator/cases?view=unassigned")
    await mediator.answer({}, to="/mediator/next", form=mediator.form())
    assert "No case waits for a mediator." in mediator.text


async def test_both_sides_stand_beside_each_other_with_their_photos_and_sources(cases: Cases, desk: Desk) -> None:
    case = await cases.filed(await cases.order(), claim=CLAIM)
    photo = saved(quarters(640, 480), "JPEG")
    for account in (cases.buyer, cases.seller):
        await cases.client.post(
            f"/api/v1/complaints/{case['id']}/evidence", headers=account.by_key,
            files={"files": ("a.jpg", photo, "image/jpeg")},
        )  # fmt: skip
    await cases.ok(f"/{case['id']}/answer", {"decision": "refuse", "text": "We see no fault."}, by=cases.seller)
    await cases.ok(f"/{case['id']}/escalation")
    mediator = await desk(cases.mediator).open(page_of(case))
    for said in (
        "Buyer: buyer-own", "Seller: Shop own", "We see no fault.", "Compare evidence",
        "Delivered", "carrier", "A verified buyer",
    ):  # fmt: skip
        assert said in mediator.text, said
    files = [each["file_id"] for each in (await cases.case(case["id"]))["evidence"]]
    assert [f"/evidence/{file_id}/small" in mediator.page for file_id in files] == [True, True]
    seen = await mediator.client.get(f"/evidence/{files[0]}/small")
    assert (seen.status_code, seen.headers["content-type"]) == (200, "image/webp")
    assert (await cases.events(case["id"]))[-1] == "complaint.evidence_viewed"


@pytest.mark.parametrize(
    ("language", "effect", "made"),
    [
        ("en", "To the seller CNY 336.00 Back to the buyer CNY 144.00", "The ruling is made."),
        ("zh", "给卖家 ¥336.00 退给买家 ¥144.00", "裁定已作出"),
    ],
)
async def test_a_split_is_shown_then_ruled(
    cases: Cases, desk: Desk, language: Language, effect: str, made: str
) -> None:
    case = await disputed(cases)
    mediator = await taken(cases, desk, case, language)
    typed = {"outcome": "split", "amount": "144.00", "reasons": REASONS}
    await mediator.answer({**typed, "show": "effect"}, form=mediator.form("outcome", "reasons"))
    assert mediator.status == 200
    shown = mediator.text.replace("\u00a0", " ")
    assert effect in shown
    assert "You get CNY 144.00 back; CNY 336.00 goes to the seller." in shown  # the buyer reads English
    assert REASONS in mediator.page
    assert (await dispute_of(cases, case))["ruling"] is None
    await mediator.answer(typed, form=mediator.form("outcome", "reasons"))
    assert made in mediator.text
    ruling = (await dispute_of(cases, case))["ruling"]
    assert (ruling["buyer"]["amount_minor"], ruling["seller"]["amount_minor"]) == (14_400, 33_600)
    assert ruling["reasons"] == REASONS
    assert REASONS in mediator.text


@pytest.mark.parametrize(("outcome", "buyer_minor"), [("refund", 48_000), ("release", 0)])
async def test_whole_outcomes_need_no_amount(cases: Cases, desk: Desk, outcome: str, buyer_minor: int) -> None:
    case = await disputed(cases)
    mediator = await taken(cases, desk, case)
    await mediator.answer({"outcome": outcome, "reasons": REASONS}, form=mediator.form("outcome", "reasons"))
    assert (await dispute_of(cases, case))["ruling"]["buyer"]["amount_minor"] == buyer_minor


async def test_the_seller_accepts_and_with_the_buyers_word_the_money_moves(cases: Cases, desk: Desk) -> None:
    case = await disputed(cases)
    mediator = await taken(cases, desk, case)
    typed = {"outcome": "split", "amount": "144", "reasons": REASONS}
    await mediator.answer(typed, form=mediator.form("outcome", "reasons"))
    seller = await desk(cases.seller).open(f"/seller/cases/{case['reference']}")
    assert REASONS in seller.text
    await seller.answer({}, to=f"/seller/cases/{case['reference']}/acceptance", form=seller.form())
    assert "Accept the ruling" not in seller.text
    dispute = await dispute_of(cases, case)
    assert (dispute["state"], dispute["ruling"]["accepted_by"]) == ("ruled", ["seller"])
    await cases.client.post(f"/api/v1/disputes/{dispute['id']}/acceptance", headers=cases.buyer.by_key)
    view = await cases.case(case["id"])
    assert (view["status"], view["outcome"], view["hold"]["state"]) == ("settled", "ruling", "split")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"reasons": ""}, ["Choose one of the answers", "Write the reasons"]),
        ({"outcome": "split", "amount": "", "reasons": REASONS}, ["Enter an amount"]),
        ({"outcome": "split", "amount": "x", "reasons": REASONS}, ["Enter an amount in figures, such as 120.50"]),
        ({"outcome": "split", "amount": "480.01", "reasons": REASONS}, ["The amount is above what is held"]),
    ],
)
async def test_a_ruling_that_is_refused_rules_nothing(
    cases: Cases, desk: Desk, typed: dict[str, str], said: list[str]
) -> None:
    case = await disputed(cases)
    mediator = await taken(cases, desk, case)
    await mediator.answer(typed, form=mediator.form("outcome", "reasons"))
    assert (mediator.status, mediator.errors) == (422, said)
    assert (await dispute_of(cases, case))["state"] == "in_review"


async def test_only_the_mediator_who_has_the_case_may_rule(cases: Cases, desk: Desk) -> None:
    case = await disputed(cases)
    await taken(cases, desk, case)
    supervisor = await desk(cases.who(Role.SUPERVISOR)).open(page_of(case))
    assert "Reasons" not in supervisor.text
    await supervisor.open("/mediator/cases")
    sent = await supervisor.send(
        {"outcome": "refund", "reasons": REASONS}, to=f"{page_of(case)}/ruling", form=supervisor.form()
    )
    assert (sent.status_code, "Only the mediator who has the case may do this" in sent.text) == (403, True)
    assert (await dispute_of(cases, case))["state"] == "in_review"


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_case_of_another_tenant_is_not_found_and_other_roles_are_refused(
    cases: Cases, desk: Desk, language: Language
) -> None:
    case = await disputed(cases)
    assert (await desk(cases.who(Role.MEDIATOR, Whose.FOREIGN), language).open(page_of(case))).status == 404
    for role in (Role.BUYER, Role.SELLER, Role.REGULATOR, Role.OPERATOR):
        assert (await desk(cases.who(role), language).open(page_of(case))).status == 403, role


@pytest.mark.parametrize(
    ("language", "heading", "why"),
    [("en", "Which batch is it about?", "Injury reported"), ("zh", "涉及哪个批次？", "涉及人身伤害")],
)
async def test_a_complaint_with_an_injury_waits_with_the_batches_that_fit(
    cases: Cases, desk: Desk, language: Language, heading: str, why: str
) -> None:
    case = await cases.filed(await cases.order(), claim=CLAIM, kind="unsafe", harm="injury")
    mediator = await desk(cases.mediator, language).open("/mediator/triage")
    assert case["reference"] in mediator.text
    assert why in mediator.text
    await mediator.open(f"/mediator/triage/{case['reference']}")
    assert (mediator.status, mediator.heading) == (200, heading)
    assert "SY26J1807" in mediator.text


async def test_the_chosen_batch_is_linked_and_the_seller_gets_the_case(cases: Cases, desk: Desk) -> None:
    case = await cases.filed(
        purpose="safety", kind="unsafe", wanted="none", product_text="Suyun Hydrating Sheet Mask",
        brand_text="Suyun", lot_text="SY26J1807",
    )  # fmt: skip
    mediator = await desk(await commons_mediator(cases)).open(f"/mediator/triage/{case['reference']}")
    assert "The seller is not known" in mediator.text
    batch = option(mediator.page, "SY26J1807")
    assert batch == str(cases.goods.batch_id)
    await mediator.answer(
        {"batch": batch, "reasons": "The photo is clear.", "next": "seller"}, form=mediator.form("batch")
    )
    assert "Your decision was recorded." in mediator.text
    (row,) = await cases.sql("SELECT status, link_by, batch_id, seller_id FROM complaint WHERE id = :id", id=case["id"])
    assert tuple(row) == ("with_seller", "mediator", cases.goods.batch_id, cases.seller_id)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"batch": "", "next": "seller"}, ["Choose a batch, or say that you are not sure"]),
        ({"batch": "none", "next": "seller"}, ["Nobody named the seller: choose the batch, or close the case"]),
        ({"batch": "", "reasons": "", "next": "close"}, ["Write the reasons"]),
        ({"batch": "x", "next": "seller"}, ["Choose a batch, or say that you are not sure"]),
    ],
)
async def test_a_decision_that_is_refused_changes_nothing(
    cases: Cases, desk: Desk, typed: dict[str, str], said: list[str]
) -> None:
    case = await cases.filed(purpose="safety", wanted="none", product_text="Suyun Hydrating Sheet Mask")
    mediator = await desk(await commons_mediator(cases)).open(f"/mediator/triage/{case['reference']}")
    before = await cases.events(case["id"])
    await mediator.answer(typed, form=mediator.form("batch"))
    assert (mediator.status, mediator.errors) == (422, said)
    assert await cases.events(case["id"]) == before


async def test_a_complaint_is_closed_with_reasons(cases: Cases, desk: Desk) -> None:
    case = await cases.filed(purpose="safety", wanted="none", product_text="Unknown")
    mediator = await desk(await commons_mediator(cases)).open(f"/mediator/triage/{case['reference']}")
    await mediator.answer({"reasons": "Nothing to go by.", "next": "close"}, form=mediator.form("batch"))
    assert (await cases.case(case["id"]))["status"] == "closed"


async def commons_mediator(cases: Cases) -> Any:
    return await make_account(cases.database, "commons-mediator", Role.MEDIATOR, tenant_id=COMMONS)


async def frozen(street: Street) -> Any:
    """Freeze the street's batch; the signal's id."""
    for _ in range(3):
        await street.complains()
    assert await street.evaluate() == "preliminary"
    (row,) = await street.sql("SELECT id FROM signal WHERE batch_id = :id", id=street.goods.batch_id)
    return row.id


async def state_of(street: Street) -> str:
    (row,) = await street.sql("SELECT state FROM signal WHERE batch_id = :id", id=street.goods.batch_id)
    return str(row.state)


@pytest.mark.parametrize(
    ("language", "title", "confirmed"),
    [("en", "Confirm or lift the freeze of SY26J1807", "The freeze is confirmed."), ("zh", "SY26J1807", "冻结已确认")],
)
async def test_a_freeze_is_confirmed(
    street: Street, desk: Desk, language: Language, title: str, confirmed: str
) -> None:
    await frozen(street)
    mediator = await desk(street.judges[Role.MEDIATOR], language).open("/mediator/signals")
    assert title in mediator.text
    assert "1,440.00" in mediator.text
    await mediator.answer({"reason": ""}, form=mediator.form("reason"))
    assert confirmed in mediator.text
    assert await state_of(street) == "analysis"


async def test_a_freeze_is_lifted_for_a_reason_only(street: Street, desk: Desk) -> None:
    to = f"/mediator/signals/{await frozen(street)}/lift"
    mediator = await desk(street.judges[Role.MEDIATOR]).open("/mediator/signals")
    await mediator.answer({"reason": ""}, to=to, form=mediator.form("reason"))
    assert (mediator.status, mediator.errors) == (422, ["Choose a reason"])
    assert await state_of(street) == "preliminary"
    await mediator.open("/mediator/signals")
    await mediator.answer({"reason": "not_this_batch"}, to=to, form=mediator.form("reason"))
    assert "The freeze is lifted." in mediator.text
    assert await state_of(street) == "closed"


async def test_mediators_of_a_platform_see_no_signals(street: Street, desk: Desk) -> None:
    to = f"/mediator/signals/{await frozen(street)}/lift"
    mediator = await desk(street.world.account(Role.MEDIATOR)).open("/mediator/signals")
    assert "No open signal." in mediator.text
    await mediator.open("/mediator/cases")
    sent = await mediator.send({"reason": "no_risk"}, to=to, form=mediator.form())
    assert sent.status_code == 404
    assert await state_of(street) == "preliminary"
