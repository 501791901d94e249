"""The life of a stored file, and how long it must be kept. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

from service.core.lifecycle import Lifecycle, row


class State(StrEnum):
    """Where a stored file is in its life."""

    QUARANTINED = "quarantined"
    LOCKED = "locked"
    ERASED = "erased"


FILE = Lifecycle(
    "file",
    State.QUARANTINED,
    (
        row("quarantined", "lock", "locked", "system", "file.locked"),
        row("quarantined", "erase", "erased", "operator system", "file.erased"),
        row("locked", "erase", "erased", "operator system", "file.erased"),
    ),
)

LOCK_OVERDUE = timedelta(minutes=5)
ORPHAN_AGE = timedelta(minutes=4)
SWEEP_EVERY = timedelta(seconds=30)  # with ORPHAN_AGE below 5 minutes: so long an orphan lies at most
REGISTER_WITHIN_S = 120  # from the quarantine put to the row; far below ORPHAN_AGE, so that no file with a row is swept
UPLOAD_LASTS = timedelta(minutes=10)  # how long a form for a plain upload is good for
UPLOAD_MARGIN = timedelta(minutes=5)  # how much later what came by it can still be completed
UPLOAD_KEPT = timedelta(days=1)  # how much later a second completion still gets its answer


def retain_until(received_at: datetime, retention_days: int) -> datetime:
    """Return until when a file received at `received_at` cannot be deleted, in whole seconds as S3 keeps them."""
    return received_at.replace(microsecond=0) + timedelta(days=retention_days)
