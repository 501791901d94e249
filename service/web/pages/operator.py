"""The operator's page: is everything well, and what waits?"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from time import monotonic

from litestar import get
from litestar.di import NamedDependency

from service.complaints.model_schemas import DriftView, MatchingView
from service.complaints.watching import matching_now
from service.core.actor import Actor
from service.core.errors import FairholdError
from service.db.session import Tx
from service.deadlines.queries import overdue
from service.escrow.alerts import live_alerts
from service.escrow.queries import last_checks, newest_seal, sweeping
from service.files.check_queries import last_whole_check
from service.files.images import ImageWorkshop
from service.files.store import Store
from service.jobs.queue import waiting_jobs, worker_silent_seconds
from service.web import paths
from service.web.pages.shell import Page, ShellOf
from service.web.phrase import Fact, Lot, say
from service.web.views.operator import AlertFigure, Check, DriftRow, Health, Matching, QueueFigure

_WORKER_SILENT_SECONDS_MAX = 60
_MILLISECONDS = 1_000
_CHECKS = (("run.reconcile", "reconcile"), ("run.verify", "verify"))


@get(paths.OPERATOR, opt={"allow": "web.operator"})
async def show_health(
    shell: ShellOf,
    tx: NamedDependency[Tx],
    actor: NamedDependency[Actor],
    store: NamedDependency[Store],
    workshop: NamedDependency[ImageWorkshop],
) -> Page:
    """Alerts, parts, queues and last runs."""
    outside = [await check_files(store), *await check_scanner(workshop)]  # before the transaction begins
    return await shell.page(await health(tx, actor, outside))


async def health(tx: Tx, actor: Actor, outside: Sequence[Check]) -> Health:
    """Return what the operator needs to know, as of now."""
    began = monotonic()
    now = await tx.now()
    database = Check("part.database", well=True, detail=say("health.answers", ms=_since(began)))
    runs: list[tuple[str, Fact]] = []
    sweep = await sweeping(tx, now=now)
    if sweep.last_release_at is not None:
        runs.append(("run.release", sweep.last_release_at))
    seal, checks = await newest_seal(tx), await last_checks(tx)
    if seal is not None:
        runs.append(("run.seal", seal.at))
    evidence = await last_whole_check(tx)
    if evidence is not None and evidence.ended_at is not None:
        runs.append(("run.evidence", evidence.ended_at))
    runs += [(name, checks[check]) for name, check in _CHECKS if check in checks]
    return Health(
        as_of=now,
        clock_offset_seconds=await tx.clock_offset_seconds() or 0,
        alerts=await alerts(tx, actor),
        checks=(database, *outside, await check_worker(tx)),
        queues=await queues(tx, now),
        runs=tuple(runs),
        matching=matching(await matching_now(tx)),
    )


def matching(now: MatchingView) -> Matching:
    """Return the model in force and its drift; models by name only where there was more than one."""
    several = len({each.version for each in now.drift if each.version}) > 1
    rows = [_drift_row(each) for each in now.drift if bool(each.version) or several]
    expected = DriftRow(say("drift.expected"), None, None, now.unmatched_expected, None, None, now.overridden_expected)
    return Matching(
        model=say(f"model.{now.origin}", version=Lot(now.version)),
        deployed_at=now.deployed_at,
        counted_at=now.counted_at,
        rows=(*rows, expected),
        newest_links=now.newest_links,
        overridden=now.overridden,
        overridden_max=now.overridden_max,
    )


def _drift_row(drift: DriftView) -> DriftRow:
    if drift.version:
        name = say("drift.model", version=Lot(drift.version), n=drift.days)
    else:
        name = say("drift.all", n=drift.days)
    return DriftRow(
        name,
        drift.tried,
        drift.unmatched,
        drift.unmatched_share,
        drift.links,
        drift.overridden,
        drift.overridden_share,
    )


async def alerts(tx: Tx, actor: Actor) -> tuple[AlertFigure, ...]:
    """Return what is wrong, one row a kind."""
    live = await live_alerts(tx, actor)
    since = {each.kind: each.raised_at for each in live}  # they come newest first, so the oldest stays
    counts = Counter(each.kind for each in live)
    return tuple(AlertFigure(f"alert.{kind}", counts[kind], since[kind]) for kind in sorted(since))


async def check_files(store: Store) -> Check:
    """Return whether the evidence store answers."""
    began = monotonic()
    try:
        await store.check()
    except FairholdError:
        return Check("part.files", well=False, detail=say("health.no_answer"))
    return Check("part.files", well=True, detail=say("health.answers", ms=_since(began)))


async def check_scanner(workshop: ImageWorkshop) -> list[Check]:
    """Return whether the malware scanner answers; nothing where none is configured."""
    if workshop.scanner is None:
        return []
    began = monotonic()
    try:
        await workshop.scanner.check()
    except FairholdError:
        return [Check("part.scanner", well=False, detail=say("health.no_answer"))]
    return [Check("part.scanner", well=True, detail=say("health.answers", ms=_since(began)))]


async def check_worker(tx: Tx) -> Check:
    """Return whether a worker lives."""
    silent = await worker_silent_seconds(tx)
    if silent is None:
        return Check("part.worker", well=False, detail=say("health.no_worker"))
    return Check("part.worker", silent <= _WORKER_SILENT_SECONDS_MAX, say("health.heard", n=max(0, silent)))


async def queues(tx: Tx, now: datetime) -> tuple[QueueFigure, ...]:
    """Return what waits: jobs, reports among them, due deadlines and due holds."""
    jobs, reports = await waiting_jobs(tx), await waiting_jobs(tx, prefix="reporting.")
    late, sweep = await overdue(tx, now=now), await sweeping(tx, now=now)
    return (
        QueueFigure("queue.jobs", jobs.count, jobs.oldest_seconds, jobs.failed),
        QueueFigure("queue.reports", reports.count, reports.oldest_seconds, reports.failed),
        QueueFigure("queue.deadlines", late.count, _age(late.oldest_at, now), 0),
        QueueFigure("queue.sweep", sweep.due_count, _age(sweep.oldest_due_at, now), 0),
    )


def _age(since: datetime | None, now: datetime) -> int:
    return 0 if since is None else int((now - since).total_seconds())


def _since(began: float) -> int:
    return max(1, round((monotonic() - began) * _MILLISECONDS))


HANDLERS = [show_health]
