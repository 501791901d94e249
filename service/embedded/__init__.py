"""PostgreSQL and S3 from Python wheels, kept under a home folder and ended with the process that started them.

`embedded(home)` starts both. Each server runs under a small guard process (`guard.py`), so that Ctrl-C, SIGTERM and
even kill -9 of the starter leave nothing behind. Starting again keeps the data.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.embedded.postgres import EmbeddedPostgres, PostgresUrls
from service.embedded.s3 import EmbeddedS3, S3Access

__all__ = ["EmbeddedPostgres", "EmbeddedS3", "EmbeddedServers", "PostgresUrls", "S3Access", "embedded"]


@dataclass(frozen=True, slots=True)
class EmbeddedServers:
    """Where both running servers are."""

    postgres: PostgresUrls
    s3: S3Access


@contextmanager
def embedded(home: Path, *, throw_away: bool = False) -> Iterator[EmbeddedServers]:
    """Start both servers under `home`, and stop them at the end of the block.

    `throw_away` trades safety against power cuts for speed: for tests only. Raises `Unavailable` when a server cannot
    be started, with what to do about it in the message.
    """
    with ExitStack() as stack:
        s3 = EmbeddedS3(home)
        stack.callback(s3.stop)
        postgres = EmbeddedPostgres(home, throw_away=throw_away)
        stack.callback(postgres.stop)
        s3.launch()
        yield EmbeddedServers(postgres=postgres.start(), s3=s3.start())
