"""The first schema: tables, guards, the queue, the clock, the first policies."""

from pathlib import Path

from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy import text

from service.core.actor import COMMONS
from service.core.errors import ensure
from service.core.ids import new_id
from service.deadlines.rules import DEFAULT_POLICIES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    """Create everything."""
    config = op.get_context().config
    ensure(config is not None, "migrations run with a configuration")
    attributes = config.attributes  # type: ignore[union-attr]  # ensured in the line above
    _run("00_foundation.sql", attributes["app_role"])
    _run("01_clock_movable.sql" if attributes["is_clock_movable"] else "01_clock.sql", attributes["app_role"])
    op.execute(text(SchemaManager.get_schema().replace(":", r"\:")))
    attributes["metadata"].create_all(op.get_bind())
    for path in sorted(_SQL.glob("[1-9]*.sql")):
        _run(path.name, attributes["app_role"])
    _first_rows()


def _run(name: str, app_role: str) -> None:
    statements = (_SQL / name).read_text("utf-8").replace("{app_role}", app_role)
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


def _first_rows() -> None:
    bind = op.get_bind()
    bind.execute(text("INSERT INTO tenant (id, name, kind) VALUES (:id, 'commons', 'commons')"), {"id": COMMONS})
    bind.execute(
        text(
            "INSERT INTO policy (id, name, category, jurisdiction, version, value, unit, effective_from)"
            " VALUES (:id, :name, '', '', 1, :value, :unit, '2000-01-01Z')"
        ),
        [{"id": new_id(), "name": n, "value": v, "unit": u} for n, (v, u) in DEFAULT_POLICIES.items()],
    )
