"""Identifiers: UUIDv7, so that ids sort by time of making and index pages stay warm."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a new UUIDv7 (RFC 9562), monotonic within the process."""
    return uuid7()
