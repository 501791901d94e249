"""`fairhold matching`: train, deploy and list models of the matcher; evaluate one over files, without a database."""

import asyncio
import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from service import settings as environment
from service.accounts.identity import actor_for_person
from service.accounts.queries import person_by_email
from service.cli.home import running_settings
from service.cli.matching_tables import compared_table, deployments_table, evaluated_table, models_table, verdict_words
from service.complaints.actions import Deployed, deploy_model, keep_model
from service.complaints.matching.evaluate import Evaluated, evaluate, predictions
from service.complaints.models import DeploymentView, ModelView, list_deployments, list_models
from service.complaints.training import Lessons, Trained, lessons, train_on
from service.core.actor import SYSTEM, Actor, Role, SignIn
from service.core.errors import Forbidden, Invalid
from service.db.session import Database, Tx
from service.settings import Settings

_FILE = click.Path(path_type=Path)
_BY = click.option("--by", default=None, metavar="EMAIL", help="the operator who does it; without, it is nobody's name")
_JSON = click.option("--json", "as_json", is_flag=True, help="print JSON, for programs")


@click.group()
def matching() -> None:
    """The matcher's models: train, compare, deploy, evaluate."""


@matching.command()
@click.option("--registry", default=None, type=_FILE, help="batches beside those of the database, with --complaints")
@click.option("--complaints", default=None, type=_FILE, help="complaints about them whose batch is known")
@click.option("--json", "report_file", default=None, type=_FILE, help="write the report to this file, too")
@_BY
def train(registry: Path | None, complaints: Path | None, report_file: Path | None, by: str | None) -> None:
    """Train a model on what people said of matches, and judge it beside the one in force.

    Products fall into five folds; both models are judged on the same complaints, the new one always by models that saw
    nothing of the product. It is kept as a candidate: `deploy` puts it in force, and nothing else does.
    """
    if (registry is None) != (complaints is None):
        raise Invalid("files_incomplete", "--registry and --complaints belong together")
    files = None if registry is None or complaints is None else (registry, complaints)
    _check_places(report_file)
    settings, console = running_settings(environment.read()), Console()
    given = asyncio.run(_lessons(settings, by, files))
    with _progress(Console(stderr=True)) as told:
        trained = train_on(given, told)
    version = asyncio.run(_keep(settings, by, trained, given))
    if report_file is not None:
        _write(report_file, lambda part: part.write_bytes(_json({"version": version, **trained.report})))
    console.print(compared_table(version, trained.report))
    console.print(verdict_words(version, trained.report), soft_wrap=True, highlight=False)


@matching.command()
@click.argument("version")
@click.option("--reason", required=True, help="why; kept with the deployment")
@click.option(
    "--worse-anyway", is_flag=True, help="deploy a model that is worse than the one in force, or not compared"
)
@_BY
def deploy(version: str, reason: str, worse_anyway: bool, by: str | None) -> None:
    """Put a model in force: every match from now on, in every process, is made with it.

    The shipped model and those that were in force before may always come back. It changes no match that was made.
    """
    settings = running_settings(environment.read())
    done = asyncio.run(_deploy(settings, by, version, reason, worse_anyway))
    worse = f" It is worse in: {', '.join(done.worse)}." if done.worse else ""
    Console().print(
        f"{done.version} is in force (deployment {done.number}); before it was {done.before}.{worse}"
        f" Back again: fairhold matching deploy {done.before} --reason …",
        soft_wrap=True,
        highlight=False,
    )


@matching.command()
@_JSON
def models(as_json: bool) -> None:
    """List the models, which is in force, and who put which in force when and why."""
    settings = running_settings(environment.read())
    found, deployments = asyncio.run(_models(settings))
    if as_json:
        print(msgspec.json.encode({"models": found, "deployments": deployments}).decode())
    else:
        Console().print(models_table(found))
        if deployments:
            Console().print(deployments_table(deployments))


@matching.command("evaluate")
@click.argument("registry", type=_FILE)
@click.argument("complaints", type=_FILE)
@click.option("--train", "train_file", default=None, type=_FILE, help="train on this file and choose thresholds on it")
@click.option("--predictions", "predictions_file", default=None, type=_FILE, help="write up to ten batches a complaint")
@click.option("--json", "json_file", default=None, type=_FILE, help="write thresholds and figures")
def evaluate_files(
    registry: Path, complaints: Path, train_file: Path | None, predictions_file: Path | None, json_file: Path | None
) -> None:
    """Answer the complaints of a file as the service would, and judge the answers; needs no database.

    The files are CSV, described in docs/matching.md. With --train, model and thresholds come from that file alone;
    without, they are those of the shipped model.
    """
    _check_places(predictions_file, json_file)
    with _progress(Console(stderr=True)) as told:
        found = evaluate(registry, complaints, train_on=train_file, told=told)
    if predictions_file is not None:
        _write(predictions_file, lambda part: _write_predictions(part, found))
    if json_file is not None:
        files = {"registry": registry, "complaints": complaints, "train": train_file}
        _write(json_file, lambda part: part.write_bytes(_json(_evaluation(found, files))))
    if found.has_truth:
        Console().print(evaluated_table(found))
    else:
        Console().print(f"{complaints} does not say what is right: its answers are not judged.", soft_wrap=True)


def _evaluation(found: Evaluated, files: dict[str, Path | None]) -> dict[str, Any]:
    return {
        "model": found.model_version,
        "threshold": found.threshold,
        "strict_threshold": found.strict_threshold,
        "is_out_of_fold": found.is_out_of_fold,
        "files": {
            name: {"name": file.name, "sha256": sha256(file.read_bytes()).hexdigest()}
            for name, file in files.items()
            if file is not None
        },
        "figures": found.figures if found.has_truth else None,
    }


def _write_predictions(part: Path, found: Evaluated) -> None:
    with part.open("w", encoding="utf-8", newline="") as lines:
        out = csv.writer(lines)
        out.writerow(("complaint_id", "batch_id", "score", "rank"))
        out.writerows(predictions(found.answers))


def _check_places(*files: Path | None) -> None:
    """Raise `Invalid` ("file_not_written") for a file that has no place to be, before the work of minutes."""
    for file in files:
        if file is not None and file.is_dir():
            raise Invalid("file_not_written", f"{file} is a folder")
        if file is not None and not file.parent.is_dir():
            raise Invalid("file_not_written", f"{file}: there is no folder {file.parent}")


def _write(file: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all; raises `Invalid` ("file_not_written")."""
    part = file.with_name(f"{file.name}.part")
    try:
        write(part)
        part.replace(file)
    except OSError as error:
        raise Invalid("file_not_written", f"{file}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # the same that kept it from being written
            part.unlink(missing_ok=True)


def _json(content: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:

        def told(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what.capitalize(), total=of)
            progress.update(tasks[what], completed=done, total=of)

        yield told


async def _lessons(settings: Settings, by: str | None, files: tuple[Path, Path] | None) -> Lessons:
    """Return what to train on; who has no right to keep a model hears so before the work of minutes."""
    database = Database(settings.database_url, pool_max=1)
    try:
        async with database.begin() as tx:
            given = await lessons(tx, files)
            await _operator(tx, by)
            return given
    finally:
        await database.close()


async def _keep(settings: Settings, by: str | None, trained: Trained, given: Lessons) -> str:
    database = Database(settings.database_url, pool_max=1)
    try:
        async with database.begin() as tx:
            actor, now = await _operator(tx, by), await tx.now()
            return await keep_model(
                tx, actor, trained.content, report=trained.report, trained_on=given.trained_on, now=now
            )
    finally:
        await database.close()


async def _deploy(settings: Settings, by: str | None, version: str, reason: str, worse_anyway: bool) -> Deployed:
    database = Database(settings.database_url, pool_max=1)
    try:
        async with database.begin() as tx:
            actor, now = await _operator(tx, by), await tx.now()
            return await deploy_model(tx, actor, version, reason=reason, worse_anyway=worse_anyway, now=now)
    finally:
        await database.close()


async def _models(settings: Settings) -> tuple[list[ModelView], list[DeploymentView]]:
    database = Database(settings.database_url, pool_max=1)
    try:
        async with database.begin() as tx:
            return await list_models(tx), await list_deployments(tx)
    finally:
        await database.close()


async def _operator(tx: Tx, email: str | None) -> Actor:
    """Return who acts: the operator of that address, else the system.

    Raises `NotFound` ("person_not_found"), `Forbidden` ("role_not_allowed").
    """
    if email is None:
        return SYSTEM
    person = await person_by_email(tx, email)
    actor = await actor_for_person(tx, person.person_id, sign_in=SignIn.NONE)
    if actor is None or not actor.has(Role.OPERATOR):
        raise Forbidden("role_not_allowed", f"{email} is no operator")
    return actor
