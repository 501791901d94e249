"""Complaints and photo evidence: uploads, erasure, likeness of photos, what labels say, anonymous reports, both sides."""

from service.db.sql_files import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new and replace the functions that changed."""
    run(
        "0003_10_uploads.sql",
        "0003_20_keeping.sql",
        "0003_30_likeness.sql",
        "0003_40_readings.sql",
        "0003_50_intake.sql",
        "0003_60_sides.sql",
    )
