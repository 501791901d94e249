"""Runs a migration's SQL files, as the owner."""

from pathlib import Path

from alembic import op

from service.core.errors import unreachable

_SQL = Path(__file__).parent / "migrations" / "sql"


def run(*names: str) -> None:
    """Run files of `sql/` in this order, with the application's role in place of `{app_role}`."""
    config = op.get_context().config
    if config is None:
        unreachable("migrations run with a configuration")
    app_role = config.attributes["app_role"]
    for name in names:
        statements = (_SQL / name).read_text("utf-8").replace("{app_role}", app_role)
        if statements.strip():
            op.get_bind().exec_driver_sql(statements.replace("%", "%%"))
