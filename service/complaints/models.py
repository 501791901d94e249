"""The matcher's models: the one that is shipped, those that were trained here, and which of them is in force.

Every match asks for the version in force, so that a deployment holds from its commit on in every process of every host;
only the parsed model is kept in the process.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import Row, Select, func, select, text
from sqlalchemy.orm import aliased

from service.accounts.queries import person_names
from service.complaints.matching.calibrate import Model, model_from, shipped_model
from service.complaints.rules import ModelOrigin
from service.complaints.tables import MatchingDeployment, MatchingModel
from service.db.session import Tx

PARSED_MAX = 4
_IN_FORCE = text("SELECT model_id FROM matching_deployment ORDER BY number DESC LIMIT 1")
_CONTENT = text("SELECT version, content FROM matching_model WHERE id = :id")
_UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError)  # whatever JSON of another shape leads to
_log = structlog.get_logger("fairhold.matching")
_parsed: dict[UUID, Model | None] = {}


@dataclass(frozen=True, slots=True)
class ModelView:
    """A model as people see it. `made_at` is None of a shipped one, `deployed_at` of one that never was deployed."""

    version: str
    origin: ModelOrigin
    is_in_force: bool
    made_at: datetime | None
    deployed_at: datetime | None
    report: Mapping[str, Any]
    trained_on: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeploymentView:
    """A change of the model in force; `by` is the person's name, None where the system did it."""

    number: int
    version: str
    before: str
    by: str | None
    reason: str
    was_worse: bool
    at: datetime


async def current_model(tx: Tx) -> Model:
    """Return the model in force as of this statement: the newest deployment's, else the one in the package.

    One small query; a model that this process has not seen is read and parsed once. One that this version of the
    service cannot read is logged, and the shipped one stands in for it.
    """
    model_id = await in_force_id(tx)
    if model_id is None:
        return shipped_model()
    return await _parse(tx, model_id) or shipped_model()


async def in_force_id(tx: Tx) -> UUID | None:
    """Return the id of the model that was deployed last, None where none was."""
    model_id: UUID | None = (await tx.execute(_IN_FORCE)).scalar_one_or_none()
    return model_id


async def is_readable(tx: Tx) -> bool:
    """Whether this version of the service can read the model that was deployed last."""
    model_id = await in_force_id(tx)
    return model_id is None or await _parse(tx, model_id) is not None


async def _parse(tx: Tx, model_id: UUID) -> Model | None:
    if model_id not in _parsed:
        kept = (await tx.execute(_CONTENT, {"id": model_id})).one()
        found = read_content(kept.content)
        if found is None:
            _log.error("model_unreadable", version=kept.version, instead=shipped_model().version)
        while len(_parsed) >= PARSED_MAX:
            del _parsed[next(iter(_parsed))]
        _parsed[model_id] = found
    return _parsed[model_id]


def read_content(content: Mapping[str, Any]) -> Model | None:
    """Return a parsed model, None of what is none."""
    try:
        return model_from(content)
    except _UNREADABLE:
        return None


def shipped_content() -> dict[str, Any]:
    """Return the model file of the package as it is."""
    model_file = files("service.complaints.matching").joinpath("model.json")
    content: dict[str, Any] = msgspec.json.decode(model_file.read_bytes())
    return content


def shipped_report() -> dict[str, Any]:
    """Return what the package says of how its model was judged; empty where it says nothing."""
    found = shipped_content().get("report")
    return dict(found) if isinstance(found, dict) else {}


async def list_models(tx: Tx, *, limit: int = 50) -> list[ModelView]:
    """Return the model in force, then the others that are kept, the newest first, and the shipped one."""
    in_force = await in_force_id(tx)
    query = _models().order_by((MatchingModel.id == in_force).desc(), MatchingModel.id.desc()).limit(limit)
    found = [_view(row, in_force) for row in await tx.execute(query)]
    if shipped_model().version not in {each.version for each in found}:
        found.append(_of_package(is_in_force=in_force is None))
    return found


async def list_deployments(tx: Tx, *, limit: int = 50) -> list[DeploymentView]:
    """Return the changes of the model in force, the newest first."""
    deployed, before, done = aliased(MatchingModel), aliased(MatchingModel), MatchingDeployment
    query = (
        select(
            done.number,
            deployed.version,
            before.version.label("before"),
            done.by_id,
            done.reason,
            done.was_worse,
            done.at,
        )
        .join(deployed, deployed.id == done.model_id)
        .join(before, before.id == done.before_id)
        .order_by(done.number.desc())
        .limit(limit)
    )
    rows = (await tx.execute(query)).all()
    names = await person_names(tx, {row.by_id for row in rows if row.by_id is not None})
    return [
        DeploymentView(row.number, row.version, row.before, names.get(row.by_id), row.reason, row.was_worse, row.at)
        for row in rows
    ]


async def model_in_force(tx: Tx) -> ModelView:
    """Return the model that was deployed last, else the shipped one, with its report."""
    in_force = await in_force_id(tx)
    if in_force is None:
        return _of_package(is_in_force=True)
    return _view((await tx.execute(_models().where(MatchingModel.id == in_force))).one(), in_force)


def _models() -> Select[Any]:
    """Everything but the contents, which may be large."""
    deployed_at = (
        select(func.max(MatchingDeployment.at)).where(MatchingDeployment.model_id == MatchingModel.id).scalar_subquery()
    )
    return select(
        MatchingModel.id,
        MatchingModel.version,
        MatchingModel.origin,
        MatchingModel.made_at,
        MatchingModel.report,
        MatchingModel.trained_on,
        deployed_at.label("deployed_at"),
    )


def _view(row: Row[Any], in_force: UUID | None) -> ModelView:
    made_at = None if row.origin == "shipped" else row.made_at
    return ModelView(row.version, row.origin, row.id == in_force, made_at, row.deployed_at, row.report, row.trained_on)


def _of_package(*, is_in_force: bool) -> ModelView:
    return ModelView(shipped_model().version, "shipped", is_in_force, None, None, shipped_report(), {})
