"""Requests and responses about products and batches."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from service.batches.rules import UNITS_MAX

Name = Annotated[str, msgspec.Meta(max_length=300)]
Lot = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=r"\S", examples=["SY26J1807"])]
Category = Literal[
    "cosmetics", "food", "drug", "supplement", "device", "clothing", "toy", "electronics", "household", "other"
]
Status = Literal["active", "held", "recalled", "cleared"]
CorrectionReason = Annotated[
    Literal["typing_error", "left_out", "label_differs", "maker_told"], msgspec.Meta(examples=["typing_error"])
]
Gtin = Annotated[str, msgspec.Meta(min_length=8, max_length=20, examples=["06901234567892"])]
Units = Annotated[int, msgspec.Meta(ge=1, le=UNITS_MAX, examples=[6000])]


class NewProduct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be sold. A name in at least one language."""

    seller_id: UUID
    category: Category
    brand: Annotated[Name, msgspec.Meta(examples=["Suyun"])] = ""
    name_en: Annotated[Name, msgspec.Meta(examples=["Suyun Hydrating Sheet Mask"])] = ""
    name_zh: Annotated[Name, msgspec.Meta(examples=["素芸补水面膜"])] = ""
    gtin: Gtin | None = None


class ProductView(msgspec.Struct, frozen=True):
    """A product."""

    id: UUID
    seller_id: UUID
    brand: str
    name_en: str
    name_zh: str
    gtin: str | None
    category: str
    registered_at: datetime


class NewBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One production lot."""

    product_id: UUID
    lot_code: Lot
    maker_lot_code: Annotated[Lot, msgspec.Meta(examples=["LH-261018-07"])] | None = None
    made_on: date | None = None
    expires_on: date | None = None
    units_made: Units | None = None
    parent_ids: Annotated[list[UUID], msgspec.Meta(max_length=20)] = []


class NewBatchCorrection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is right, and why it is corrected. A field that is left out stays as it is; null takes it away."""

    reason: CorrectionReason
    lot_code: Lot | UnsetType = UNSET
    maker_lot_code: Annotated[Lot, msgspec.Meta(examples=["LH-261018-07"])] | UnsetType | None = UNSET
    made_on: date | UnsetType | None = UNSET
    expires_on: date | UnsetType | None = UNSET
    units_made: Units | UnsetType | None = UNSET


class NewProductCorrection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is right, and why it is corrected. A field that is left out stays as it is; null takes a GTIN away.

    The category stays: what is usual for it decides when payments are frozen.
    """

    reason: CorrectionReason
    brand: Annotated[Name, msgspec.Meta(examples=["Suyun"])] | UnsetType = UNSET
    name_en: Annotated[Name, msgspec.Meta(examples=["Suyun Hydrating Sheet Mask"])] | UnsetType = UNSET
    name_zh: Annotated[Name, msgspec.Meta(examples=["素芸补水面膜"])] | UnsetType = UNSET
    gtin: Gtin | UnsetType | None = UNSET


class CorrectionView(msgspec.Struct, frozen=True):
    """A correction: the corrected fields as they stood before and as they stand after it.

    `side` says whether the seller's people or a mediator corrected it; `corrected_by` is not told to sellers where it
    is a mediator.
    """

    id: UUID
    side: str
    reason: str
    before: dict[str, str | int | None]
    after: dict[str, str | int | None]
    corrected_by: UUID | None
    at: datetime


class BatchView(msgspec.Struct, frozen=True):
    """A batch with its product's names and its status now."""

    id: UUID
    product_id: UUID
    seller_id: UUID
    brand: str
    name_en: str
    name_zh: str
    gtin: str | None
    category: str
    lot_code: str
    maker_lot_code: str | None
    made_on: date | None
    expires_on: date | None
    units_made: int | None
    status: str
    registered_at: datetime


class StatusView(msgspec.Struct, frozen=True):
    """One entry of a status history."""

    status: str
    reason_code: str
    since: datetime


class NewCustody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Units that went on to another seller."""

    from_seller_id: UUID
    to_seller_id: UUID
    units: Units
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class CustodyView(msgspec.Struct, frozen=True):
    """One movement of a batch."""

    id: UUID
    batch_id: UUID
    from_seller_id: UUID
    to_seller_id: UUID
    units: int
    at: datetime


class Imported(msgspec.Struct, frozen=True):
    """What an import did: everything or nothing."""

    batches: int
    products: int


class ImportRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of an import, as text made into values."""

    category: Category
    lot_code: Lot
    brand: Name = ""
    name_en: Name = ""
    name_zh: Name = ""
    gtin: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    maker_lot_code: Lot | None = None
    made_on: date | None = None
    expires_on: date | None = None
    units_made: Units | None = None


class BatchPhotoView(msgspec.Struct, frozen=True):
    """A photo of a batch as its seller shows it. Width and height are the upright original's; sizes in bytes."""

    file_id: UUID
    kind: str
    size_bytes: int
    sha256: str
    width_px: int | None
    height_px: int | None
    received_at: datetime
    removed_at: datetime | None
