"""A stored file as an HTTP answer: never sniffed, never run, and named by its id."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from litestar import Response
from litestar.di import NamedDependency

from service.core.actor import Actor
from service.db.session import Database, Tx
from service.files.reading import Part, Ticket, fetch
from service.files.sealing import KeyRing
from service.files.store import Store

VIEW_SECONDS = 300
"""How long a browser may show a view again without asking; the view was recorded when it was asked for."""


def file_answer(content: bytes, ticket: Ticket) -> Response[bytes]:
    """Return the answer with what `reading.fetch` gave for the ticket."""
    is_original = ticket.part is Part.ORIGINAL
    name = f"{ticket.file_id}-{ticket.part}.{ticket.media_type.rpartition('/')[2]}"
    return Response(
        content,
        media_type=ticket.media_type,
        headers={
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-store" if is_original else f"private, max-age={VIEW_SECONDS}",
            "Content-Disposition": f'{"attachment" if is_original else "inline"}; filename="{name}"',
        },
    )


class Opener(Protocol):
    """Opens a file of a case, an order or a batch for an actor who may see it, and records the view."""

    async def __call__(
        self, tx: Tx, actor: Actor, owner_id: UUID, file_id: UUID, part: Part, /, *, ring: KeyRing, now: datetime
    ) -> Ticket:
        """Return the ticket for `reading.fetch`."""


@dataclass(frozen=True, slots=True)
class ReadingRoom:
    """Where files are shown: recorded in a transaction of its own, fetched after it has ended."""

    database: Database
    store: Store
    ring: KeyRing

    async def show(self, opener: Opener, actor: Actor, owner_id: UUID, file_id: UUID, part: Part) -> Response[bytes]:
        """Return one part of one file; raises as `opener` and `fetch`."""
        async with self.database.begin() as tx:
            ticket = await opener(tx, actor, owner_id, file_id, part, ring=self.ring, now=await tx.now())
        return file_answer(await fetch(self.store, ticket), ticket)


def provide_room(
    database: NamedDependency[Database], store: NamedDependency[Store], ring: NamedDependency[KeyRing]
) -> ReadingRoom:
    """Give handlers the room."""
    return ReadingRoom(database, store, ring)


RoomOf = NamedDependency[ReadingRoom]
