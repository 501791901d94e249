"""One request, one transaction, committed before the first byte of the answer leaves.

A plain ASGI middleware. It keeps the request's body (a request may run again after a deadlock), gives the handler a
`Tx` under `scope["state"]["tx"]`, holds the answer back, commits if the status is below 400, and only then sends. A
failed commit is therefore an exception that the error handlers turn into an answer. It also honours `Idempotency-Key`.
"""

import copy
import hashlib
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping
from typing import IO, Any

from sqlalchemy.exc import DBAPIError

from service.core.actor import Actor
from service.core.errors import FairholdError, TooLarge
from service.core.wire import FAIRHOLD_NOW, format_instant
from service.db import idempotency
from service.db.session import RETRIES_MAX, Database, HasDatabase, Tx, is_retryable, pause_before_retry

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

BODY_MAX_BYTES = 256 * 2**20
_SPOOL_BYTES = 2**20
_CHUNK_BYTES = 2**16
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
ROLLBACK_FROM_STATUS = 400
RETRY_FLAG = "transaction_failed_with"
_FRAMEWORK_STATE = "_ls_"  # where Litestar caches what it parsed of a request
LATE_CLAIM = "idempotency_claimed_late"


class RequestTransaction:
    """The middleware; one instance serves every request."""

    def __init__(self, app: App, parts: HasDatabase) -> None:
        self.app = app
        self.parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request in one transaction; on a deadlock again, at most five times."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as body:
            if _announced_bytes(scope) > _SPOOL_BYTES:
                body.rollover()  # many uploads at once would fill the memory together before each goes to the disk
            fingerprint = await _spool(scope, receive, body)
            for attempt in range(RETRIES_MAX + 1):
                if await self._attempt(scope, receive, send, body, fingerprint, is_last=attempt == RETRIES_MAX):
                    return
                await pause_before_retry(attempt)

    async def _attempt(
        self, scope: Scope, receive: Receive, send: Send, body: IO[bytes], fingerprint: bytes, *, is_last: bool
    ) -> bool:
        async with self.parts.database.session() as tx:
            claim = Claim(tx, _principal(scope), _header(scope, b"idempotency-key"), fingerprint)
            mine = _fresh(scope, tx=tx, claim=claim)
            gate = _Gate(tx, claim, send)
            try:
                if not _claims_late(scope):
                    await claim.take()
                await self.app(mine, _replay(body, receive), gate.send)
                failure = mine["state"].get(RETRY_FLAG)
                if failure is not None and not gate.is_open and not is_last and is_retryable(failure):
                    return False
                await gate.finish()
            except Replayed as replayed:
                await _send_stored(replayed.answer, send)
            except DBAPIError as error:
                if is_last or gate.is_open or not is_retryable(error):
                    raise
                return False
        return True


class Replayed(FairholdError):
    """The key was used before; `answer` is what it got. The middleware sends it, nobody else catches it."""

    def __init__(self, answer: idempotency.StoredAnswer) -> None:
        super().__init__("replayed")
        self.answer = answer


class Claim:
    """The request's idempotency key. Handlers that first do outside work take it themselves, just before they write."""

    def __init__(self, tx: Tx, principal: str, key: str | None, fingerprint: bytes) -> None:
        self._tx = tx
        self._principal = principal
        self._fingerprint = fingerprint
        self.key = key
        self.is_taken = False

    async def replay(self, database: Database, *, key: str | None = None, fingerprint: bytes | None = None) -> None:
        """Raise `Replayed` if the key was answered before: what was done is not judged again, nor done twice.

        For handlers that take the key late, before anything else. Takes nothing; a page's form is named and raises as
        by `take`.
        """
        asked = key or self.key
        if asked is None:
            return
        async with database.reading() as tx:
            answer = await idempotency.answered(
                tx, principal=self._principal, key=asked, fingerprint=fingerprint or self._fingerprint
            )
        if answer is not None:
            raise Replayed(answer)

    async def take(self, *, key: str | None = None, fingerprint: bytes | None = None) -> None:
        """Claim the key, if the request has one; raises `Replayed`, or `Invalid` for another body.

        A page's form carries its key in a field: the handler gives it, with a fingerprint where the body differs from
        one sending of the same form to the next (multipart bounds are random).
        """
        self.key = key or self.key
        if self.key is None or self.is_taken:
            return
        answer = await idempotency.claim(
            self._tx, principal=self._principal, key=self.key, fingerprint=fingerprint or self._fingerprint
        )
        if answer is not None:
            raise Replayed(answer)
        self.is_taken = True

    async def store(self, answer: idempotency.StoredAnswer) -> None:
        """Keep the answer with the key."""
        await idempotency.store(self._tx, principal=self._principal, key=self.key or "", answer=answer)


class _Gate:
    """Holds the answer back until the transaction has ended."""

    def __init__(self, tx: Tx, claim: Claim, send: Send) -> None:
        self._tx = tx
        self._claim = claim
        self._send = send
        self._start: Message | None = None
        self._held: list[Message] = []
        self.is_open = False

    async def send(self, message: Message) -> None:
        if self.is_open:
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._start = message
        else:
            self._held.append(message)
            is_streaming = message.get("more_body", False)
            if is_streaming and not self._claim.is_taken and not self._is_refusal:
                await self.finish()

    @property
    def _is_refusal(self) -> bool:
        return self._start is None or self._start["status"] >= ROLLBACK_FROM_STATUS

    async def finish(self) -> None:
        if self.is_open:
            return
        if self._is_refusal:
            await self._tx.rollback()
        else:
            if self._claim.is_taken:
                await self._claim.store(self._answer())
            await self._tx.commit()
        self.is_open = True
        if self._start is not None:
            await self._send({**self._start, "headers": [*self._start["headers"], *self._time()]})
        for message in self._held:
            await self._send(message)

    def _time(self) -> list[tuple[bytes, bytes]]:
        """The transaction's time, where it was read: callers that keep no clock of their own stamp with it."""
        now = self._tx.known_now
        is_told = self._start is not None and any(name == FAIRHOLD_NOW.encode() for name, _ in self._start["headers"])
        return [] if now is None or is_told else [(FAIRHOLD_NOW.encode(), format_instant(now).encode())]

    def _answer(self) -> idempotency.StoredAnswer:
        headers = {} if self._start is None else dict(self._start["headers"])
        return idempotency.StoredAnswer(
            status=200 if self._start is None else self._start["status"],
            content_type=headers.get(b"content-type", b"").decode("latin-1"),
            location=headers[b"location"].decode("latin-1") if b"location" in headers else None,
            body=b"".join(message.get("body", b"") for message in self._held),
        )


def _fresh(scope: Scope, *, tx: Tx, claim: Claim) -> Scope:
    """Return the scope as it was before any try, so that a second try parses the request anew."""
    cached = {name: copy.copy(value) for name, value in scope["state"].items() if name.startswith(_FRAMEWORK_STATE)}
    return {**scope, "state": {**scope["state"], **cached, "tx": tx, "claim": claim}}


def _claims_late(scope: Scope) -> bool:
    handler = scope.get("route_handler")
    return handler is not None and bool(handler.opt.get(LATE_CLAIM, False))


def _principal(scope: Scope) -> str:
    actor = scope.get("user")
    if not isinstance(actor, Actor):
        return "anonymous"
    return str(actor.person_id or actor.case_id or "anonymous")


def _header(scope: Scope, name: bytes) -> str | None:
    if scope["method"] in _SAFE:
        return None
    for header, value in scope["headers"]:
        if header == name:
            return str(value.decode("latin-1"))
    return None


def _announced_bytes(scope: Scope) -> int:
    """Return how large the client says the body is, 0 if it says nothing that can be understood."""
    said = dict(scope["headers"]).get(b"content-length", b"")
    return int(said) if said.isdigit() else 0


async def _spool(scope: Scope, receive: Receive, body: IO[bytes]) -> bytes:
    """Read the body into `body` and return the SHA-256 of method, path, query and body."""
    digest = hashlib.sha256(f"{scope['method']} {scope['path']}?".encode() + scope.get("query_string", b"") + b"\n")
    size = 0
    more = scope["method"] not in _SAFE
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > BODY_MAX_BYTES:
            raise TooLarge("body_too_large", "the request's body is over the limit", limit_bytes=BODY_MAX_BYTES)
        digest.update(chunk)
        body.write(chunk)
        more = message.get("more_body", False)
    return digest.digest()


def _replay(body: IO[bytes], receive: Receive) -> Receive:
    body.seek(0)
    ended = False

    async def again() -> Message:
        nonlocal ended
        if ended:
            return await receive()
        chunk = body.read(_CHUNK_BYTES)
        ended = len(chunk) < _CHUNK_BYTES
        return {"type": "http.request", "body": chunk, "more_body": not ended}

    return again


async def _send_stored(answer: idempotency.StoredAnswer, send: Send) -> None:
    headers = [(b"content-type", answer.content_type.encode("latin-1")), (b"idempotency-replayed", b"true")]
    if answer.location:
        headers.append((b"location", answer.location.encode("latin-1")))
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
