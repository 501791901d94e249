"""What a request may hold: each place in a struct with its type, for tests that go beyond every limit."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import inspect as kinds

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a body: where it is, what types it takes beside null, and an example that fits."""

    path: Path
    types: tuple[kinds.Type, ...]
    takes_null: bool
    is_required: bool
    example: Any

    @property
    def name(self) -> str:
        """The place as problems name it, such as `amount.currency` or `parent_ids[0]`."""
        return spelt(self.path)


def spelt(path: Path) -> str:
    """Return a path as problems name it."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def slots_of(struct: type[msgspec.Struct]) -> list[Slot]:
    """Return every place in a request's struct, with those of its parts and of its lists' items."""
    return list(_slots(kinds.type_info(struct), ()))


def structs_of(struct: type[msgspec.Struct]) -> list[tuple[Path, kinds.StructType]]:
    """Return the struct itself and each struct within, by its place."""
    found: list[tuple[Path, kinds.Type]] = [((), _plain(kinds.type_info(struct)))]
    found += [(slot.path, kind) for slot in slots_of(struct) for kind in slot.types]
    return [(path, kind) for path, kind in found if isinstance(kind, kinds.StructType)]


def _slots(kind: kinds.Type, path: Path) -> Iterator[Slot]:
    if isinstance(kind, kinds.StructType):
        for field in kind.fields:
            yield from _with_parts(field.type, (*path, field.encode_name), is_required=field.required)
    elif isinstance(kind, kinds.ListType):
        yield from _with_parts(kind.item_type, (*path, 0), is_required=False)


def _with_parts(kind: kinds.Type, path: Path, *, is_required: bool) -> Iterator[Slot]:
    types = _alternatives(kind)
    takes_null = any(isinstance(each, kinds.NoneType) for each in types)
    others = tuple(each for each in types if not isinstance(each, kinds.NoneType))
    yield Slot(path, others, takes_null, is_required, example_of(kind))
    for each in others:
        yield from _slots(each, path)


def _plain(kind: kinds.Type) -> kinds.Type:
    return kind.type if isinstance(kind, kinds.Metadata) else kind


def _alternatives(kind: kinds.Type) -> list[kinds.Type]:
    plain = _plain(kind)
    return [_plain(each) for each in plain.types] if isinstance(plain, kinds.UnionType) else [plain]


_EXAMPLES: Mapping[type[kinds.Type], Any] = {
    kinds.StrType: "text",
    kinds.BoolType: False,
    kinds.UUIDType: "0198f3a1-7c2e-7d10-9b54-3f6a2c8e1d07",
    kinds.DateType: "2026-11-18",
    kinds.DateTimeType: "2026-11-20T08:00:00Z",
}


def example_of(kind: kinds.Type) -> Any:
    """Return a value that fits: the type's own example, else the least one that its limits let pass."""
    if isinstance(kind, kinds.Metadata):
        examples = (kind.extra_json_schema or {}).get("examples")
        return examples[0] if examples else example_of(kind.type)
    if isinstance(kind, kinds.UnionType):
        return example_of(next(each for each in kind.types if not isinstance(each, kinds.NoneType)))
    if isinstance(kind, kinds.StructType):
        return {field.encode_name: example_of(field.type) for field in kind.fields if field.required}
    if isinstance(kind, kinds.LiteralType):
        return kind.values[0]
    if isinstance(kind, kinds.EnumType):
        return next(iter(kind.cls)).value
    if isinstance(kind, kinds.ListType):
        return []
    if isinstance(kind, kinds.IntType):
        return kind.ge or 0
    if isinstance(kind, kinds.StrType) and (kind.pattern or "").startswith("^[0-9 -]*"):
        return "06901234567892"
    return _EXAMPLES.get(type(kind))


def placed(body: Mapping[str, Any], struct: type[msgspec.Struct], path: Path, value: Any) -> dict[str, Any]:
    """Return a copy of a right body with another value at a place; parts on the way that it lacks are added."""
    whole: Any = deepcopy(dict(body))
    kind, at = kinds.type_info(struct), whole
    for step, after in zip(path, (*path[1:], None), strict=True):
        kind = _inner(kind, step)
        fitting = value if after is None else example_of(kind)
        if isinstance(at, list):
            at[:] = [fitting]
        elif after is None or at.get(step) is None:
            at[step] = fitting
        at = at[step]
    return dict(whole)


def without(body: Mapping[str, Any], struct: type[msgspec.Struct], path: Path, name: str) -> dict[str, Any]:
    """Return a copy of a right body where the part at `path` lacks a field."""
    whole = placed(body, struct, path, None) if path else deepcopy(dict(body))
    part = next(kind for place, kind in structs_of(struct) if place == path)
    if path:
        whole = placed(body, struct, path, example_of(part))
    at: Any = whole
    for step in path:
        at = at[step]
    del at[name]
    return whole


def _inner(kind: kinds.Type, step: str | int) -> kinds.Type:
    """Return the type at one step into another."""
    for each in _alternatives(kind):
        if isinstance(each, kinds.StructType) and isinstance(step, str):
            return next(field.type for field in each.fields if field.encode_name == step)
        if isinstance(each, kinds.ListType) and isinstance(step, int):
            return each.item_type
    raise AssertionError(f"{kind} has no {step}")
