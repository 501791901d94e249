"""Sends a service's notices from its outbox until Fairhold takes them."""

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec

from service.core.errors import Invalid
from service.core.signatures import secret_from_bytes, sign_message
from service.core.wire import FAIRHOLD_NOW, WEBHOOK_ID, WEBHOOK_TIMESTAMP, parse_instant
from service.sandbox.store import Store, Waiting
from service.sandbox.switches import Switches

ANSWER_TIMEOUT_S = 10.0
AT_ONCE_MAX = 8
PAUSE_FIRST_S = 0.2
PAUSE_MAX_S = 30.0
ATTEMPTS_MAX = 2_000  # about 16 hours of pauses
REORDER_WAIT_S = 1.0
IDLE_S = 5.0
STALE = timedelta(minutes=10)  # twice what a receiver allows
OTHER_SECRET = secret_from_bytes(b"this is nobody's secret; forgeries use it")

log = logging.getLogger(__name__)


class Sender:
    """The one task that ends what is due and empties the outbox of a service."""

    def __init__(self, store: Store, base_url: str, secret: str, end_due: Callable[[], float | None]) -> None:
        """`end_due` ends pending operations whose time has come and returns the next one's monotonic time."""
        self._store = store
        self._base_url = base_url.rstrip("/")
        self._secret = secret
        self._end_due = end_due
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox now: something was added or a switch was turned."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT_S, trust_env=False) as client:
            while True:
                self._woken.clear()
                try:
                    due_s = [due for due in (self._end_due(), await self._send_due(client)) if due is not None]
                except sqlite3.OperationalError as error:  # busy beyond the timeout, disk full: it may pass
                    log.error("the outbox cannot be read or written: %s", error)  # noqa: TRY400 - the line says all
                    due_s = []
                pause_s = min([IDLE_S, *(due - time.monotonic() for due in due_s)])
                if pause_s > 0:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), pause_s)

    async def _send_due(self, client: httpx.AsyncClient) -> float | None:
        """Send what is due; return when there is more to do."""
        switches = self._store.switches()
        if switches.down:
            return None  # the switch wakes us
        waiting = self._store.due_notices(AT_ONCE_MAX)
        if switches.drop_notices:
            for notice in waiting:
                self._store.remove(notice)
        elif not switches.reorder_notices:
            await asyncio.gather(*(self._send(client, notice, switches) for notice in waiting))
        elif len(waiting) == 1 and not waiting[0].attempts and time.monotonic() < waiting[0].due_s + REORDER_WAIT_S:
            return waiting[0].due_s + REORDER_WAIT_S
        else:
            for notice in reversed(waiting):
                await self._send(client, notice, switches)
        return self._store.next_due_s()

    async def _send(self, client: httpx.AsyncClient, notice: Waiting, switches: Switches) -> None:
        now = self._store.now()
        if now is None:  # nothing was ever heard from Fairhold, so there is nothing to sign with
            self._store.postpone(notice, PAUSE_FIRST_S)
            return
        body, headers = self._message(notice, switches, now)
        try:
            answer = await client.post(self._base_url + notice.path, content=body, headers=headers)
        except httpx.HTTPError as error:
            self._failed(notice, type(error).__name__)
            return
        if answer.is_success:
            self._store.taken(notice)
            return
        if answer.status_code == httpx.codes.UNAUTHORIZED and FAIRHOLD_NOW in answer.headers:
            with contextlib.suppress(Invalid):  # an unreadable time is no time
                self._store.adopt_now(parse_instant(answer.headers[FAIRHOLD_NOW]))
        self._failed(notice, str(answer.status_code))

    def _message(self, notice: Waiting, switches: Switches, now: datetime) -> tuple[bytes, dict[str, str]]:
        """Return body and headers of a notice: right, or as wrong as the switches want them."""
        body = notice.body
        if notice.signed and switches.wrong_notices:
            body = _altered(body, lambda told: told | {"amount_minor": told["amount_minor"] + 1})
        if not notice.signed and switches.forge_notices:
            body = _altered(body, lambda told: told | {"record": told["record"] | {"destination_area": "elsewhere"}})
        secret = OTHER_SECRET if switches.forge_notices else self._secret
        at = now - STALE if switches.stale_notices else now
        headers = sign_message(secret, notice.notice_id, body, now=at)
        if not notice.signed:
            headers = {name: headers[name] for name in (WEBHOOK_ID, WEBHOOK_TIMESTAMP)}
        return body, {**headers, "content-type": "application/json"}

    def _failed(self, notice: Waiting, why: str) -> None:
        if notice.attempts + 1 >= ATTEMPTS_MAX:
            log.error("notice %s given up after %d attempts: %s", notice.notice_id, ATTEMPTS_MAX, why)
            self._store.remove(notice)
            return
        pause_s = min(PAUSE_MAX_S, PAUSE_FIRST_S * 2 ** min(notice.attempts, 20))
        log.info("notice %s not taken (%s), again in %.1f s", notice.notice_id, why, pause_s)
        self._store.postpone(notice, pause_s)


def _altered(body: bytes, change: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    return msgspec.json.encode(change(msgspec.json.decode(body, type=dict[str, Any])))
