"""Pages of the mediators."""

from typing import Any

HANDLERS: list[Any] = []
