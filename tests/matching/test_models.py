"""Which model is in force: the shipped one, until another was deployed; at once, everywhere, with a record."""

import asyncio
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from service.complaints import models
from service.complaints.actions import keep_model
from service.complaints.matching.calibrate import shipped_model
from service.complaints.models import current_model, list_models, model_in_force, shipped_content
from service.complaints.rules import DEPLOYMENT_REASON_MAX
from service.complaints.watching import watch_matching
from service.core.actor import SYSTEM, Role
from service.core.errors import Conflict, FairholdError, Invalid, NotFound
from service.core.ids import new_id
from service.db.session import Database
from service.escrow.alerts import live_alerts
from tests.complaints.conftest import Cases, cases
from tests.conftest import DatabaseUrls
from tests.matching.modelling import FIGURES, SHIPPED, deployed, kept, report

__all__ = ["cases"]


async def in_force(database: Database) -> str:
    async with database.begin() as tx:
        return (await current_model(tx)).version


async def deployments(database: Database) -> list[tuple[Any, ...]]:
    query = (
        "SELECT d.number, m.version, b.version, d.reason, d.was_worse FROM matching_deployment d"
        " JOIN matching_model m ON m.id = d.model_id JOIN matching_model b ON b.id = d.before_id ORDER BY d.number"
    )
    async with database.begin() as tx:
        return [tuple(row) for row in await tx.execute(text(query))]


async def test_the_shipped_model_is_in_force_where_nothing_was_deployed(database: Database) -> None:
    async with database.begin() as tx:
        assert await current_model(tx) is shipped_model()
        (only,) = await list_models(tx)
        assert (only.version, only.origin, only.is_in_force, only.made_at) == (SHIPPED, "shipped", True, None)
        assert await model_in_force(tx) == only


async def test_the_next_match_after_a_deployment_is_made_with_the_new_model(cases: Cases, drain: Any) -> None:
    told: dict[str, Any] = {
        "product_text": "Suyun Hydrating Sheet Mask",
        "lot_text": "SY26J1807",
        "seller_text": "Suyun",
    }
    first = await cases.filed(**told)
    await drain()
    version = await kept(cases.database)
    assert await in_force(cases.database) == SHIPPED, "a candidate is not in force"
    elsewhere = Database(cases.database.url, pool_max=1)
    try:
        await deployed(elsewhere, version)
    finally:
        await elsewhere.close()
    second = await cases.filed(**told, narrative="Another one of them smells.")
    await drain()
    made = await cases.sql(
        "SELECT complaint_id, model_version FROM complaint_match WHERE complaint_id = ANY(:ids) ORDER BY id",
        ids=[UUID(each["id"]) for each in (first, second)],
    )
    assert [(str(row.complaint_id), row.model_version) for row in made] == [
        (first["id"], SHIPPED),
        (second["id"], version),
    ]
    draft = await cases.draft(**told)
    assert (await cases.get(f"/{draft}/matches"))["model_version"] == version
    assert (await cases.get(f"/{first['id']}/matches"))["model_version"] == SHIPPED, "what was made stays"


async def test_a_deployment_is_recorded_with_who_why_and_on_what_figures(cases: Cases) -> None:
    operator = await cases.actor(cases.who(Role.OPERATOR))
    version = await kept(cases.database, actor=operator)
    done = await deployed(cases.database, version, actor=operator, reason="  Knows creams  ")
    assert (done.version, done.before, done.number, list(done.worse)) == (version, SHIPPED, 1, [])
    assert await deployments(cases.database) == [(1, version, SHIPPED, "Knows creams", False)]
    (row,) = await cases.sql("SELECT by_id, figures FROM matching_deployment")
    assert row.by_id == operator.person_id
    assert row.figures["model"]["new"]["figures"] == FIGURES
    assert [(each["version"], each["days"]) for each in row.figures["drift"]] == []
    told = await cases.sql("SELECT name, actor_id, facts FROM event WHERE name LIKE 'matching_model.%' ORDER BY seq")
    assert [(each.name, each.actor_id, each.facts["version"]) for each in told] == [
        ("matching_model.trained", operator.person_id, version),
        ("matching_model.deployed", operator.person_id, version),
    ]
    assert told[1].facts == {"version": version, "before": SHIPPED, "number": 1, "worse": []}
    async with cases.database.begin() as tx:
        shown = {each.version: each for each in await list_models(tx)}
    assert {name: each.is_in_force for name, each in shown.items()} == {version: True, SHIPPED: False}
    assert (shown[version].origin, shown[SHIPPED].origin) == ("trained", "shipped")


async def test_versions_of_a_day_are_counted_also_when_two_train_at_once(database: Database) -> None:
    made = await asyncio.gather(*(kept(database) for _ in range(3)))
    async with database.begin() as tx:
        day = f"trained-{await tx.now():%Y-%m-%d}"
    assert sorted(made) == [f"{day}.{number}" for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({"worse": ["recall_at_1", "linked_precision"]}, "model_is_worse"),
        ({"beside": "2020-01-01.1"}, "model_compared_with_another"),
    ],
)
async def test_a_worse_or_uncompared_model_is_refused_unless_told_so(
    database: Database, about: dict[str, Any], code: str
) -> None:
    version = await kept(database, **about)
    with pytest.raises(Conflict) as raised:
        await deployed(database, version)
    assert raised.value.code == code
    assert (await in_force(database), await deployments(database)) == (SHIPPED, [])
    done = await deployed(database, version, worse_anyway=True)
    assert list(done.worse) == about.get("worse", ["not_compared"])
    assert (await in_force(database), [row[4] for row in await deployments(database)]) == (version, [True])


async def test_a_model_judged_beside_one_that_is_no_longer_in_force_is_refused(database: Database) -> None:
    first, second = await kept(database), await kept(database)
    await deployed(database, first)
    with pytest.raises(Conflict) as raised:
        await deployed(database, second)
    assert (raised.value.code, raised.value.facts["in_force"]) == ("model_compared_with_another", first)
    assert await in_force(database) == first


async def test_the_shipped_model_and_earlier_ones_may_always_come_back(database: Database) -> None:
    first = await kept(database, worse=["linked"])
    await deployed(database, first, worse_anyway=True)
    await deployed(database, SHIPPED, reason="Too few links")
    assert await in_force(database) == SHIPPED
    await deployed(database, first, reason="It was not the model")
    assert await in_force(database) == first
    assert [row[1:3] for row in await deployments(database)] == [(first, SHIPPED), (SHIPPED, first), (first, SHIPPED)]


async def test_the_model_in_force_is_listed_first_however_many_were_trained_since(database: Database) -> None:
    first, *_ = [await kept(database) for _ in range(3)]
    await deployed(database, first)
    async with database.begin() as tx:
        shown = [(each.version, each.is_in_force) for each in await list_models(tx, limit=2)]
    assert shown == [(first, True), (SHIPPED, False)]  # which is kept since another took its place


async def test_what_cannot_be_deployed_is_refused_and_nothing_moves(database: Database) -> None:
    version = await kept(database)
    wrong: list[tuple[dict[str, Any], type[FairholdError], str]] = [
        ({"version": "trained-1999-01-01.1"}, NotFound, "model_not_found"),
        ({"version": SHIPPED}, Conflict, "model_in_force"),
        ({"version": version, "reason": "  "}, Invalid, "reason_missing"),
        ({"version": version, "reason": "x" * (DEPLOYMENT_REASON_MAX + 1)}, Invalid, "reason_too_long"),
    ]
    for asked, error, code in wrong:
        with pytest.raises(error) as raised:
            await deployed(database, **asked)
        assert raised.value.code == code
    assert await deployments(database) == []
    await deployed(database, version, reason="x" * DEPLOYMENT_REASON_MAX)
    assert await in_force(database) == version


@pytest.mark.parametrize("value", [None, 3, "text", [1, 2]])
async def test_what_is_no_model_is_not_kept(database: Database, value: Any) -> None:
    for name in sorted(shipped_content().keys() - {"version", "report"}):
        async with database.session() as tx:
            with pytest.raises(Invalid) as raised:
                await keep_model(
                    tx, SYSTEM, shipped_content() | {name: value}, report=report(), trained_on={}, now=await tx.now()
                )
        assert raised.value.code == "model_unreadable", name


async def test_two_deployments_at_once_come_one_after_the_other(database: Database) -> None:
    first, second = await kept(database), await kept(database)
    await asyncio.gather(*(deployed(database, each, worse_anyway=True) for each in (first, second)))
    rows = await deployments(database)
    assert [row[0] for row in rows] == [1, 2]
    assert rows[0][2] == SHIPPED
    assert rows[1][2] == rows[0][1], "the second knows what the first put in force"
    assert await in_force(database) == rows[1][1]


async def test_models_and_deployments_are_for_ever(database: Database, urls: DatabaseUrls) -> None:
    await deployed(database, await kept(database))
    for table, change in (("matching_model", "report = '{}'"), ("matching_deployment", "reason = 'x'")):
        for role, error in (
            (urls.app, psycopg.errors.InsufficientPrivilege),
            (urls.owner, psycopg.Error),
        ):
            with psycopg.connect(role.replace("+psycopg", "")) as connection:
                for statement in (f"UPDATE {table} SET {change}", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
                    with pytest.raises(error), connection.transaction():
                        connection.execute(statement)
    assert len(await deployments(database)) == 1


async def unreadable(database: Database) -> None:
    """Deploy what this version of the service cannot read: the database may be younger than the code."""
    good = await kept(database)
    async with database.begin() as tx:
        model_id = new_id()
        await tx.execute(
            text(
                "INSERT INTO matching_model (id, version, origin, content, report, trained_on, made_at)"
                " VALUES (:id, 'from-the-future', 'trained', '{\"version\": \"from-the-future\"}', '{}', '{}', now())"
            ),
            {"id": model_id},
        )
        await tx.execute(
            text(
                "INSERT INTO matching_deployment (id, number, model_id, before_id, reason, figures, was_worse, at)"
                " SELECT :id, 1, :model_id, id, 'why', '{}', false, now() FROM matching_model WHERE version = :good"
            ),
            {"id": new_id(), "model_id": model_id, "good": good},
        )


async def test_a_model_that_cannot_be_read_is_replaced_by_the_shipped_one_and_alerts(cases: Cases) -> None:
    await unreadable(cases.database)
    operator = await cases.actor(cases.who(Role.OPERATOR))
    assert await in_force(cases.database) == SHIPPED
    for _ in range(2):
        async with cases.database.begin() as tx:
            await watch_matching(tx)
            alerts = [(each.kind, each.facts) for each in await live_alerts(tx, operator)]
        assert alerts == [("matching_model_unreadable", {"model": "from-the-future"})]
    with pytest.raises(Conflict) as raised:
        await deployed(cases.database, "from-the-future")
    assert raised.value.code == "model_in_force"
    await deployed(cases.database, SHIPPED)
    async with cases.database.begin() as tx:
        await watch_matching(tx)
        assert await live_alerts(tx, operator) == []
    with pytest.raises(Conflict) as raised:
        await deployed(cases.database, "from-the-future", worse_anyway=True)
    assert raised.value.code == "model_unreadable"


async def test_many_models_in_turn_leave_only_a_few_in_the_process(database: Database) -> None:
    for _ in range(models.PARSED_MAX + 2):
        version = await kept(database)
        await deployed(database, version, worse_anyway=True)
        assert await in_force(database) == version
        assert len(models._parsed) <= models.PARSED_MAX
