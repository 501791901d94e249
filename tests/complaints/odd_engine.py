"""A reading process that does what the photo's bytes say: it reads, dies, hangs, babbles or runs out of memory."""

import os
import signal
import time
from typing import Any

from service.files.pipe_end import answer_jobs

SEEN = {"width": 8, "height": 8, "engine": "odd 1", "codes": [], "lines": []}


def work(_: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    match body:
        case b"die":
            os.kill(os.getpid(), signal.SIGSEGV)
        case b"hang":
            time.sleep(3_600)
        case b"spin":
            while True:
                pass
        case b"babble":
            return {"width": "wide"}, b""
        case b"memory":
            try:
                bytearray(400_000_000)
            except MemoryError:
                return {"error": "memory"}, b""
        case b"unreadable":
            return {"error": "unreadable"}, b""
        case b"environment":
            return SEEN | {"engine": " ".join(sorted(os.environ))}, b""
    return SEEN, b""


if __name__ == "__main__":
    answer_jobs(work, memory_bytes_max=300_000_000)
