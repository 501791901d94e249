"""Pages of the operators."""

from typing import Any

HANDLERS: list[Any] = []
