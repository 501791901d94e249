"""What carriers vouch for: their keys, and parcels. Outside calls, so never within a transaction."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Self, TypeVar

import msgspec

from service import outbound
from service.core.errors import NotFound, Unavailable
from service.core.signatures import verify_record
from service.core.wire import CARRIER_KEYS, PARCELS, CarrierKey, DeliveryRecord, SignedDelivery
from service.settings import Settings

SANDBOX = "sandbox"
T = TypeVar("T")


class Carriers:
    """The carriers that this service knows, by code, each with its address."""

    def __init__(self, addresses: Mapping[str, str], pinned_keys: Mapping[str, Mapping[str, str]]) -> None:
        self._addresses = dict(addresses)
        self._keys: dict[str, dict[str, str]] = {code: dict(keys) for code, keys in pinned_keys.items()}
        self._client = outbound.client()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the carriers of the settings; `carrier_public_key` ("key_id=base64") pins the key."""
        addresses = {SANDBOX: settings.carrier_url} if settings.carrier_url else {}
        pinned: dict[str, dict[str, str]] = {}
        if settings.carrier_public_key:
            key_id, _, key = settings.carrier_public_key.partition("=")
            pinned[SANDBOX] = {key_id: key}
        return cls(addresses, pinned)

    async def keys(self, code: str) -> Mapping[str, str]:
        """Return a carrier's verifying keys by id, asked once; raises `NotFound`, `Unavailable`."""
        if code not in self._keys:
            if code not in self._addresses:
                raise NotFound("carrier_unknown", "this carrier is not known here", carrier=code)
            listed = await self._get(code, CARRIER_KEYS, list[CarrierKey])
            self._keys[code] = {key.key_id: key.public_key for key in listed}
        return self._keys[code]

    async def verify(self, signed: SignedDelivery) -> DeliveryRecord:
        """Return the record if its carrier signed it; raises `Unauthenticated`, `NotFound`, `Unavailable`."""
        return verify_record(signed, await self.keys(signed.record.carrier))

    async def ask(self, code: str, tracking_number: str) -> SignedDelivery:
        """Ask a carrier about a parcel; raises `NotFound` ("parcel_not_found"), `Unavailable`."""
        return await self._get(code, f"{PARCELS}/{tracking_number}", SignedDelivery)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _get(self, code: str, path: str, shape: type[T]) -> T:
        if code not in self._addresses:
            raise NotFound("carrier_unknown", "this carrier is not known here", carrier=code)
        try:
            answer = await self._client.get(self._addresses[code].rstrip("/") + path)
        except outbound.NoAnswer as error:
            raise Unavailable("carrier_unavailable", "the carrier does not answer", carrier=code) from error
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise NotFound("parcel_not_found", "the carrier does not know this parcel", carrier=code)
        try:
            if answer.status_code == HTTPStatus.OK:
                return msgspec.json.decode(answer.content, type=shape)
        except msgspec.DecodeError as error:
            raise Unavailable("carrier_unavailable", "the carrier's answer makes no sense", carrier=code) from error
        raise Unavailable("carrier_unavailable", "the carrier does not answer as agreed", carrier=code)
