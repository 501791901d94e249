"""A worker process of our own that answers jobs through its pipes: started, asked, ended. Its side is `pipe_end`.

It runs one module of this project with Python alone (`-I`): nothing of our environment, which holds secrets, and no
folder of the user's. A frame is the sizes of a head and a body (32 bits each), the head as JSON, the body as it is.
"""

import asyncio
import json
import struct
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from service.core.errors import ensure, unreachable
from service.files.processes import end_process

SIZES: Final = struct.Struct(">II")
PIECE_BYTES: Final = 1_048_576
# One arena keeps the address space of threads small; nobody waits for this work with more than one processor.
ENVIRONMENT: Final = {
    "LANG": "C.UTF-8",
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
_ROOT: Final = Path(__file__).parents[2]
# `-I` leaves out the folder of the project, which need not be installed.
_BEGIN: Final = "import runpy, sys; sys.path.append(sys.argv[1]); runpy.run_module(sys.argv[2], run_name='__main__')"


class Piped:
    """One worker process and its pipes. Whoever has it asks one thing at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        ensure(process.stdin is not None and process.stdout is not None, "a worker has pipes")
        self._process = process
        self.jobs = 0

    @classmethod
    async def start(cls, module: str, environment: Mapping[str, str] = ENVIRONMENT) -> "Piped":
        """Start the module, which calls `pipe_end.answer_jobs`; `environment` is all that it gets."""
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
                env=environment,
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

    async def ask(
        self, head: Mapping[str, Any], body: BinaryIO, size_bytes: int, *, head_bytes_max: int, body_bytes_max: int
    ) -> tuple[bytes, bytes]:
        """Send a job, its body from the beginning; return the answer's head, which is to be JSON, and its body.

        Raises `EOFError`, `ConnectionError` or `ValueError` if none comes, or one that is larger than the limits.
        """
        self.jobs += 1
        sink, source = self._process.stdin, self._process.stdout
        if sink is None or source is None:
            unreachable("a worker has pipes")
        packed = json.dumps(head).encode()
        sink.write(SIZES.pack(len(packed), size_bytes) + packed)
        async for piece in _pieces(body, size_bytes):
            sink.write(piece)
            await sink.drain()
        head_size, body_size = SIZES.unpack(await source.readexactly(SIZES.size))
        if head_size > head_bytes_max or body_size > body_bytes_max:
            raise ValueError("an answer is too long")
        return await source.readexactly(head_size), await source.readexactly(body_size)

    async def end(self) -> int:
        """End the process, if it still lives, and return its exit status (minus the signal)."""
        return await end_process(self._process)


async def _pieces(source: BinaryIO, size_bytes: int) -> AsyncIterator[bytes]:
    """Give a file from its beginning, in pieces; raises `EOFError` if it has become shorter."""
    await asyncio.to_thread(source.seek, 0)
    left = size_bytes
    while left > 0:
        piece = await asyncio.to_thread(source.read, min(left, PIECE_BYTES))
        if not piece:
            raise EOFError("the file became shorter")
        left -= len(piece)
        yield piece
