"""The owner's hand on the clock of a demonstration or test database. Production databases have no such function."""

from datetime import timedelta

import psycopg

from service.core.errors import Conflict
from service.db.session import driver_url


def shift(owner_database_url: str, by: timedelta) -> timedelta:
    """Move `fairhold_now()` of a movable clock forward and return the whole offset from then on.

    Raises `Conflict` ("clock_not_movable") where the database was not made for tests or demonstrations,
    ("clock_backwards") for a negative shift. Committed at once, by the owner role.
    """
    if by < timedelta(0):
        raise Conflict("clock_backwards", "time only goes forward")
    with psycopg.connect(driver_url(owner_database_url)) as connection:
        if connection.execute("SELECT to_regclass('fairhold_clock')").fetchone() == (None,):
            raise Conflict("clock_not_movable", "this database's clock is now() and cannot be moved")
        moved = connection.execute(
            "UPDATE fairhold_clock SET clock_offset = clock_offset + %s RETURNING clock_offset", (by,)
        ).fetchone()
    if moved is None:
        raise Conflict("clock_not_movable", "the clock's row is missing")
    offset: timedelta = moved[0]
    return offset
