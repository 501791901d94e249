"""Ending a process keeps the status that it had."""

import asyncio
import signal

from service.files.processes import end_process

TIMES = 60


async def started(script: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec("/bin/sh", "-c", script, stdout=asyncio.subprocess.PIPE)


async def test_a_process_that_ends_at_this_moment_keeps_its_own_status() -> None:
    statuses = set()
    for _ in range(TIMES):
        process = await started("exec >&-; exit 7")
        assert process.stdout is not None
        assert await process.stdout.read() == b""  # its end of the pipe is closed: it ends now
        statuses.add(await end_process(process))
    assert statuses <= {7, -signal.SIGKILL}


async def test_a_living_process_is_killed_and_one_that_was_ended_stays_so() -> None:
    process = await started("exec sleep 600")
    assert await end_process(process) == -signal.SIGKILL
    assert await end_process(process) == -signal.SIGKILL
