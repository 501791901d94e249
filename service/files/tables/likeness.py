"""How photos look, as PDQ sees them. What may change, and the indexes, are in `0003_30_likeness.sql`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, text
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base


class PhotoLikeness(Base):
    """The PDQ hash of one photo, and how much there was to see (0 to 100).

    Without a quality the hash is still to be made, because the photo came before hashes were kept; with quality 0 and
    no hash it could not be made. `tries` failed for what may lie with the machine, the last of them at `tried_at`. An
    erased photo has no row.
    """

    __tablename__ = "photo_likeness"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "file_id"], ["stored_file.tenant_id", "stored_file.id"]),
        CheckConstraint("quality BETWEEN 0 AND 100", name="quality"),
        CheckConstraint(
            "CASE WHEN hash IS NULL THEN coalesce(quality, 0) = 0 ELSE quality IS NOT NULL END", name="hash"
        ),
    )

    file_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    hash: Mapped[str | None] = mapped_column(BIT(256))
    quality: Mapped[int | None]
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    tried_at: Mapped[datetime | None]
