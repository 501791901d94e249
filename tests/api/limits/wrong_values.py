"""For each type: values just beyond its limits, values just within, and whether it has limits at all."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import inspect as kinds

from tests.api.limits.shapes import Slot

FAR = (2**63, -(2**63) - 1, 2**64, 10**400)
"""Numbers beyond what the database holds."""
_FILLERS = ("a", "7", "长", "A", " ")
_MISFITS = ("", " ", "!", "\n", "a", "7", "长", "Z\u0085")


class Raw(str):
    """JSON text to be sent as it is: values that no encoder would write. Some of them no decoder reads either."""

    __slots__ = ()

    @property
    def is_readable(self) -> bool:
        """Whether a decoder takes it: no lone half of a character, no number beyond all numbers."""
        return "\\ud" not in self and "e999" not in self


def wrong_values(slot: Slot) -> Iterator[Any]:
    """Give values that a place must refuse, each wrong in one way."""
    if not slot.takes_null:
        yield None
    for kind in slot.types:
        yield from _WRONG[type(kind)](kind, slot.example)


def limits_missing(slot: Slot) -> list[str]:
    """Say which limits a place should have and has not."""
    found = []
    for kind in slot.types:
        if isinstance(kind, kinds.StrType) and kind.max_length is None:
            found.append(f"{slot.name}: no max_length")
        if isinstance(kind, kinds.IntType) and (_least(kind) is None or _most(kind) is None):
            found.append(f"{slot.name}: no range")
        if isinstance(kind, kinds.ListType) and kind.max_length is None:
            found.append(f"{slot.name}: no greatest count")
        if isinstance(kind, kinds.StructType) and not kind.forbid_unknown_fields:
            found.append(f"{slot.name}: takes unknown fields")
        if type(kind) not in _WRONG:
            found.append(f"{slot.name}: {kind} is not walked")
    return found


def values_at_limits(slot: Slot) -> Iterator[Any]:
    """Give the values at each end of a place's limits."""
    for kind in slot.types:
        if isinstance(kind, kinds.StrType):
            yield from (_shortest(kind, slot.example), _text(kind, slot.example, kind.max_length or 0))
        elif isinstance(kind, kinds.IntType):
            yield from (_least(kind), _most(kind))
        elif isinstance(kind, kinds.ListType):
            item = _EVERY_ITEM[type(kind.item_type)]
            yield from ([item] * count for count in (kind.min_length or 0, kind.max_length or 0))
        elif isinstance(kind, kinds.LiteralType):
            yield from kind.values
        elif isinstance(kind, kinds.EnumType):
            yield from (each.value for each in kind.cls)
        elif isinstance(kind, kinds.BoolType):
            yield from (True, False)
        elif isinstance(kind, kinds.DateType):
            yield from ("0001-01-01", "9999-12-31")
        else:
            yield slot.example
    if slot.takes_null:
        yield None


_EVERY_ITEM: Mapping[type[kinds.Type], Any] = {kinds.UUIDType: "0198f3a1-7c2e-7d10-9b54-3f6a2c8e1d07"}


def _wrong_texts(kind: kinds.StrType, example: str) -> Iterator[Any]:
    yield from (7, True, [], {}, ["a"])
    yield "a\0b"
    yield "\0"
    yield from (Raw('"\\ud800"'), Raw('"a\\udfff\\ud800"'))
    if kind.max_length is not None:
        yield _text(kind, example, kind.max_length + 1)
        yield "a" * 100_000
    if kind.min_length:
        yield _text(kind, example, kind.min_length - 1)
    if kind.pattern is not None:
        yield from _off_pattern(kind, example)


def _off_pattern(kind: kinds.StrType, example: str) -> Iterator[str]:
    """Give texts of a right length that a pattern refuses; a pattern of limits to both sides takes no line end."""
    pattern, least, most = kind.pattern or "", kind.min_length or 0, kind.max_length or 0
    tries = (each for each in (*_MISFITS, *(misfit * len(example) for misfit in _MISFITS if misfit)))
    yield from [each for each in tries if least <= len(each) <= most and not re.search(pattern, each)][:3]
    if pattern.startswith("^[") and pattern.endswith("$") and not pattern.startswith("^[^"):
        yield example + "\n"


def _wrong_numbers(kind: kinds.IntType, _: int) -> Iterator[Any]:
    yield from ("1", "", "null", 1.5, 1.0, True, [], {})
    yield from (Raw("1e999"), Raw("-1e999"), Raw("1e2"), *FAR)
    least, most = _least(kind), _most(kind)
    yield from (() if least is None else (least - 1,))
    yield from (() if most is None else (most + 1,))


def _wrong_ids(_: kinds.UUIDType, example: str) -> Iterator[Any]:
    yield from ("", "null", "an id", example[:-1], example + "0", example + "\n", 7, True, [], {}, [example])


def _wrong_dates(_: kinds.DateType, __: str) -> Iterator[Any]:
    yield from ("", "null", "yesterday", "2026-13-01", "2026-02-30", "0000-01-01", "10000-01-01", "2026-11-18\n")
    yield from ("18.11.2026", "2026-11-18T00:00:00Z", 20261118, True, [], {})


def _wrong_instants(kind: kinds.DateTimeType, _: str) -> Iterator[Any]:
    yield from ("", "null", "now", "2026-11-18", "2026-11-18T25:00:00Z", "2026-02-30T00:00:00Z", True, [], {})
    yield from (1_763_625_600, "1763625600")
    yield "2026-11-20T08:00:00"  # of which zone?


def _wrong_flags(_: kinds.BoolType, __: bool) -> Iterator[Any]:
    yield from ("true", "", "null", 1, 0, 2, [], {})


def _wrong_words(kind: kinds.LiteralType | kinds.EnumType, example: str) -> Iterator[Any]:
    yield from ("", "null", "nobody_knows_this", example + " ", example.swapcase(), example + "\0", 7, True, [], {})


def _wrong_lists(kind: kinds.ListType, _: list[Any]) -> Iterator[Any]:
    yield from ({}, "", "[]", 7, True, [None])
    if kind.max_length is not None:
        yield [_EVERY_ITEM[type(kind.item_type)]] * (kind.max_length + 1)
    if kind.min_length:
        yield [_EVERY_ITEM[type(kind.item_type)]] * (kind.min_length - 1)


def _wrong_parts(_: kinds.StructType, __: dict[str, Any]) -> Iterator[Any]:
    yield from ([], "", "null", "{}", 7, True, [{}])


_WRONG: Mapping[type[kinds.Type], Callable[..., Iterator[Any]]] = {
    kinds.StrType: _wrong_texts,
    kinds.IntType: _wrong_numbers,
    kinds.UUIDType: _wrong_ids,
    kinds.DateType: _wrong_dates,
    kinds.DateTimeType: _wrong_instants,
    kinds.BoolType: _wrong_flags,
    kinds.LiteralType: _wrong_words,
    kinds.EnumType: _wrong_words,
    kinds.ListType: _wrong_lists,
    kinds.StructType: _wrong_parts,
}


def _shortest(kind: kinds.StrType, example: str) -> str:
    """Return the shortest text that length and pattern let pass."""
    tries = (_text(kind, example, length) for length in range(kind.min_length or 0, (kind.max_length or 0) + 1))
    return next(each for each in tries if kind.pattern is None or re.search(kind.pattern, each))


def _text(kind: kinds.StrType, example: str, length: int) -> str:
    """Return a text of this length that the pattern lets pass, if there is one: the example, cut or filled up."""
    tries = [(example + filler * length)[:length] for filler in _FILLERS]
    tries += [filler * length for filler in _FILLERS]
    return next((each for each in tries if kind.pattern is None or re.search(kind.pattern, each)), tries[0])


def _least(kind: kinds.IntType) -> int | None:
    return kind.ge if kind.gt is None else kind.gt + 1


def _most(kind: kinds.IntType) -> int | None:
    return kind.le if kind.lt is None else kind.lt - 1
