"""Matching: the index follows what is registered, models are kept and deployed, batches and products are corrected."""

from service.db.sql_files import run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    run(
        "0004_10_following.sql",
        "0004_20_models.sql",
        "0004_30_corrections.sql",
        "0004_50_photo_lots.sql",
        "0004_60_trade.sql",
    )
