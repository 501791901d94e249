"""What tests of one process share although each has parts of its own: making it anew was a fifth of a run.

Statements stay compiled for the engines of later tests, as one engine keeps them for itself. Decoders and readers of
photos stay warm, as they do in a service: they hold nothing of a file once it is answered.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import pytest
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from service.complaints.recognise.reader import Recogniser
from service.files.images import ImageWorkshop
from service.files.scanning import Scanner

Part = TypeVar("Part")
STATEMENTS_MAX = 5_000


@contextmanager
def shared_parts() -> Iterator[None]:
    """Have `assemble` use what earlier tests left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.db.session.create_async_engine", _engines())
        patch.setattr("service.app.ImageWorkshop", _workshops())
        patch.setattr("service.app.Recogniser", _each_loops(_WarmRecogniser))
        yield


def _engines() -> Callable[..., AsyncEngine]:
    first: list[Engine] = []

    def make(*args: Any, **options: Any) -> AsyncEngine:
        engine = create_async_engine(*args, query_cache_size=STATEMENTS_MAX, **options)
        first.append(engine.sync_engine)
        # All talk to one server in one dialect, which is a part of what a compiled statement is found by.
        engine.sync_engine.dialect = first[0].dialect
        engine.sync_engine._compiled_cache = first[0]._compiled_cache
        del first[1:]
        return engine

    return make


def _workshops() -> Callable[..., ImageWorkshop]:
    warm = _each_loops(_WarmWorkshop)

    def make(*, scanner: Scanner | None) -> ImageWorkshop:
        return warm() if scanner is None else ImageWorkshop(scanner=scanner)

    return make


def _each_loops(make: Callable[[], Part]) -> Callable[[], Part]:
    """Return what gives the part of the running event loop, to which it belongs, or a new one where none runs."""
    made: WeakKeyDictionary[asyncio.AbstractEventLoop, Part] = WeakKeyDictionary()

    def give() -> Part:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return make()
        if loop not in made:
            made[loop] = make()
        return made[loop]

    return give


class _WarmWorkshop(ImageWorkshop):
    async def close(self) -> None:
        """Stay for the next test: the processes end with the pipes to this one."""


class _WarmRecogniser(Recogniser):
    async def close(self) -> None:
        """Stay for the next test, as above."""
