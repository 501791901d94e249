"""What carriers vouch for: their keys, and parcels. Outside calls, so never within a transaction."""

import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Self, TypeVar

import msgspec

from service import outbound
from service.core.errors import NotFound, Unavailable
from service.core.ids import new_id
from service.core.signatures import sign_message, verify_record
from service.core.wire import (
    CARRIER_KEYS,
    FAIRHOLD_NOW,
    PARCELS,
    SANDBOX_CARRIER,
    CarrierKey,
    DeliveryRecord,
    SignedDelivery,
    format_instant,
)
from service.db.session import Database
from service.settings import Settings

SANDBOX = SANDBOX_CARRIER
SILENT_SECONDS = 60.0
"""How long a carrier that did not answer is left alone, so that a dead one does not keep every worker waiting."""
KEYS_SECONDS = 60.0
"""How often, at most, a carrier is asked for its keys because a record names one that we do not know."""
Clock = Callable[[], Awaitable[datetime]]
T = TypeVar("T")


class Carriers:
    """The carriers that this service knows, by code, each with its address."""

    def __init__(
        self, addresses: Mapping[str, str], pinned_keys: Mapping[str, Mapping[str, str]], *, secret: str, clock: Clock
    ) -> None:
        """`secret` signs our requests, as of `clock()`, which is the database's."""
        self._addresses = {code: address.rstrip("/") for code, address in addresses.items()}
        self._pinned = {code: dict(keys) for code, keys in pinned_keys.items()}
        self._told: dict[str, dict[str, str]] = {}
        self._keys_asked_s: dict[str, float] = {}
        self._silent_until_s: dict[str, float] = {}
        self._secret = secret
        self._clock = clock
        self._client = outbound.client()

    @classmethod
    def of(cls, settings: Settings, database: Database) -> Self:
        """Return the carriers of the settings; `carrier_public_key` ("key_id=base64") pins the key."""
        addresses = {SANDBOX: settings.carrier_url} if settings.carrier_url else {}
        pinned: dict[str, dict[str, str]] = {}
        if settings.carrier_public_key:
            key_id, _, key = settings.carrier_public_key.partition("=")
            pinned[SANDBOX] = {key_id: key}

        async def clock() -> datetime:
            async with database.begin() as tx:
                return await tx.now()

        return cls(addresses, pinned, secret=settings.gateway_secret, clock=clock)

    async def keys(self, code: str, *, key_id: str) -> Mapping[str, str]:
        """Return a carrier's verifying keys by id: the pinned ones, else those that it tells.

        It is asked for a key that we do not know, but not more than once a minute. Raises `NotFound`, `Unavailable`.
        """
        if code in self._pinned:
            return self._pinned[code]
        known = self._told.get(code, {})
        asked_s = self._keys_asked_s.get(code)
        if key_id in known or (known and asked_s is not None and time.monotonic() < asked_s + KEYS_SECONDS):
            return known
        listed = await self._get(code, CARRIER_KEYS, list[CarrierKey])
        self._keys_asked_s[code] = time.monotonic()
        self._told[code] = {key.key_id: key.public_key for key in listed}
        return self._told[code]

    async def verify(self, signed: SignedDelivery) -> DeliveryRecord:
        """Return the record if its carrier signed it; raises `Unauthenticated`, `NotFound`, `Unavailable`."""
        return verify_record(signed, await self.keys(signed.record.carrier, key_id=signed.key_id))

    async def ask(self, code: str, tracking_number: str) -> SignedDelivery:
        """Ask a carrier about a parcel; raises `NotFound` ("parcel_not_found"), `Unavailable`.

        What it answers is not verified yet.
        """
        return await self._get(code, f"{PARCELS}/{tracking_number}", SignedDelivery)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _get(self, code: str, path: str, shape: type[T]) -> T:
        if code not in self._addresses:
            raise NotFound("carrier_unknown", "this carrier is not known here", carrier=code)
        if time.monotonic() < self._silent_until_s.get(code, 0):
            raise Unavailable("carrier_unavailable", "the carrier did not answer a moment ago", carrier=code)
        now = await self._clock()
        signed = {**sign_message(self._secret, str(new_id()), b"", now=now), FAIRHOLD_NOW: format_instant(now)}
        try:
            answer = await self._client.get(self._addresses[code] + path, headers=signed)
        except outbound.NoAnswer as error:
            self._silent_until_s[code] = time.monotonic() + SILENT_SECONDS
            raise Unavailable("carrier_unavailable", "the carrier does not answer", carrier=code) from error
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise NotFound("parcel_not_found", "the carrier does not know this parcel", carrier=code)
        try:
            if answer.status_code == HTTPStatus.OK:
                return msgspec.json.decode(answer.content, type=shape)
        except msgspec.DecodeError as error:
            raise Unavailable("carrier_unavailable", "the carrier's answer makes no sense", carrier=code) from error
        raise Unavailable("carrier_unavailable", "the carrier does not answer as agreed", carrier=code)
