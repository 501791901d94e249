"""The operator's page over the whole application."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from service.complaints.watching import watch_matching
from service.core.actor import Role
from service.escrow.alerts import raise_alert
from service.escrow.sealing import seal_next
from service.web.language import Language
from tests.complaints.conftest import Cases, cases
from tests.conftest import Clock
from tests.matching.modelling import SHIPPED, deployed, kept, tried
from tests.web.desks import Desk, desk
from tests.world import PASSWORD

__all__ = ["cases", "desk"]


@pytest.mark.parametrize(
    ("language", "heading", "well", "clock_words"),
    [("en", "Health", "Database Well", "stands 12 days ahead"), ("zh", "运行状况", "数据库 正常", "12 天")],
)
async def test_health_shows_parts_queues_and_the_clock_of_a_demonstration(
    cases: Cases, desk: Desk, clock: Clock, language: Language, heading: str, well: str, clock_words: str
) -> None:
    operator = await desk(cases.who(Role.OPERATOR), language).open("/operator")
    assert (operator.status, operator.heading) == (200, heading)
    assert well in operator.text
    clock.forward(timedelta(days=12))  # the session is over, too
    await operator.sign_in(cases.who(Role.OPERATOR).email, PASSWORD)
    await operator.open("/operator")
    assert clock_words in operator.text.replace("\u00a0", " ")


async def test_holds_and_deadlines_that_are_due_are_counted(cases: Cases, desk: Desk, clock: Clock) -> None:
    await cases.order()
    clock.forward(timedelta(days=11))
    operator = await desk(cases.who(Role.OPERATOR)).sign_in(cases.who(Role.OPERATOR).email, PASSWORD)
    await operator.open("/operator")
    row = operator.text.partition("Held payments that are due ")[2].split()
    assert int(row[0]) >= 1
    assert "Worker Not answering none has started" in operator.text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "The ledger does not add up. No seller is paid until it does 1"),
        ("zh", "账目不平，恢复之前不向任何卖家付款 1"),
    ],
)
async def test_what_is_wrong_stands_first(cases: Cases, desk: Desk, language: Language, words: str) -> None:
    operator = desk(cases.who(Role.OPERATOR), language)
    await operator.open("/operator")
    assert words not in operator.text
    async with cases.database.begin() as tx:
        await raise_alert(tx, "reconciliation_failed", ("ledger", "all"), facts={}, now=await tx.now())
    await operator.open("/operator")
    assert words in operator.text


async def test_the_last_seal_and_the_last_checks_are_shown(cases: Cases, desk: Desk) -> None:
    operator = await desk(cases.who(Role.OPERATOR)).open("/operator")
    assert "Last seal" not in operator.text
    async with cases.database.begin() as tx:
        now = await tx.now()
        assert await seal_next(tx, now=now) > 0
        await tx.execute(text("UPDATE ledger_check SET ended_at = :now WHERE name = 'verify'"), {"now": now})
    await operator.open("/operator")
    assert "Last seal" in operator.text
    assert "Last verification of the whole chain" in operator.text
    assert "Last reconciliation" not in operator.text


@pytest.mark.parametrize(
    ("language", "shipped", "trained", "drift"),
    [
        (
            "en",
            f"Model {SHIPPED} , as shipped",
            "trained here in force since",
            "last 7 days 3 1 (33.3 %) 1 1 (100.0 %)",
        ),
        ("zh", f"模型 {SHIPPED} （软件自带）", "（本处训练） 启用于", "最近 7 天 3 1 （33.3%） 1 1 （100.0%）"),
    ],
)
async def test_the_model_in_force_and_its_drift_are_shown(
    cases: Cases, desk: Desk, clock: Clock, language: Language, shipped: str, trained: str, drift: str
) -> None:
    clock.forward(timedelta(days=100))
    operator = desk(cases.who(Role.OPERATOR), language)
    await operator.sign_in(cases.who(Role.OPERATOR).email, PASSWORD)
    await operator.open("/operator")
    assert shipped in operator.text
    said: list[tuple[str, UUID | None]] = [("automatic", cases.goods.batch_id), ("mediator", None)]
    for words in (said, [("automatic", None)], []):
        case = UUID((await cases.filed(product_text="Suyun Mask", seller_text="Suyun"))["id"])
        async with cases.database.begin() as tx:
            for by, batch_id in words or [("automatic", cases.goods.batch_id)]:
                more = {} if words else {"outcome": "suggested"}
                await tried(tx, case, by=by, batch_id=batch_id, **more)
    version = await kept(cases.database)
    await deployed(cases.database, version)
    await operator.open("/operator")
    assert drift not in operator.text, "nobody has counted yet"
    await cases.database.run(watch_matching)
    await operator.open("/operator")
    assert version in operator.text
    assert trained in operator.text
    assert drift in operator.text


async def test_operators_see_no_case_and_others_no_health(cases: Cases, desk: Desk) -> None:
    for role in (Role.BUYER, Role.SELLER, Role.MEDIATOR, Role.REGULATOR):
        assert (await desk(cases.who(role)).open("/operator")).status == 403, role
    case = await cases.filed(await cases.order())
    operator = desk(cases.who(Role.OPERATOR))
    for path in (f"/mediator/cases/{case['reference']}", f"/regulator/complaints/{case['reference']}"):
        assert (await operator.open(path)).status == 403
