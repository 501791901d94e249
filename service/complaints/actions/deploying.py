"""Models of the matcher: keeping what was trained, and putting one in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from service.complaints.matching.calibrate import shipped_model
from service.complaints.models import in_force_id, read_content, shipped_content, shipped_report
from service.complaints.queries.drift import drift
from service.complaints.rules import DEPLOYMENT_REASON_MAX, ModelOrigin
from service.complaints.tables import MatchingDeployment, MatchingModel
from service.core.actor import Actor
from service.core.errors import Conflict, Invalid, NotFound
from service.core.ids import new_id
from service.db.session import Tx
from service.events.log import emit

NOT_COMPARED = "not_compared"
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('matching_model'))")


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deployment did, and in what the new model is worse (`--worse-anyway`)."""

    version: str
    before: str
    number: int
    worse: Sequence[str]


async def keep_model(
    tx: Tx,
    actor: Actor,
    content: Mapping[str, Any],
    *,
    report: Mapping[str, Any],
    trained_on: Mapping[str, Any],
    now: datetime,
) -> str:
    """Keep a trained model as a candidate and return the version that it got; nothing is deployed.

    Its version is "trained-DAY.NUMBER", whatever `content` calls it. Raises `Invalid` ("model_unreadable"). Waits for
    others that keep or deploy one.
    """
    await tx.execute(_ONE_AT_A_TIME)
    day = f"trained-{now:%Y-%m-%d}."
    taken = await tx.scalars(select(MatchingModel.version).where(MatchingModel.version.startswith(day)))
    version = f"{day}{max((int(each.removeprefix(day)) for each in taken), default=0) + 1}"
    named = {**content, "version": version}
    if read_content(named) is None:
        raise Invalid("model_unreadable", "what was trained is no model that this version of the service can read")
    model_id = await _keep(tx, actor, named, origin="trained", report=report, trained_on=trained_on, now=now)
    facts = {"version": version, "complaints": trained_on.get("complaints", 0), "labels": trained_on.get("labels", 0)}
    await emit(tx, "matching_model.trained", actor=actor, subject=("matching_model", model_id), now=now, facts=facts)
    return version


async def deploy_model(
    tx: Tx, actor: Actor, version: str, *, reason: str, worse_anyway: bool, now: datetime
) -> Deployed:
    """Put a model in force from this transaction's commit on, with a record of who, why and on what figures.

    The shipped one and one that was in force before may always come back. Raises `NotFound` ("model_not_found"),
    `Invalid` ("reason_missing", "reason_too_long"), `Conflict` ("model_in_force", "model_unreadable"; unless
    `worse_anyway`, "model_compared_with_another", "model_is_worse"). Deployments wait for each other.
    """
    reason = _checked_reason(reason)
    await tx.execute(_ONE_AT_A_TIME)
    before, model = await _in_force(tx, actor, now=now), await _wanted(tx, actor, version, now=now)
    if model.id == before.id:
        raise Conflict("model_in_force", f"{version} is in force already")
    if read_content(model.content) is None:
        raise Conflict("model_unreadable", f"this version of the service cannot read {version}")
    worse = (
        [] if await _may_return(tx, model) else check_report(model.report, before.version, worse_anyway=worse_anyway)
    )
    number = (await tx.scalar(select(func.max(MatchingDeployment.number))) or 0) + 1
    tx.add(
        MatchingDeployment(
            id=new_id(),
            number=number,
            model_id=model.id,
            before_id=before.id,
            by_id=actor.person_id,
            reason=reason,
            figures={
                "model": model.report,
                "before": before.report,
                "drift": [msgspec.to_builtins(each) for each in await drift(tx, now=now)],
            },
            was_worse=bool(worse),
            at=now,
        )
    )
    facts = {"version": model.version, "before": before.version, "number": number, "worse": worse}
    await emit(tx, "matching_model.deployed", actor=actor, subject=("matching_model", model.id), now=now, facts=facts)
    return Deployed(model.version, before.version, number, worse)


def check_report(report: Mapping[str, Any], in_force: str, *, worse_anyway: bool) -> list[str]:
    """Return in what a model is worse than the one in force, by the report of its training.

    Raises `Conflict` ("model_compared_with_another", "model_is_worse") unless told to go on.
    """
    beside = report.get("in_force", {}).get("version")
    worse = list(report.get("worse", ())) if beside == in_force else [NOT_COMPARED]
    if worse == [NOT_COMPARED] and not worse_anyway:
        raise Conflict(
            "model_compared_with_another",
            f"it was judged beside {beside or 'no other'}, and {in_force} is in force now: train again, or say"
            " --worse-anyway",
            in_force=in_force,
        )
    if worse and not worse_anyway:
        raise Conflict(
            "model_is_worse",
            f"it is worse than {in_force} in {', '.join(worse)}: say --worse-anyway to deploy it all the same",
            worse=worse,
        )
    return worse


def _checked_reason(reason: str) -> str:
    if not reason.strip():
        raise Invalid("reason_missing", "say why", field="reason")
    if len(reason.strip()) > DEPLOYMENT_REASON_MAX:
        raise Invalid("reason_too_long", f"say why in at most {DEPLOYMENT_REASON_MAX} characters", field="reason")
    return reason.strip()


async def _in_force(tx: Tx, actor: Actor, *, now: datetime) -> MatchingModel:
    model_id = await in_force_id(tx)
    if model_id is None:
        return await _shipped(tx, actor, now=now)
    return (await tx.scalars(select(MatchingModel).where(MatchingModel.id == model_id))).one()


async def _wanted(tx: Tx, actor: Actor, version: str, *, now: datetime) -> MatchingModel:
    if version == shipped_model().version:
        return await _shipped(tx, actor, now=now)
    kept = await tx.scalar(select(MatchingModel).where(MatchingModel.version == version))
    if kept is None:
        raise NotFound("model_not_found", f"there is no model {version}: `fairhold matching models` lists them")
    return kept


async def _shipped(tx: Tx, actor: Actor, *, now: datetime) -> MatchingModel:
    """Return the shipped model, kept from now on: the package of the next version may bring another."""
    of_its_version = select(MatchingModel).where(MatchingModel.version == shipped_model().version)
    kept = await tx.scalar(of_its_version)
    if kept is None:
        await _keep(tx, actor, shipped_content(), origin="shipped", report=shipped_report(), trained_on={}, now=now)
        kept = (await tx.scalars(of_its_version)).one()
    return kept


async def _keep(
    tx: Tx,
    actor: Actor,
    content: Mapping[str, Any],
    *,
    origin: ModelOrigin,
    report: Mapping[str, Any],
    trained_on: Mapping[str, Any],
    now: datetime,
) -> UUID:
    row = insert(MatchingModel).values(
        id=new_id(),
        version=content["version"],
        origin=origin,
        content=dict(content),
        report=dict(report),
        trained_on=dict(trained_on),
        made_at=now,
        made_by=actor.person_id if origin == "trained" else None,
    )
    return (await tx.execute(row.returning(MatchingModel.id))).scalar_one()


async def _may_return(tx: Tx, model: MatchingModel) -> bool:
    """Whether a model needs no look at its report: the shipped one, or one that was in force before."""
    earlier = select(MatchingDeployment.id).where(MatchingDeployment.model_id == model.id).limit(1)
    return model.origin == "shipped" or await tx.scalar(earlier) is not None
