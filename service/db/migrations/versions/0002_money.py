"""Held payments in full: moves beyond the hold, alerts and the seal, the sweep, hot commands, carriers."""

from pathlib import Path

from alembic import op

from service.core.errors import ensure

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parent.parent / "sql"
_FILES = (
    "0002_10_alerts.sql",
    "0002_20_moves.sql",
    "0002_30_seal.sql",
    "0002_40_sweep.sql",
    "0002_50_commands.sql",
    "0002_60_carriers.sql",
    "0002_70_complaints.sql",
)


def upgrade() -> None:
    """Add what is new and replace the functions that changed."""
    config = op.get_context().config
    ensure(config is not None, "migrations run with a configuration")
    app_role = config.attributes["app_role"]  # type: ignore[union-attr]  # ensured in the line above
    for name in _FILES:
        statements = (_SQL / name).read_text("utf-8").replace("{app_role}", app_role)
        if statements.strip():
            op.get_bind().exec_driver_sql(statements.replace("%", "%%"))
