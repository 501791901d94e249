"""Prepared statements without a cursor: one round trip each, or a whole transaction in two.

A statement of a hot command is the same text a thousand times a second. psycopg's cursors would number its places anew
each time (they remember no text over 4 KB), ask again what each column is called, and keep three queues for a pipeline:
more processor time than all the rest of a command. Here that is done once a connection. Values are dumped and loaded by
psycopg's own adapters, and psycopg waits for the socket.
"""

import functools
import re
from collections import namedtuple
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

import psycopg
from psycopg import generators
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format, PipelineStatus
from psycopg.pq.abc import Buffer, PGconn, PGresult

_Values: TypeAlias = Mapping[str, object]
_Row: TypeAlias = Any  # a named tuple, or None
_PLACE = re.compile(r"%(?:\((\w+)\)s|%)")
_DONE = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK, ExecStatus.PIPELINE_SYNC})


class Statement:
    """A text as PostgreSQL takes it: its `%(name)s` are numbered, and the values come in the order of `names`."""

    __slots__ = ("formats", "names", "text")

    def __init__(self, text: str) -> None:
        numbers: dict[str, int] = {}

        def numbered(place: re.Match[str]) -> str:
            return f"${numbers.setdefault(place[1], len(numbers) + 1)}" if place[1] else "%"

        self.text = _PLACE.sub(numbered, text).encode()
        self.names = tuple(numbers)
        self.formats = [PyFormat.AUTO] * len(numbers)


statement_of = functools.cache(Statement)
"""The statement of a text; texts are constants of the program, of which there are a dozen."""


class _Known:
    """A statement on one connection: its names there, by the types of its values, and how its rows are read."""

    __slots__ = ("_make_row", "_statement", "_transformer", "names")

    def __init__(self, statement: Statement, connection: psycopg.AsyncConnection[Any]) -> None:
        self.names: dict[tuple[int, ...], bytes] = {}
        self._statement = statement
        self._transformer = Transformer(connection)
        self._make_row: Callable[[Iterable[Any]], _Row] | None = None

    def dump(self, values: _Values) -> tuple[Sequence[Buffer | None], tuple[int, ...]]:
        """Return the values as they are sent, and their types, for which the statement has to be prepared."""
        asked = [values[name] for name in self._statement.names]
        return self._transformer.dump_sequence(asked, self._statement.formats), self._transformer.types or ()

    def send(self, pgconn: PGconn, name: bytes, given: Sequence[Buffer | None]) -> None:
        """Send the values that were dumped last."""
        pgconn.send_query_prepared(name, given, self._transformer.formats, Format.BINARY)

    def first_row(self, result: PGresult) -> _Row:
        """Return the result's first row, None if there is none."""
        if result.ntuples == 0:
            return None
        self._transformer.set_pgresult(result, set_loaders=self._make_row is None)
        if self._make_row is None:
            columns = [(result.fname(number) or b"").decode() for number in range(result.nfields)]
            # PostgreSQL alone knows the columns.
            kind: Any = namedtuple("Row", columns)  # type: ignore[misc]  # noqa: PYI024 - as above
            self._make_row = kind._make
        return self._transformer.load_row(0, self._make_row)


class HotConnection(psycopg.AsyncConnection[Any]):
    """A connection that runs prepared statements; one task at a time may use it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names_given = 0
        self._known: dict[Statement, _Known] = {}

    def known(self, statement: Statement) -> _Known:
        """Return what this connection knows of a statement."""
        known = self._known.get(statement)
        if known is None:
            known = self._known[statement] = _Known(statement, self)
        return known

    async def first_row(self, statement: Statement, values: _Values) -> _Row:
        """Run a statement as a transaction of its own and return its first row, or None; raises `psycopg.Error`."""
        known = self.known(statement)
        given, types = known.dump(values)
        name = known.names.get(types)
        if name is None:
            async with pipeline(self) as first:
                return await first.first_row(statement, values)
        known.send(self.pgconn, name, given)
        results = await self.wait(generators.execute(self.pgconn))
        _check(results)
        return known.first_row(results[0])


class Pipeline:
    """Statements that PostgreSQL takes for one transaction, without BEGIN and COMMIT: all up to a pipeline's end."""

    __slots__ = ("_connection", "_has_prepared", "_sent")

    def __init__(self, connection: HotConnection) -> None:
        self._connection = connection
        self._has_prepared = False
        self._sent = 0
        connection.pgconn.enter_pipeline_mode()

    async def first_row(self, statement: Statement, values: _Values) -> _Row:
        """Run the first statement now and return its first row, or None; raises `psycopg.Error`."""
        known = self._send(statement, values)
        self._connection.pgconn.send_flush_request()
        results = await self._connection.wait(_fetch(self._connection.pgconn, self._sent))
        _check(results)
        return known.first_row(results[-1])

    async def execute(self, text: str, values: _Values) -> None:
        """Run a statement at the end; raises `psycopg.Error` for values that cannot be sent."""
        self._send(statement_of(text), values)

    def _send(self, statement: Statement, values: _Values) -> _Known:
        pgconn, known = self._connection.pgconn, self._connection.known(statement)
        given, types = known.dump(values)
        name = known.names.get(types)
        if name is None:
            self._has_prepared = True
            self._connection.names_given += 1
            name = known.names[types] = b"hot_%d" % self._connection.names_given
            pgconn.send_prepare(name, statement.text, types)
            self._sent += 1
        known.send(pgconn, name, given)
        self._sent += 1
        return known

    async def end(self) -> None:
        """Commit what was sent, or raise `psycopg.Error`, having undone it; leaves the connection as it was lent."""
        _check(await self._sync())

    async def undo(self) -> None:
        """Undo what was sent, if the pipeline has not ended; closes the connection unless PostgreSQL has failed it."""
        pgconn = self._connection.pgconn
        try:
            if pgconn.pipeline_status == PipelineStatus.ABORTED:
                with suppress(psycopg.Error):  # why it was undone is known already
                    await self._sync()
        finally:
            # A name that was given here may be unknown to PostgreSQL, and a pipeline's end would commit.
            if self._has_prepared or pgconn.pipeline_status != PipelineStatus.OFF:
                await self._connection.close()

    async def _sync(self) -> list[PGresult]:
        pgconn = self._connection.pgconn
        pgconn.pipeline_sync()
        results = await self._connection.wait(_fetch_all(pgconn))
        pgconn.exit_pipeline_mode()
        return results


@asynccontextmanager
async def pipeline(connection: HotConnection) -> AsyncIterator[Pipeline]:
    """Begin a transaction and commit it at the end of the block; undo it on any exception."""
    begun = Pipeline(connection)
    try:
        yield begun
        await begun.end()
    except BaseException:
        await begun.undo()
        raise


def _fetch(pgconn: PGconn, count: int) -> PQGen[list[PGresult]]:
    """Send what waits to be sent, and take the results of as many commands."""
    yield from generators.send(pgconn)
    results: list[PGresult] = []
    for _ in range(count):
        results += yield from _fetch_next(pgconn)
    return results


def _fetch_all(pgconn: PGconn) -> PQGen[list[PGresult]]:
    """Send what waits to be sent, and take all results up to the pipeline's end."""
    yield from generators.send(pgconn)
    results: list[PGresult] = []
    while not results or results[-1].status != ExecStatus.PIPELINE_SYNC:
        results += yield from _fetch_next(pgconn)
    return results


def _fetch_next(pgconn: PGconn) -> PQGen[list[PGresult]]:
    results: list[PGresult] = yield from generators.fetch_many(pgconn)
    if not results:
        raise psycopg.OperationalError("the connection was lost in a pipeline")
    return results


def _check(results: Iterable[PGresult]) -> None:
    for result in results:
        if result.status not in _DONE:
            raise error_from_result(result)
