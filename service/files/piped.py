"""A worker process of our own that answers jobs through its pipes: started, asked, ended. Its side is `pipe_end`.

It runs one module of this project with Python alone (`-I`): nothing of our environment, which holds secrets, and no
folder of the user's. A frame is the sizes of a head and a body (32 bits each), the head as JSON, the body as it is.
"""

import asyncio
import json
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from service.core.errors import ensure, unreachable
from service.files.processes import end_process

SIZES: Final = struct.Struct(">II")
_ROOT: Final = Path(__file__).parents[2]
# `-I` leaves out the folder of the project, which need not be installed.
_BEGIN: Final = "import runpy, sys; sys.path.append(sys.argv[1]); runpy.run_module(sys.argv[2], run_name='__main__')"
# One arena keeps the address space of threads small; nobody waits for this work with more than one processor.
_ENVIRONMENT: Final = {
    "LANG": "C.UTF-8",
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
Answer = tuple[Mapping[str, Any], bytes]


class Piped:
    """One worker process and its pipes. Whoever has it asks one thing at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        ensure(process.stdin is not None and process.stdout is not None, "a worker has pipes")
        self._process = process
        self.jobs = 0

    @classmethod
    async def start(cls, module: str) -> "Piped":
        """Start the module, which calls `pipe_end.answer_jobs`."""
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-c",
                _BEGIN,
                str(_ROOT),
                module,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=_ENVIRONMENT,
            )
        )

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended, as far as we heard."""
        return self._process.returncode is None

    async def ask(self, head: Mapping[str, Any], body: bytes, *, answer_bytes_max: int) -> Answer:
        """Return an answer's head and body; raises `EOFError`, `ConnectionError` or `ValueError` if none comes."""
        self.jobs += 1
        sink, source = self._process.stdin, self._process.stdout
        if sink is None or source is None:
            unreachable("a worker has pipes")
        packed = json.dumps(head).encode()
        sink.write(SIZES.pack(len(packed), len(body)) + packed)
        sink.write(body)
        await sink.drain()
        head_size, body_size = SIZES.unpack(await source.readexactly(SIZES.size))
        if head_size + body_size > answer_bytes_max:
            raise ValueError("an answer is too long")
        answer = json.loads(await source.readexactly(head_size))
        if not isinstance(answer, dict):
            raise ValueError("an answer has a head with names")  # noqa: TRY004 - what came is wrong, not our types
        return answer, await source.readexactly(body_size)

    async def end(self) -> int:
        """End the process, if it still lives, and return its exit status (minus the signal)."""
        return await end_process(self._process)
