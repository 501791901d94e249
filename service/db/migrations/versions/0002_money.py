"""Held payments in full: moves beyond the hold, alerts and the seal, the sweep, hot commands, carriers."""

from service.db.sql_files import run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new and replace the functions that changed."""
    run(
        "0002_10_alerts.sql",
        "0002_20_moves.sql",
        "0002_30_seal.sql",
        "0002_40_sweep.sql",
        "0002_50_commands.sql",
        "0002_60_carriers.sql",
        "0002_70_complaints.sql",
    )
