"""Models for tests: the shipped one under another name, with the report that its training would have written."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from service.complaints.actions import Deployed, deploy_model, keep_model
from service.complaints.matching.calibrate import shipped_model
from service.complaints.models import shipped_content
from service.core.actor import SYSTEM, Actor
from service.core.ids import new_id
from service.db.session import Database, Tx

SHIPPED = shipped_model().version
FIGURES: dict[str, Any] = {"linked": 0.7, "linked_precision": 0.994, "recall_at_1": 0.988, "unmatched": 0.06}


def report(*, beside: str = SHIPPED, worse: Sequence[str] = ()) -> dict[str, Any]:
    """What training writes of a model that was judged beside another."""
    return {
        "judged_on": {"complaints": 400, "folds": 5},
        "new": {"figures": FIGURES, "languages": {}},
        "in_force": {"version": beside, "figures": FIGURES, "languages": {}, "may_have_seen": False},
        "worse": list(worse),
        "expected": {"unmatched": 0.06, "overridden": 0.006},
    }


async def kept(
    database: Database,
    *,
    beside: str = SHIPPED,
    worse: Sequence[str] = (),
    actor: Actor = SYSTEM,
    trained_on: dict[str, Any] | None = None,
) -> str:
    """Keep a trained model; return its version."""
    async with database.begin() as tx:
        return await keep_model(
            tx,
            actor,
            shipped_content(),
            report=report(beside=beside, worse=worse),
            trained_on=trained_on or {"complaints": 400, "labels": 400, "files": []},
            now=await tx.now(),
        )


async def deployed(
    database: Database,
    version: str,
    *,
    reason: str = "Better on the labels of November",
    worse_anyway: bool = False,
    actor: Actor = SYSTEM,
) -> Deployed:
    """Put a model in force, committed."""
    async with database.begin() as tx:
        return await deploy_model(tx, actor, version, reason=reason, worse_anyway=worse_anyway, now=await tx.now())


async def tried(tx: Tx, complaint_id: UUID, *, by: str = "automatic", batch_id: UUID | None, **more: Any) -> None:
    """Write a try of the matcher, or a choice of people, of a complaint."""
    facts: dict[str, Any] = {
        "id": new_id(),
        "complaint_id": complaint_id,
        "by": by,
        "outcome": "unmatched" if batch_id is None else "linked",
        "batch_id": batch_id,
        "version": SHIPPED if by == "automatic" else None,
        "at": await tx.now(),
        **more,
    }
    await tx.execute(
        text(
            "INSERT INTO complaint_match (id, tenant_id, complaint_id, link_by, outcome, is_strict, batch_id,"
            " model_version, reasons, runners_up, at) SELECT :id, tenant_id, id, :by, :outcome, false, :batch_id,"
            " :version, '[]', '[]', :at FROM complaint WHERE id = :complaint_id"
        ),
        facts,
    )
