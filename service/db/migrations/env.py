"""Alembic's environment: the caller hands over the connection and the metadata."""

from alembic import context

_OTHERS = ("procrastinate_",)


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and name is not None and name.startswith(_OTHERS))


attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=attributes["metadata"],
    include_name=_is_ours,
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
