"""A light HTTP client: a fixed number of kept connections that send prepared requests one after the other.

It is not httpx, whose own time for a request would be a good part of what is measured.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import uvloop

CLIENTS = 8


@dataclass
class Driven:
    """What a row of requests took. `failures` counts other answers than 2xx by status, with one body."""

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    failures: Counter[int] = field(default_factory=Counter)
    failed_body: bytes = b""


def request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the bytes of a request."""
    named = {"host": "127.0.0.1", "content-type": "application/json", "content-length": str(len(body)), **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def drive(port: int, requests: Sequence[bytes], clients: int = CLIENTS) -> Driven:
    """Send all requests by `clients` connections, each the next one when its last was answered."""
    return uvloop.run(_drive(port, requests, clients))


async def _drive(port: int, requests: Sequence[bytes], clients: int) -> Driven:
    driven, rest = Driven(), iter(requests)
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(clients)]
    began = time.perf_counter()
    await asyncio.gather(*(_client(reader, writer, rest, driven) for reader, writer in connections))
    driven.seconds = time.perf_counter() - began
    for _, writer in connections:
        writer.close()
    return driven


async def _client(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rest: Iterator[bytes], driven: Driven
) -> None:
    for each in rest:
        began = time.perf_counter()
        writer.write(each)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        driven.latencies_ms.append((time.perf_counter() - began) * 1000)
        status = int(head[9:12])
        if not 200 <= status < 300:
            driven.failures[status] += 1
            driven.failed_body = body


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
