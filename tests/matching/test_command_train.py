"""`fairhold matching train`, `deploy` and `models`: what they say, what they keep, and what they refuse."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from service.complaints.matching.calibrate import shipped_model
from service.complaints.matching.cases import FOLDS, fold_of
from service.complaints.matching.facts import Query
from service.complaints.matching.labelled import Labelled, read_labelled
from service.complaints.matching.measures import Answer, Place, worse_in
from service.complaints.models import ModelView, current_model
from service.complaints.rules import LABELS_MIN
from service.complaints.training import check_enough, lessons, may_have_seen
from service.core.actor import Role
from service.core.errors import Conflict
from service.core.ids import new_id
from service.core.lots import fold_lot
from service.core.names import name_key
from service.db.session import Database, Tx
from tests.complaints.conftest import Cases, cases
from tests.conftest import DatabaseUrls
from tests.matching.commanding import Command, read_json
from tests.matching.generated import Made
from tests.matching.modelling import SHIPPED, kept, tried

__all__ = ["cases"]
TRAINING_SECONDS_MAX = 300  # ten on a quiet machine


@pytest.fixture
def command(urls: DatabaseUrls, tmp_path: Path) -> Command:
    return Command(tmp_path, {"FAIRHOLD_DATABASE_URL": urls.app, "FAIRHOLD_S3_ENDPOINT": "127.0.0.1:9"})


async def in_force(database: Database) -> str:
    async with database.begin() as tx:
        return (await current_model(tx)).version


async def count(database: Database, table: str) -> int:
    async with database.begin() as tx:
        return int((await tx.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


@pytest.mark.timeout(TRAINING_SECONDS_MAX)
async def test_a_trained_model_is_judged_beside_the_one_in_force_and_waits_to_be_deployed(
    command: Command, database: Database, tmp_path: Path
) -> None:
    registry, complaints = Made(7).write(tmp_path)
    report_file = tmp_path / "report.json"
    words = ("train", "--registry", registry, "--complaints", complaints, "--json", report_file)
    told = await command.run(*words, seconds=TRAINING_SECONDS_MAX)
    assert told.status == 0, told
    said = read_json(report_file)
    version = said["version"]
    assert version in told.out
    assert f"{SHIPPED} stays in force" in told.out
    assert await in_force(database) == SHIPPED
    assert said["judged_on"] == {"complaints": 240, "folds": FOLDS}
    assert said["in_force"]["version"] == SHIPPED
    assert said["in_force"]["may_have_seen"] is True, "nobody knows what files the shipped one saw"
    assert set(said["new"]["languages"]) == {"en", "zh"}
    for side in ("new", "in_force"):
        figures = said[side]["figures"]
        assert figures["complaints"] == 240
        assert figures["recall_at_10"] >= 0.95
        assert figures["linked_precision"] >= 0.97
    assert said["expected"] == {
        "unmatched": said["new"]["figures"]["unmatched"],
        "overridden": pytest.approx(1 - said["new"]["figures"]["linked_precision"], abs=1e-4),
    }
    (kept_one,) = [
        each for each in json.loads((await command.run("models", "--json")).out)["models"] if each["made_at"]
    ]
    assert (kept_one["version"], kept_one["origin"], kept_one["is_in_force"]) == (version, "trained", False)
    trained_on = kept_one["trained_on"]
    assert (trained_on["complaints"], trained_on["labels"]) == (240, 0)
    assert [each["name"] for each in trained_on["files"]] == ["registry.csv", "complaints.csv"]
    assert kept_one["report"] == {name: value for name, value in said.items() if name != "version"}
    listed = await command.run("models")
    assert (listed.status, version in listed.out, SHIPPED in listed.out) == (0, True, True)


async def test_a_deployment_by_command_holds_at_the_next_match_of_this_process_and_can_be_taken_back(
    command: Command, cases: Cases, drain: Any
) -> None:
    version = await kept(cases.database)
    told = await command.run("deploy", version, "--reason", "Better", "--by", cases.who(Role.OPERATOR).email)
    assert told.status == 0, told
    assert f"{version} is in force (deployment 1); before it was {SHIPPED}" in told.out
    case = await cases.filed(product_text="Suyun Hydrating Sheet Mask", seller_text="Suyun", lot_text="SY26J1807")
    await drain()
    assert (await cases.get(f"/{case['id']}/matches"))["model_version"] == version
    (row,) = await cases.sql("SELECT by_id, reason FROM matching_deployment")
    assert (row.by_id, row.reason) == (cases.who(Role.OPERATOR).person_id, "Better")
    back = await command.run("deploy", SHIPPED, "--reason", "Back again")
    assert back.status == 0, back
    assert await in_force(cases.database) == SHIPPED
    rows = await cases.sql("SELECT by_id FROM matching_deployment ORDER BY number")
    assert rows[1].by_id is None
    listed = json.loads((await command.run("models", "--json")).out)["deployments"]
    name = (await cases.actor(cases.who(Role.OPERATOR))).name
    assert [(each["number"], each["version"], each["before"], each["by"], each["reason"]) for each in listed] == [
        (2, SHIPPED, version, None, "Back again"),
        (1, version, SHIPPED, name, "Better"),
    ]
    assert "Back again" in (await command.run("models")).out


async def test_what_deploy_refuses_ends_with_1_and_leaves_all_as_it_was(command: Command, cases: Cases) -> None:
    worse = await kept(cases.database, worse=["linked_precision"])
    for words, code in (
        ((worse, "--reason", "x"), "model_is_worse"),
        (("no-such", "--reason", "x"), "model_not_found"),
        ((SHIPPED, "--reason", "x"), "model_in_force"),
        ((worse, "--reason", " ", "--worse-anyway"), "reason_missing"),
        ((worse, "--reason", "x", "--worse-anyway", "--by", cases.buyer.email), "role_not_allowed"),
        ((worse, "--reason", "x", "--worse-anyway", "--by", "nobody@example.org"), "person_not_found"),
    ):
        assert await command.refused("deploy", *words) == (1, code), words
    assert await count(cases.database, "matching_deployment") == 0
    assert (await command.run("deploy", worse)).status == 2, "a reason must be given"
    told = await command.run("deploy", worse, "--reason", "We need it", "--worse-anyway")
    assert (told.status, "It is worse in: linked_precision" in told.out) == (0, True), told


async def test_too_few_labels_are_refused_with_how_many_there_are_and_are_needed(
    command: Command, cases: Cases, drain: Any, tmp_path: Path
) -> None:
    case = await cases.filed(await cases.order(), lot_text="SY26J1807")
    await drain()
    await cases.ok(f"/{case['id']}/link", {"batch_id": str(cases.goods.batch_id)}, by=cases.mediator)
    told = await command.run("train")
    assert (told.status, told.error.partition(":")[0]) == (1, "labels_too_few"), told
    assert "there are 1 labelled complaints about 1 registered products" in told.error
    assert f"at least {LABELS_MIN} about 10 are needed" in told.error
    registry, complaints = Made(7, complaints=20).write(tmp_path)
    told = await command.run("train", "--registry", registry, "--complaints", complaints)
    assert (told.status, "there are 21 labelled complaints" in told.error) == (1, True), told
    for alone in (("--registry", registry), ("--complaints", complaints)):
        assert await command.refused("train", *alone) == (1, "files_incomplete")
    enough = ("--registry", registry, "--complaints", Made(7).write(tmp_path, "more-")[1])
    assert await command.refused("train", *enough, "--by", cases.buyer.email) == (1, "role_not_allowed")
    complaints.write_text("complaint_id\nC1\n", "utf-8")
    wrong = await command.refused("train", "--registry", registry, "--complaints", complaints)
    assert wrong == (1, "csv_column_missing")
    assert await count(cases.database, "matching_model") == 0


async def test_without_a_database_it_says_what_to_do(tmp_path: Path) -> None:
    bare = Command(tmp_path, {})
    for words in (("train",), ("models",), ("deploy", "x", "--reason", "y")):
        assert await bare.refused(*words) == (1, "not_running"), words


async def test_labels_and_files_are_learnt_from_together_each_with_its_own_registry(
    cases: Cases, drain: Any, tmp_path: Path
) -> None:
    case = await cases.filed(await cases.order(), lot_text="SY26J1807")
    await drain()
    await cases.ok(f"/{case['id']}/link", {"batch_id": str(cases.goods.batch_id)}, by=cases.mediator)
    async with cases.database.begin() as tx:
        given = await lessons(tx, Made(7).write(tmp_path))
    ours, theirs = given.sources
    assert [each.batch for each in ours.complaints] == [str(cases.goods.batch_id)]
    assert cases.goods.batch_id in {each.batch_id for each in ours.registry}
    assert (len(theirs.complaints), len(theirs.registry)) == (240, 160)
    assert {name: given.trained_on[name] for name in ("complaints", "labels", "labels_by")} == {
        "complaints": 241,
        "labels": 1,
        "labels_by": {"mediator": 1},
    }
    assert given.model is shipped_model()


def test_enough_is_a_matter_of_products_as_well() -> None:
    one = Labelled("C", Query(), "b", "p", "p")
    with pytest.raises(Conflict) as raised:
        check_enough([one] * LABELS_MIN)
    assert (raised.value.facts["labels"], raised.value.facts["products"]) == (LABELS_MIN, 1)
    check_enough([Labelled("C", Query(), "b", str(number % 10), "") for number in range(LABELS_MIN)])


def test_complaints_of_one_product_are_in_one_fold_and_all_folds_are_used(tmp_path: Path) -> None:
    _, complaints = Made(7).write(tmp_path)
    found = read_labelled(complaints, needs_truth=True)
    folds: dict[str, set[int]] = {}
    for each in found:
        folds.setdefault(each.group, set()).add(fold_of(each))
    assert all(len(fold) == 1 for fold in folds.values())
    assert {fold for each in folds.values() for fold in each} == set(range(FOLDS))
    assert all(each.group for each in found if not each.batch), "unregistered ones stay with their product"


def answered(*, right: bool, linked: bool = True, lot: bool = True, score: float = 0.9) -> Answer:
    complaint = Labelled("C", Query(lot_text="A1" if lot else ""), "b", "p", "p")
    place = Place("b", "p", score) if right else Place("x", "y", score)
    return Answer(complaint, (place,), score, linked, linked, "linked" if linked else "suggested")


@pytest.mark.parametrize(
    ("new", "old", "worse"),
    [
        ([True] * 100, [True] * 100, []),
        ([True] * 97 + [False] * 3, [True] * 100, []),  # may be chance
        ([True] * 94 + [False] * 6, [True] * 100,
         ["recall_at_1", "recall_at_10", "linked", "strict_linked", "linked_precision", "strict_precision"]),
        ([True] * 100, [True] * 90 + [False] * 10, []),  # better
    ],
)  # fmt: skip
def test_worse_is_what_chance_does_not_explain(new: Sequence[bool], old: Sequence[bool], worse: list[str]) -> None:
    assert worse_in([answered(right=each) for each in new], [answered(right=each) for each in old]) == worse


def test_a_model_that_links_nothing_is_worse_however_precise_it_is() -> None:
    shy = [answered(right=True, linked=False)] * 50
    assert worse_in(shy, [answered(right=True)] * 50) == ["linked", "strict_linked"]


def test_a_model_may_have_seen_what_it_was_trained_on() -> None:
    def model(origin: Any, **trained_on: Any) -> ModelView:
        return ModelView("v", origin, True, None, None, {}, trained_on)

    files = [{"name": "c.csv", "sha256": "ab"}]
    assert may_have_seen(model("shipped"), {"files": files, "labels": 0})
    assert not may_have_seen(model("shipped"), {"files": [], "labels": 500})
    assert may_have_seen(model("trained", files=files, labels=0), {"files": files, "labels": 0})
    assert not may_have_seen(model("trained", files=[], labels=0), {"files": files, "labels": 500})
    assert may_have_seen(model("trained", files=[], labels=300), {"files": [], "labels": 500})


async def copied(tx: Tx, table: str, like: UUID, **changed: Any) -> UUID:
    """Write a row like another one."""
    new = new_id()
    await tx.execute(
        text(
            f"INSERT INTO {table} SELECT (jsonb_populate_record(t, CAST(:changed AS jsonb))).* FROM {table} t"
            " WHERE id = :like"
        ),
        {"like": like, "changed": json.dumps({"id": str(new), **changed}, default=str)},
    )
    return new


@pytest.mark.timeout(TRAINING_SECONDS_MAX)
async def test_what_people_said_of_matches_is_enough_to_train_on(
    command: Command, cases: Cases, tmp_path: Path
) -> None:
    made = Made(11, products=24, lots=3, complaints=LABELS_MIN)
    like = UUID((await cases.filed(product_text="Suyun Mask", seller_text="Suyun", lot_text="SY26J1807"))["id"])
    batches: dict[str, UUID] = {}
    async with cases.database.begin() as tx:
        for key in dict.fromkeys(row["product_key"] for row in made.registry):
            rows = [row for row in made.registry if row["product_key"] == key]
            name = rows[0]["product_name"]
            product_id = await copied(
                tx, "product", cases.goods.product_id, name_en=name, name_zh="", brand="", name_key=name_key(name)
            )
            for row in rows:
                lot = {"lot_code": row["lot_code"], "lot_folded": fold_lot(row["lot_code"])}
                batches[row["batch_id"]] = await copied(
                    tx, "batch", cases.goods.batch_id, product_id=product_id, registered_at=row["registered_on"], **lot
                )
        for number, row in enumerate(made.complaints):
            told = {name: row[name] for name in ("product_text", "lot_text", "brand_text")}
            case_id = await copied(
                tx, "complaint", like, **told, reference=f"FH-{number}", bought_on=row["purchase_date"] or None,
                language=row["lang"], told_key=name_key(row["product_text"]),
            )  # fmt: skip
            await tried(tx, case_id, by="mediator", batch_id=batches.get(row["expected_batch_id"]))
    report_file = tmp_path / "report.json"
    told_of = await command.run("train", "--json", report_file, seconds=TRAINING_SECONDS_MAX)
    assert told_of.status == 0, told_of
    said = read_json(report_file)
    assert said["judged_on"]["complaints"] == LABELS_MIN
    assert said["in_force"]["may_have_seen"] is False
    assert said["new"]["figures"]["recall_at_10"] >= 0.95
    (row,) = await cases.sql("SELECT trained_on FROM matching_model")
    assert (row[0]["labels"], row[0]["labels_by"]) == (LABELS_MIN, {"mediator": LABELS_MIN})
