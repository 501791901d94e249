"""Alerts of the check of all stored evidence: damage as soon as a chunk has some, and that no check came to its end.

Damage stops no payments, as a broken seal does: a photo that is lost cannot be brought back, and its own case is frozen
by its claim. See docs/decisions.
"""

from datetime import timedelta
from uuid import UUID

from service.db.session import Database, Tx
from service.escrow.alerts import clear_alert, raise_alert
from service.files.check_queries import any_found_since, count_findings, get_run, open_night_check
from service.files.check_runs import queue_check
from service.jobs.queue import Payload

EVIDENCE = ("evidence", "all")
DAMAGED, NOT_CHECKED = "evidence_damaged", "evidence_not_checked"
LATE_AFTER = timedelta(days=1)


async def watch_evidence(tx: Tx) -> int:
    """Begin the nightly check when its time has come, and alert if one that was begun does not end; return 0."""
    now = await tx.now()
    await queue_check(tx, now=now)
    run = await open_night_check(tx)
    if run is not None and run.started_at < now - LATE_AFTER:
        facts = {"check_id": str(run.id), "since": run.started_at.isoformat()}
        await raise_alert(tx, NOT_CHECKED, EVIDENCE, facts=facts, now=now)
    elif run is None:
        await clear_alert(tx, NOT_CHECKED, EVIDENCE, now=now)
    return 0


async def tell_of_check(payload: Payload, *, database: Database) -> None:
    """Raise the alert for what a check found; a check of everything that ended without a finding clears it.

    Unless another check has found something since that one began, which may have looked there before.
    """

    async def tell(tx: Tx) -> None:
        run, now = await get_run(tx, UUID(payload["subject_id"])), await tx.now()
        if run.findings:
            facts = {"check_id": str(run.id), "findings": run.findings, "what": await count_findings(tx, run.id)}
            await raise_alert(tx, DAMAGED, EVIDENCE, facts=facts, now=now)
        elif run.is_whole and run.ended_at is not None and not await any_found_since(tx, run.started_at):
            await clear_alert(tx, DAMAGED, EVIDENCE, now=now)

    await database.run(tell)
