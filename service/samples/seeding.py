"""Fill a database with generated data in bulk."""

import msgspec
from rich.console import Console

from service.settings import Settings


class Amounts(msgspec.Struct, frozen=True):
    """How many rows to make of each."""

    batches: int
    orders: int
    complaints: int


def seed_database(settings: Settings, amounts: Amounts, *, seed: int, console: Console) -> None:
    """Fill the database; the same seed makes the same data."""
