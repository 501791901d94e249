"""Drawing ahead in a thread."""

from collections.abc import Iterator
from itertools import count, islice

import pytest

from service.samples.ahead import ahead


def test_pieces_come_in_order_and_all() -> None:
    assert list(ahead(iter(range(50)))) == list(range(50))


def test_what_the_drawing_raises_reaches_the_caller_after_the_pieces_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    seen: list[int] = []
    with pytest.raises(ValueError, match="no more"):
        seen.extend(ahead(broken()))
    assert seen == [1]


def test_a_caller_that_stops_early_leaves_no_thread_waiting() -> None:
    assert list(islice(ahead(count()), 3)) == [0, 1, 2]
