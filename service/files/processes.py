"""Ends processes that asyncio started."""

import asyncio
import contextlib
import os
import signal


async def end_process(process: asyncio.subprocess.Process) -> int:
    """Kill a process, if it still lives, and return its exit status (minus the signal); its own, if it had one.

    Not by `process.kill()`: that asks for the status first, and if the process has just ended, takes it away from the
    thread in which asyncio waits for it, which then reports 255.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    return await process.wait()
