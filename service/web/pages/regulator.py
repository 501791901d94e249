"""Pages of the regulators."""

from typing import Any

HANDLERS: list[Any] = []
