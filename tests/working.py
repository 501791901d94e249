"""Do a worker's work inside a test, to its end."""

from procrastinate import jobs
from sqlalchemy import text

from service.app import Service
from service.worker.host import sweepers

ROUNDS_MAX = 100


class JobsFailed(AssertionError):
    """A job raised; the message has each job's name and error."""


async def drain_all(service: Service) -> None:
    """Sweep and run jobs until there is nothing left to do; raises `JobsFailed` when a job raised."""
    async with service.queue.app.open_async():
        for _ in range(ROUNDS_MAX):
            found = 0
            for sweeper in sweepers(service.subscriptions):
                found += await service.database.run(sweeper.work)
            if await _waiting(service) == 0 and found == 0:
                return
            await service.queue.app.run_worker_async(
                wait=False,
                install_signal_handlers=False,
                listen_notify=False,
                delete_jobs=jobs.DeleteJobCondition.SUCCESSFUL,
            )
            await _raise_failed(service)
    raise JobsFailed(f"still work after {ROUNDS_MAX} rounds")


async def _waiting(service: Service) -> int:
    async with service.database.begin() as tx:
        found = await tx.execute(
            text(
                "SELECT count(*) FROM procrastinate_jobs"
                " WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())"
            )
        )
        return int(found.scalar_one())


async def _raise_failed(service: Service) -> None:
    async with service.database.begin() as tx:
        failed = await tx.execute(
            text("SELECT task_name, args FROM procrastinate_jobs WHERE status = 'failed' OR attempts > 0")
        )
        names = [f"{row.task_name} {row.args}" for row in failed]
    if names:
        raise JobsFailed("; ".join(names))
