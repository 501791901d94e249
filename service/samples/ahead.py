"""Make the next piece while the last one is being written: two processors are better than one."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Piece = TypeVar("Piece")


def ahead(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Yield the pieces in order, drawing one ahead in a thread; raises here what the drawing raises."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="sample-data") as drawing:
        drawn: Future[list[Piece]] = drawing.submit(_one, pieces)
        while piece := drawn.result():
            drawn = drawing.submit(_one, pieces)
            yield piece[0]


def _one(pieces: Iterator[Piece]) -> list[Piece]:
    """Return the next piece in a list, which is empty at the end."""
    return list(islice(pieces, 1))
