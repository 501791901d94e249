"""The first schema: tables, guards, the queue, the clock, the first policies."""

from pathlib import Path

from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy import text

from service.core.actor import COMMONS
from service.core.errors import ensure

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQL = Path(__file__).parent.parent / "sql"
_FILES = (
    "05_tables.sql",
    "10_events.sql",
    "15_policies.sql",
    "20_accounts.sql",
    "30_escrow.sql",
    "40_sellers.sql",
    "41_batches.sql",
    "45_files.sql",
    "60_complaints.sql",
    "70_disputes.sql",
    "80_recalls.sql",
    "90_reporting.sql",
)
_COMMONS = text("INSERT INTO tenant (id, name, kind) VALUES (:id, 'commons', 'commons')")


def upgrade() -> None:
    """Create everything."""
    config = op.get_context().config
    ensure(config is not None, "migrations run with a configuration")
    attributes = config.attributes  # type: ignore[union-attr]  # ensured in the line above
    _run("00_foundation.sql", attributes["app_role"])
    _run("01_clock_movable.sql" if attributes["is_clock_movable"] else "01_clock.sql", attributes["app_role"])
    op.execute(text(SchemaManager.get_schema().replace(":", r"\:")))
    for name in _FILES:
        _run(name, attributes["app_role"])
    op.get_bind().execute(_COMMONS, {"id": COMMONS})


def _run(name: str, app_role: str) -> None:
    statements = (_SQL / name).read_text("utf-8").replace("{app_role}", app_role)
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))

