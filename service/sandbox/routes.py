"""The routes of provider and carrier, and how a refusal looks on the wire."""

import asyncio
import contextlib
import http
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

import msgspec
from litestar import Controller, Request, Response, get, post, put
from litestar.exceptions import HTTPException
from litestar.params import FromPath, FromQuery

from service.core import errors
from service.core.signatures import verify_message
from service.core.wire import (
    CARRIER_KEYS,
    CARRIER_PREFIX,
    CHARGEBACKS,
    FAIRHOLD_NOW,
    IDEMPOTENCY_KEY,
    LINES,
    LINES_PAGE_MAX,
    PARCELS,
    PROVIDER_PREFIX,
    SWITCHES,
    WEBHOOK_SIGNATURE,
    CarrierKey,
    ChargebackNotice,
    ChargebackRequest,
    Kind,
    MoneyLines,
    MoneyRequest,
    MoneyStatus,
    ParcelRequest,
    SignedDelivery,
    State,
    parse_instant,
)
from service.sandbox.carrier import Carrier
from service.sandbox.outbox import Sender
from service.sandbox.provider import Provider
from service.sandbox.store import Store
from service.sandbox.switches import Switches

SILENCE_S = 30.0  # longer than any caller waits
_STATUSES: Mapping[type[errors.FairholdError], int] = {
    errors.Invalid: 422,
    errors.Unauthenticated: 401,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.Unavailable: 503,
}

AnyRequest: TypeAlias = Request[Any, Any, Any]
Shape = TypeVar("Shape")


class Desk:
    """One service as its routes see it: store, sender and the secret it shares with Fairhold."""

    def __init__(self, store: Store, sender: Sender, secret: str, stopping: asyncio.Event) -> None:
        self.store = store
        self.sender = sender
        self._secret = secret
        self._stopping = stopping

    def check_up(self) -> None:
        """Raise `Unavailable` while the service is switched off."""
        if self.store.switches().down:
            raise errors.Unavailable("down", "the service is down")

    async def signed(self, request: AnyRequest) -> tuple[bytes, datetime]:
        """Return the body and Fairhold's time of a rightly signed request, and keep that time."""
        body = await request.body()
        stated = request.headers.get(FAIRHOLD_NOW)
        if stated is None:
            raise errors.Unauthenticated("now_missing", f"a request carries {FAIRHOLD_NOW}")
        now = parse_instant(stated)
        verify_message(self._secret, request.headers, body, now=now)
        self.store.adopt_now(now)
        return body, now

    async def hear(self, request: AnyRequest) -> None:
        """Keep Fairhold's time from a request that need not be signed, if it is."""
        if WEBHOOK_SIGNATURE in request.headers:
            await self.signed(request)

    def check_willing(self) -> None:
        """Before the work of a POST: fail if the switch says so."""
        if self.store.use_up("fail_next"):
            raise HTTPException(status_code=500, detail="fail_next")

    async def worked(self) -> None:
        """After the work of a POST: wake the sender, and if the switches say so, fail or never answer."""
        self.sender.wake()
        if self.store.use_up("fail_after_work"):
            raise HTTPException(status_code=500, detail="fail_after_work")
        if not self.store.use_up("time_out_after_work"):
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), SILENCE_S)
        raise HTTPException(status_code=504, detail="time_out_after_work")

    async def turn(self, request: AnyRequest) -> Switches:
        """Replace the switches by the body's."""
        body, _ = await self.signed(request)
        switches = decode(body, Switches)
        self.store.set_switches(switches)
        self.sender.wake()
        return switches


class ProviderRoutes(Controller):
    """Captures, refunds, payouts, statement, switches."""

    path = PROVIDER_PREFIX

    @post([kind.path for kind in Kind])
    async def submit(self, request: AnyRequest) -> Response[MoneyStatus]:
        """Make an operation, or return the one that this key made."""
        desk, provider = _provider(request)
        desk.check_up()
        body, now = await desk.signed(request)
        asked = decode(body, MoneyRequest)
        if request.headers.get(IDEMPOTENCY_KEY) != asked.client_id:
            raise errors.Invalid("idempotency_key_differs", "header and body name different keys", field="client_id")
        desk.check_willing()
        status = provider.submit(_kind(request), asked, now=now)
        await desk.worked()
        return _answer(desk, status)

    @post(Kind.CAPTURE.path + "/{client_id:str}/" + CHARGEBACKS)
    async def charge_back(self, request: AnyRequest, client_id: FromPath[str]) -> ChargebackNotice:
        """Let the payer's bank take money of a capture back; Fairhold is told by a notice."""
        desk, provider = _provider(request)
        desk.check_up()
        body, now = await desk.signed(request)
        told = provider.charge_back(client_id, decode(body, ChargebackRequest), now=now)
        await desk.worked()
        return told

    @get([kind.path + "/{client_id:str}" for kind in Kind])
    async def status(self, request: AnyRequest, client_id: FromPath[str]) -> Response[MoneyStatus]:
        """Say how an operation stands."""
        desk, provider = _provider(request)
        desk.check_up()
        await desk.signed(request)
        return _answer(desk, provider.status(_kind(request), client_id))

    @get(LINES)
    async def lines(
        self, request: AnyRequest, after: FromQuery[int] = 0, limit: FromQuery[int] = LINES_PAGE_MAX
    ) -> MoneyLines:
        """Give a page of the statement."""
        desk, provider = _provider(request)
        desk.check_up()
        await desk.signed(request)
        return provider.lines(after, limit)

    @get(SWITCHES)
    async def switches(self, request: AnyRequest) -> Switches:
        """Show the switches."""
        desk, _ = _provider(request)
        await desk.signed(request)
        return desk.store.switches()

    @put(SWITCHES)
    async def turn(self, request: AnyRequest) -> Switches:
        """Replace the switches."""
        return await _provider(request)[0].turn(request)


class CarrierRoutes(Controller):
    """Parcels, their signed records, the verifying key, switches."""

    path = CARRIER_PREFIX

    @post(PARCELS)
    async def accept(self, request: AnyRequest) -> Response[SignedDelivery]:
        """Take a parcel over from a shop."""
        desk, carrier = _carrier(request)
        desk.check_up()
        body, now = await desk.signed(request)
        desk.check_willing()
        signed, is_new = carrier.accept(decode(body, ParcelRequest), now=now)
        await desk.worked()
        return Response(signed, status_code=201 if is_new else 200)

    @post(PARCELS + "/{tracking_number:str}/delivery", status_code=200)
    async def deliver(self, request: AnyRequest, tracking_number: FromPath[str]) -> SignedDelivery:
        """Deliver the parcel."""
        desk, carrier = _carrier(request)
        desk.check_up()
        _, now = await desk.signed(request)
        desk.check_willing()
        signed = carrier.deliver(tracking_number, now=now)
        await desk.worked()
        return signed

    @get(PARCELS + "/{tracking_number:str}")
    async def record(self, request: AnyRequest, tracking_number: FromPath[str]) -> SignedDelivery:
        """Give the signed record to whoever asks."""
        desk, carrier = _carrier(request)
        desk.check_up()
        await desk.hear(request)
        return carrier.record(tracking_number)

    @get(CARRIER_KEYS)
    async def keys(self, request: AnyRequest) -> list[CarrierKey]:
        """Give the verifying keys to whoever asks."""
        desk, carrier = _carrier(request)
        await desk.hear(request)
        return [carrier.public_key()]

    @get(SWITCHES)
    async def switches(self, request: AnyRequest) -> Switches:
        """Show the switches."""
        desk, _ = _carrier(request)
        await desk.signed(request)
        return desk.store.switches()

    @put(SWITCHES)
    async def turn(self, request: AnyRequest) -> Switches:
        """Replace the switches."""
        return await _carrier(request)[0].turn(request)


def _answer(desk: Desk, status: MoneyStatus) -> Response[MoneyStatus]:
    told = replace(status, client_id=f"{status.client_id}-other") if desk.store.use_up("wrong_answers") else status
    return Response(told, status_code=202 if told.state is State.PENDING else 200)


def decode(body: bytes, shape: type[Shape]) -> Shape:
    """Return the JSON body in its shape; raises `Invalid` ("body_malformed") with what is wrong."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise errors.Invalid("body_malformed", str(error)) from error


def refusal(_: AnyRequest, error: errors.FairholdError) -> Response[dict[str, Any]]:
    """Render a refusal as problem+json."""
    status = next(status for kind, status in _STATUSES.items() if isinstance(error, kind))
    return _problem(status, error.code, error.message, error.facts)


def http_refusal(_: AnyRequest, error: HTTPException) -> Response[dict[str, Any]]:
    """Render what the framework refuses as problem+json."""
    names = {400: "body_malformed", 404: "route_unknown", 405: "method_not_allowed", 413: "body_too_large"}
    return _problem(error.status_code, names.get(error.status_code, f"http_{error.status_code}"), error.detail, {})


def _problem(status: int, code: str, detail: str, facts: Mapping[str, Any]) -> Response[dict[str, Any]]:
    body = {"type": "about:blank", "title": http.HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response({**facts, **body, "code": code}, status_code=status, media_type="application/problem+json")


def _provider(request: AnyRequest) -> tuple[Desk, Provider]:
    state = request.app.state
    return state.provider_desk, state.provider


def _carrier(request: AnyRequest) -> tuple[Desk, Carrier]:
    state = request.app.state
    return state.carrier_desk, state.carrier


def _kind(request: AnyRequest) -> Kind:
    resource = request.url.path.removeprefix(PROVIDER_PREFIX).split("/")[2]
    return Kind(resource.removesuffix("s"))
