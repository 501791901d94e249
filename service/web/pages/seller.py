"""Pages of the sellers."""

from typing import Any

HANDLERS: list[Any] = []
