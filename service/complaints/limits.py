"""How often somebody may begin complaints, add to cases and open receipts. Ranks as `actions`.

Counted before anything else is done, in a short transaction of its own, so that a count survives the refusal that it
causes. The person or the device comes first and the address last: what one of them is refused does not count for the
address, which others share. (docs/decisions/0019-limits-on-intake.md)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from sqlalchemy import text

from service.accounts.devices import Source
from service.core.errors import ensure
from service.core.limits import Limit
from service.db.session import Database, Tx
from service.db.throttle import count_in_turn, daily, forget_attempts
from service.deadlines.queries import value_sql

Use = Literal["complaints", "entries", "files"]
DAY: Final = timedelta(days=1)
QUARTER: Final = timedelta(minutes=15)
_USED_UP: Final = "limit_used_up"
_TRIED_TOO_OFTEN: Final = "too_many_attempts"
RECEIPTS_BY_PREFIX: Final = "limit_receipts_prefix"
_BY_PERSON: Final = ("limit_{use}_person", "limit_{use}_device", "limit_{use}_address")


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts what one request does. `salt` is the service's secret."""

    database: Database
    source: Source
    salt: str

    async def count(self, use: Use, times: int = 1) -> None:
        """Count a use by somebody who is known; raises `TooMany` ("limit_used_up") past a limit.

        Its facts say which `limit`, after how many seconds (`retry_after_seconds`) and when (`retry_at`).
        """
        person, device, address = (name.format(use=use) for name in _BY_PERSON)
        ensure(self.source.person_id is not None, "the policy lets nobody unknown do this")
        sources = [(person, str(self.source.person_id)), (device, self.source.device), (address, self.source.address)]
        await self._count(sources, DAY, code=_USED_UP, times=times)

    async def count_report(self) -> None:
        """Count an anonymous report; raises `TooMany` ("limit_used_up").

        A device without a mark of ours counts with all such devices of its address, whose limit is a narrow one: who
        throws the mark away uses up that and not what the marked devices of the same address may do.
        """
        device = self.source.device
        first = ("limit_reports_device", device) if device else ("limit_reports_new_device", self.source.address)
        await self._count([first, ("limit_reports_address", self.source.address)], DAY, code=_USED_UP)

    async def count_opening(self, prefix: str) -> None:
        """Count a try to open a report by its receipt; raises `TooMany` ("too_many_attempts")."""
        sources = [(RECEIPTS_BY_PREFIX, prefix), ("limit_receipts_address", self.source.address)]
        await self._count(sources, QUARTER, code=_TRIED_TOO_OFTEN)

    async def _count(
        self, sources: Iterable[tuple[str, str | None]], window: timedelta, *, code: str, times: int = 1
    ) -> None:
        counted = [(name, source) for name, source in sources if source is not None]
        async with self.database.reading() as tx:
            tries = await _in_force(tx, [name for name, _ in counted])
        limits = [(Limit(name, tries[name], window), source) for name, source in counted]
        await count_in_turn(self.database, limits, salt=self.salt, code=code, times=times)


async def forget_openings(tx: Tx, prefix: str, *, salt: str) -> None:
    """Start the count of a prefix anew, as a receipt with it was right."""
    limit = Limit(RECEIPTS_BY_PREFIX, 0, QUARTER)
    await forget_attempts(tx, limit, prefix, salt=daily(salt, await tx.now()))


async def _in_force(tx: Tx, names: list[str]) -> dict[str, int]:
    """Return the limits in force, by one statement. The names are the program's own."""
    columns = ", ".join(f"{value_sql(name, at='fairhold_now()')} AS {name}" for name in names)
    found = (await tx.execute(text(f"SELECT {columns}"))).one()._asdict()
    ensure(None not in found.values(), "every limit is a policy")
    return found
