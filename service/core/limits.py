"""Limits over time; pure."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `tries` of one kind from one source within a window that starts with the first."""

    kind: str
    tries: int
    window: timedelta
