"""What an act changes in a database: every row of every table that it wrote, as text without ids and moments.

Two acts that change the same are the same, whichever way they were done.
"""

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from httpx import Response

from service.app import Service
from service.db.session import driver_url

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z)")
_MINUTE = timedelta(minutes=1)
_LEFT = re.compile(r'"window_left_seconds": (\d+)')
_RUNNING = ("seq", "xid")  # numbers that no two rows share
_MARKS = ("signature", "fingerprint", "body", "reference")


GENERAL = "application/json; charset=utf-8"
"""A media type in words that hot commands leave to the general way."""
PLAIN = "application/json"


@dataclass
class BothWays:
    """The same command on two like things, once each way. `names` are of what both share."""

    service: Service
    owner_url: str
    names: dict[object, str]

    async def are_alike(
        self, things: tuple[Mapping[object, str], Mapping[object, str]], send: Callable[[int, str], Awaitable[Response]]
    ) -> None:
        """Send the command for thing 0 the general way, for thing 1 the hot way, and compare answers and rows."""
        general, general_rows = await self._go(things[0], lambda: send(0, GENERAL))
        answered = self.service.hot_connections.answered
        hot, hot_rows = await self._go(things[1], lambda: send(1, PLAIN))
        assert self.service.hot_connections.answered == answered + 1
        assert hot.status_code == general.status_code
        assert plain_body(hot, self.names) == plain_body(general, self.names)
        assert list(hot.json()) == list(general.json())
        assert hot_rows == general_rows
        assert set(hot.headers) == set(general.headers)

    async def _go(
        self, thing: Mapping[object, str], send: Callable[[], Awaitable[Response]]
    ) -> tuple[Response, list[str]]:
        self.names |= thing
        answers: list[Response] = []

        async def act() -> datetime:
            answers.append(await send())
            return told_at(answers[0])

        rows = await changes(self.owner_url, self.names, act)
        return answers[0], rows


async def changes(owner_url: str, names: Mapping[object, str], act: Callable[[], Awaitable[datetime]]) -> list[str]:
    """Do `act` and return the rows that it left new or changed, sorted, each behind its table's name.

    What `names` has shows by its name, another id as "id"; a moment as its distance from the time that `act` returns.
    """
    before = _rows(owner_url)
    now = await act()
    return sorted(_plain(text, names, now) for text in (_rows(owner_url) - before).elements())


def told_at(answer: Response) -> datetime:
    """Return the time of the transaction that answered."""
    assert answer.is_success, answer.text
    return datetime.fromisoformat(answer.headers["fairhold-now"])


def plain_body(answer: Response, names: Mapping[object, str]) -> Any:
    """Return an answer's body without ids and moments, as `changes` shows rows."""
    return json.loads(_plain(json.dumps(answer.json(), ensure_ascii=False), names, told_at(answer)))


def _rows(owner_url: str) -> Counter[str]:
    with psycopg.connect(driver_url(owner_url), options="-c timezone=UTC") as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND relname NOT LIKE 'procrastinate%' ORDER BY 1"
        ).fetchall()
        found: Counter[str] = Counter()
        for (table,) in tables:
            for (row,) in connection.execute(f'SELECT to_jsonb(t) FROM "{table}" t').fetchall():
                found[f"{table} {json.dumps(_without_marks(table, row), sort_keys=True)}"] += 1
    return found


def _without_marks(table: str, row: dict[str, Any]) -> dict[str, Any]:
    marks = (*_RUNNING, *_MARKS) if table != "complaint" else (*_RUNNING, "reference")
    return {name: value for name, value in row.items() if name not in marks}


def _plain(text: str, names: Mapping[object, str], now: datetime) -> str:
    known = {str(key): name for key, name in names.items()}
    text = _UUID.sub(lambda found: known.get(found[0], "id"), text)
    for key, name in known.items():
        text = text.replace(f'"{key}"', f'"{name}"')
    text = _LEFT.sub(lambda found: f'"window_left_seconds": "{round(int(found[1]) / 60)} min"', text)
    return _MOMENT.sub(lambda found: _distance(datetime.fromisoformat(found[0]) - now), text)


def _distance(since_now: timedelta) -> str:
    """What an act writes is of its own time or later, to the minute; all before is alike."""
    return "before" if since_now < timedelta(0) else f"now+{round(since_now / _MINUTE)} min"
