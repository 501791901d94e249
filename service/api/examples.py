"""An example of a request, made from the examples, defaults and limits of its schema."""

from collections.abc import Mapping
from typing import Any

_BY_FORMAT = {
    "uuid": "0198f3a1-7c2e-7d10-9b54-3f6a2c8e1d07",
    "date": "2026-11-18",
    "date-time": "2026-11-20T08:00:00Z",
}
_BY_TYPE: Mapping[str, Any] = {"string": "text", "integer": 1, "number": 1.0, "boolean": False, "null": None}


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """Return a value that fits: what is required, and what has an example of its own. `schemas` resolves references."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("enum"):
        return schema["enum"][0]
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return example_of(next(each for each in schema[word] if each.get("type") != "null"), schemas)
    return _of_type(schema, schemas)


def _of_type(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    kinds = [kind] if isinstance(kind, str) else list(kind or ["null"])
    if "object" in kinds:
        fields = schema.get("properties", {})
        shown = [name for name in fields if name in schema.get("required", ()) or _has_example(fields[name], schemas)]
        return {name: example_of(fields[name], schemas) for name in shown}
    if "array" in kinds:
        return [example_of(schema["items"], schemas)]
    if schema.get("format") in _BY_FORMAT:
        return _BY_FORMAT[schema["format"]]
    if "integer" in kinds or "number" in kinds:
        return schema.get("minimum", 1)
    return _BY_TYPE[next((each for each in kinds if each != "null"), "null")]


def _has_example(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> bool:
    if "$ref" in schema:
        return False  # an optional part is shown only where it has an example of its own
    alternatives = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
    return bool(schema.get("examples")) or any(_has_example(each, schemas) for each in alternatives)
