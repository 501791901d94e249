"""The regulator's pages over the whole application: overview, search, batch, one case, reports."""

import pytest
from sqlalchemy import text

from service.core.actor import Role
from service.web.language import Language
from tests.complaints.conftest import Cases, cases
from tests.recalls.conftest import street
from tests.recalls.street import Street
from tests.web.desks import Desk, desk
from tests.world import Whose

__all__ = ["cases", "desk", "street"]
CLAIM = {"amount_minor": 48_000, "currency": "CNY"}


async def frozen(street: Street) -> None:
    for _ in range(3):
        await street.complains()
    assert await street.evaluate() == "preliminary"


@pytest.mark.parametrize(
    ("language", "heading", "frozen_words"),
    [("en", "Overview", "Preliminary; payments held"), ("zh", "总览", "初步；货款已保管")],
)
async def test_the_overview_shows_frozen_batches_first(
    street: Street, desk: Desk, language: Language, heading: str, frozen_words: str
) -> None:
    await frozen(street)
    regulator = await desk(street.world.account(Role.REGULATOR), language).open("/regulator")
    assert (regulator.status, regulator.heading) == (200, heading)
    assert "1,440.00" in regulator.text
    signals = regulator.page.partition("<tbody>")[2]
    assert signals.partition("</tr>")[0].count("SY26J1807") == 1
    assert f"/regulator/batches/{street.goods.batch_id}" in regulator.page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=5Y26JI8O7", "SY26J1807"),  # look-alike letters fold
        ("q=素芸补水面膜", "Suyun Hydrating Sheet Mask"),
        ("q=hydrating&kind=products", "Suyun Hydrating Sheet Mask"),
        ("q=zzzz", "Nothing fits."),
    ],
)
async def test_search_finds_goods_however_they_are_spelt(cases: Cases, desk: Desk, query: str, found: str) -> None:
    regulator = await desk(cases.who(Role.REGULATOR)).open(f"/regulator/search?{query}")
    assert (regulator.status, found in regulator.text) == (200, True), regulator.text


async def test_search_finds_a_case_by_its_reference_and_lists_those_of_a_batch(cases: Cases, desk: Desk) -> None:
    case = await cases.filed(await cases.order(), claim=CLAIM)
    regulator = desk(cases.who(Role.REGULATOR))
    await regulator.open(f"/regulator/search?q={case['reference'].lower()}")
    assert f"/regulator/complaints/{case['reference']}" in regulator.page
    await regulator.open(f"/regulator/search?kind=complaints&of={cases.goods.batch_id}")
    assert case["reference"] not in regulator.text
    await regulator.open("/regulator/search?kind=complaints&risk=low&of=nonsense")
    assert case["reference"] in regulator.text


@pytest.mark.parametrize(("language", "said"), [("en", "Facts"), ("zh", "事实")])
async def test_a_case_is_read_without_anything_to_decide_and_the_look_is_recorded(
    cases: Cases, desk: Desk, language: Language, said: str
) -> None:
    case = await cases.filed(await cases.order(), claim=CLAIM)
    regulator = await desk(cases.who(Role.REGULATOR), language).open(f"/regulator/complaints/{case['reference']}")
    assert (regulator.status, said in regulator.text) == (200, True)
    assert "The mask smells sour" in regulator.text
    assert "/mediator/" not in regulator.page
    (seen,) = await cases.sql(
        "SELECT actor_id FROM event WHERE name = 'complaint.viewed' AND subject_id = :id", id=case["id"]
    )
    assert seen.actor_id == cases.who(Role.REGULATOR).person_id


@pytest.mark.parametrize(
    ("language", "chart", "money", "trace"),
    [
        ("en", "Buyers with a complaint, per 1,000 sold", "CNY 1,440.00 held, 3 payments", "3 sold · 3 buyers"),
        ("zh", "每千件投诉买家数", "¥1,440.00", "售出 3"),
    ],
)
async def test_a_batch_shows_its_rate_its_money_and_where_it_went(
    street: Street, desk: Desk, language: Language, chart: str, money: str, trace: str
) -> None:
    await frozen(street)
    path = f"/regulator/batches/{street.goods.batch_id}"
    regulator = await desk(street.world.account(Role.REGULATOR), language).open(path)
    assert regulator.status == 200
    shown = regulator.text.replace("\u00a0", " ")
    for said in ("SY26J1807", chart, money, trace):
        assert said in shown, said
    assert regulator.page.count("<polyline") == 2  # wide and narrow
    assert "<style" not in regulator.page


async def test_a_batch_that_nobody_sold_has_facts_only(cases: Cases, desk: Desk) -> None:
    regulator = await desk(cases.who(Role.REGULATOR)).open(f"/regulator/batches/{cases.goods.batch_id}")
    assert (regulator.status, "Units made" in regulator.text) == (200, True)
    assert "Money for this batch" not in regulator.text
    assert (await regulator.open(f"/regulator/batches/{cases.goods.product_id}")).status == 404


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_dossier_is_asked_for_on_the_batchs_page_made_and_downloaded(
    cases: Cases, desk: Desk, drain: "object", language: Language
) -> None:
    regulator = await desk(cases.who(Role.REGULATOR), language).open(f"/regulator/batches/{cases.goods.batch_id}")
    await regulator.answer({"language": language}, form=regulator.form("kind", "subject"))
    assert (regulator.at, regulator.status) == ("/regulator/reports", 200)
    assert "/pdf" not in regulator.page
    await drain()  # type: ignore[operator]  # the fixture's function
    await regulator.open("/regulator/reports")
    path = "/regulator/reports" + regulator.page.partition('href="/regulator/reports')[2].partition('"')[0]
    while not path.endswith("/pdf"):
        rest = regulator.page.partition(path)[2]
        path = "/regulator/reports" + rest.partition('href="/regulator/reports')[2].partition('"')[0]
    got = await regulator.client.get(path)
    assert (got.status_code, got.headers["content-type"], got.content[:5]) == (200, "application/pdf", b"%PDF-")
    events = await cases.sql("SELECT name FROM event WHERE subject_kind = 'report' ORDER BY seq")
    assert [row.name for row in events][-1] == "report.downloaded"
    assert f"-{language}.pdf" in got.headers["content-disposition"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"kind": "", "subject": ""}, ["Choose one of the answers", "Enter the lot code"]),
        ({"kind": "batch_dossier", "subject": "NO-SUCH-LOT", "language": "en"}, ["We did not find this batch"]),
        (
            {"kind": "batch_dossier", "subject": "LOT-1", "language": "en"},
            ["Several batches have this lot code. Make the report on the page of yours"],
        ),
        ({"kind": "case_file", "subject": "SY26J1807", "language": "en"}, ["Check what you typed here"]),
        ({"kind": "batch_dossier", "subject": "SY26J1807", "language": "fr"}, ["Check what you typed here"]),
    ],
)
async def test_a_report_that_cannot_be_made_is_not_asked_for(
    cases: Cases, desk: Desk, typed: dict[str, str], said: list[str]
) -> None:
    before = await count_reports(cases)
    regulator = await desk(cases.who(Role.REGULATOR)).open("/regulator/reports")
    await regulator.answer(typed, form=regulator.form("kind", "subject"))
    assert (regulator.status, regulator.errors) == (422, said)
    assert await count_reports(cases) == before


async def test_a_lot_code_is_enough_to_ask_for_a_report(cases: Cases, desk: Desk) -> None:
    before = await count_reports(cases)
    regulator = await desk(cases.who(Role.REGULATOR)).open("/regulator/reports")
    typed = {"kind": "batch_dossier", "subject": "sy26ji8o7", "language": "zh"}
    await regulator.answer(typed, form=regulator.form("kind", "subject"))
    assert "The report is being made." in regulator.text
    assert await count_reports(cases) == before + 1


@pytest.mark.parametrize("path", ["/regulator", "/regulator/search?q=a", "/regulator/reports"])
async def test_regulators_pages_are_theirs_alone(cases: Cases, desk: Desk, path: str) -> None:
    for role in (Role.BUYER, Role.SELLER, Role.MEDIATOR, Role.OPERATOR, Role.PLATFORM):
        assert (await desk(cases.who(role)).open(path)).status == 403, role
    assert (await desk(cases.who(Role.REGULATOR, Whose.OTHERS)).open(path)).status == 200


async def count_reports(cases: Cases) -> int:
    async with cases.database.begin() as tx:
        return int((await tx.execute(text("SELECT count(*) FROM report"))).scalar_one())
