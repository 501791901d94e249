"""The payment provider: capture, refund, pay out, and how an operation stands. The protocol is docs/gateway.md.

No answer is `unknown`, never failure: the same operation is asked about, or sent again with the same key, until the
provider says how it ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self

import msgspec
import structlog

from service import outbound
from service.core.errors import Invalid
from service.core.ids import new_id
from service.core.money import AMOUNT_MINOR_MAX
from service.core.signatures import sign_message
from service.core.wire import (
    FAIRHOLD_NOW,
    IDEMPOTENCY_KEY,
    LINES,
    LINES_PAGE_MAX,
    ChargebackLine,
    Kind,
    MoneyLines,
    MoneyRequest,
    MoneyStatus,
    State,
    encode,
    format_instant,
    parse_instant,
)
from service.settings import Settings

_log = structlog.get_logger("fairhold.gateway")

_TAKEN = frozenset({200, 201, 202})
_REFUSED = frozenset({413, 422})
_ABSENT = 404
_KEY_TAKEN = "idempotency_key_reused"


class Known(StrEnum):
    """What we know of an operation after a call."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call taught us; `reason` is the provider's code when it failed. Only `status` answers ABSENT."""

    known: Known
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A page of the provider's books, oldest first: operations that ended, and chargebacks.

    `chargebacks` is None where this provider does not list them. `last` is where to read on, if any.
    """

    lines: Sequence[MoneyStatus]
    chargebacks: Sequence[ChargebackLine] | None
    last: int | None
    is_last_page: bool


class Gateway(Protocol):
    """What escrow needs of a provider. `client_id` within the request is the idempotency key, for ever the same."""

    async def capture(self, request: MoneyRequest, *, now: datetime) -> Answer:
        """Take money from the payer."""

    async def refund(self, request: MoneyRequest, *, now: datetime) -> Answer:
        """Give captured money back."""

    async def payout(self, request: MoneyRequest, *, now: datetime) -> Answer:
        """Pay a seller."""

    async def status(self, kind: Kind, request: MoneyRequest, *, now: datetime) -> Answer:
        """Ask how an operation stands; ABSENT if the provider never took it."""

    async def statement(self, after: int, *, now: datetime) -> Statement | None:
        """Read the provider's books behind the mark `after` (0: from the beginning); None if it does not answer."""


class HttpGateway:
    """The provider over HTTP. Every request is signed as of `now`, which is the database's."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url.rstrip("/")
        self._secret = secret
        self._client = outbound.client()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the provider of the settings."""
        return cls(settings.gateway_url, settings.gateway_secret)

    async def capture(self, request: MoneyRequest, *, now: datetime) -> Answer:
        """Take money from the payer."""
        return await self._send(Kind.CAPTURE, request, now)

    async def refund(self, request: MoneyRequest, *, now: datetime) -> Answer:
        """Give captured money back."""
        return await self._send(Kind.REFUND, request, now)

    async def payout(self, request: MoneyRequest, *, now: datetime) -> Answer:
        """Pay a seller."""
        return await self._send(Kind.PAYOUT, request, now)

    async def status(self, kind: Kind, request: MoneyRequest, *, now: datetime) -> Answer:
        """Ask how an operation stands; ABSENT if the provider never took it."""
        answer = await self._call("GET", f"{kind.path}/{request.client_id}", b"", {}, now)
        if answer is None:
            return Answer(Known.UNKNOWN)
        status, body = answer
        if status == _ABSENT and _code(body) == "operation_unknown":
            return Answer(Known.ABSENT)
        return _read(status, body, kind, request)

    async def statement(self, after: int, *, now: datetime) -> Statement | None:
        """Read the provider's books behind the mark `after`, at most 500 lines; None if it does not answer."""
        answer = await self._call("GET", f"{LINES}?after={after}&limit={LINES_PAGE_MAX}", b"", {}, now)
        if answer is None or answer[0] not in _TAKEN:
            _log.warning("gateway_statement", status=None if answer is None else answer[0])
            return None
        try:
            told = msgspec.json.decode(answer[1], type=MoneyLines)
            for line in (*told.lines, *(told.chargebacks or ())):
                _check_storable(line)
        except (msgspec.MsgspecError, Invalid):
            _log.warning("gateway_answer_malformed", status=answer[0])
            return None
        return Statement(told.lines, told.chargebacks, told.last, is_last_page=told.next is None)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _send(self, kind: Kind, request: MoneyRequest, now: datetime) -> Answer:
        request.check(kind)
        headers = {IDEMPOTENCY_KEY: request.client_id, "content-type": "application/json"}
        answer = await self._call("POST", kind.path, encode(request), headers, now)
        if answer is None:
            return Answer(Known.UNKNOWN)
        status, body = answer
        code = _code(body)
        if code == _KEY_TAKEN:  # our key did something before: what, only its status tells
            _log.error("gateway_key_taken", client_id=request.client_id)
            return Answer(Known.UNKNOWN)
        if status in _REFUSED:
            return Answer(Known.FAILED, code or "refused")
        return _read(status, body, kind, request)

    async def _call(
        self, method: str, path: str, body: bytes, headers: dict[str, str], now: datetime
    ) -> tuple[int, bytes] | None:
        signed = {
            **headers,
            **sign_message(self._secret, str(new_id()), body, now=now),
            FAIRHOLD_NOW: format_instant(now),
        }
        try:
            answer = await self._client.request(method, self._url + path, content=body, headers=signed)
        except outbound.NoAnswer as error:
            _log.warning("gateway_no_answer", method=method, error=type(error).__name__)
            return None
        return answer.status_code, answer.content


def _check_storable(line: MoneyStatus | ChargebackLine) -> None:
    """Raise `Invalid` if an instant or amount cannot be kept; whether it is right is for reconciliation to say."""
    parse_instant(line.at)
    if abs(line.amount_minor) > AMOUNT_MINOR_MAX:
        raise Invalid("amount_out_of_range", "no amount is as large")


def _read(status: int, body: bytes, kind: Kind, request: MoneyRequest) -> Answer:
    """Read an operation. What is not the operation that we asked for teaches nothing."""
    if status not in _TAKEN:
        _log.warning("gateway_status", status=status, code=_code(body))
        return Answer(Known.UNKNOWN)
    try:
        told = msgspec.json.decode(body, type=MoneyStatus)
    except msgspec.MsgspecError:
        _log.warning("gateway_answer_malformed", status=status)
        return Answer(Known.UNKNOWN)
    asked = (kind, request.client_id, request.amount_minor, request.currency)
    if (told.kind, told.client_id, told.amount_minor, told.currency) != asked:
        _log.error("gateway_answer_differs", client_id=request.client_id)
        return Answer(Known.UNKNOWN)
    return Answer(Known(told.state.value), told.reason if told.state is State.FAILED else None)


class _Problem(msgspec.Struct):
    code: str = ""


def _code(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Problem).code
    except msgspec.MsgspecError:
        return ""
