"""Batches from a CSV file: everything or nothing, with each wrong line named."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import insert, select

from service.batches.actions import check_own_seller, new_batch
from service.batches.rules import IMPORT_BYTES_MAX, IMPORT_ERRORS_MAX, IMPORT_ROWS_MAX, gtin14
from service.batches.schemas import Imported, ImportRow, NewBatch
from service.batches.tables import Batch, Product
from service.core.actor import Actor
from service.core.errors import FairholdError, Invalid, TooLarge
from service.core.ids import new_id
from service.core.names import name_key
from service.db.session import Tx
from service.events.tables import Event
from service.sellers.queries import get_seller

COLUMNS = ImportRow.__struct_fields__


@dataclass(frozen=True, slots=True)
class WrongRow:
    """A line that cannot be imported; `row` counts from 1, the header being line 1."""

    row: int
    code: str
    message: str


async def import_batches(tx: Tx, actor: Actor, seller_id: UUID, content: bytes, *, now: datetime) -> Imported:
    """Register every line of a CSV as a batch of this seller; products are found by GTIN or names, or made.

    Raises `TooLarge`, `Forbidden`, `Invalid` ("import_malformed", or "import_rows_wrong" with `rows`, at most 100);
    then nothing is stored.
    """
    await get_seller(tx, seller_id)
    check_own_seller(actor, seller_id)
    wrong: list[WrongRow] = []
    rows = list(_rows(content, wrong))
    products = _Products(
        {
            _identity(p.gtin, p.name_key): p
            for p in await tx.scalars(select(Product).where(Product.seller_id == seller_id))
        }
    )
    batches = _batches(rows, products, wrong, seller_id=seller_id, actor=actor, now=now)
    await _refuse_known(tx, batches, wrong)
    if wrong:
        listed = [{"row": w.row, "code": w.code, "message": w.message} for w in sorted(wrong, key=lambda w: w.row)]
        raise Invalid(
            "import_rows_wrong", f"{len(wrong)} lines are wrong; nothing was imported", rows=listed[:IMPORT_ERRORS_MAX]
        )
    tx.add_all(products.made)
    await tx.flush()  # batches point at the products
    await _insert(tx, actor, [batch for _, batch in batches], now=now)
    return Imported(batches=len(batches), products=len(products.made))


class _Products:
    """The seller's products by GTIN or names, and those that this import makes."""

    def __init__(self, known: dict[str, Product]) -> None:
        self._known = known
        self.made: list[Product] = []

    def find_or_make(self, row: ImportRow, seller_id: UUID, now: datetime) -> Product:
        key = name_key(row.brand, row.name_en, row.name_zh)
        gtin = gtin14(row.gtin) if row.gtin else None
        found = self._known.get(_identity(gtin, key))
        if found is not None:
            return found
        if not name_key(row.name_en, row.name_zh):
            raise Invalid("product_name_missing", "a new product needs a name in English or Chinese")
        product = Product(
            id=new_id(), seller_id=seller_id, brand=row.brand.strip(), name_en=row.name_en.strip(),
            name_zh=row.name_zh.strip(), name_key=key, gtin=gtin, category=row.category, registered_at=now,
        )  # fmt: skip
        self._known[_identity(gtin, key)] = product
        self.made.append(product)
        return product


def _identity(gtin: str | None, key: str) -> str:
    return f"gtin {gtin}" if gtin else f"name {key}"


def _rows(content: bytes, wrong: list[WrongRow]) -> Iterator[tuple[int, ImportRow]]:
    if len(content) > IMPORT_BYTES_MAX:
        raise TooLarge("import_too_large", "the file is over the limit", limit_bytes=IMPORT_BYTES_MAX)
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = reader.fieldnames or []
        unknown = [name for place, name in enumerate(header) if name not in COLUMNS or name in header[:place]]
        if unknown or "lot_code" not in header or "category" not in header:
            raise Invalid(
                "import_malformed", "the first line names the columns", columns=list(COLUMNS), unknown=unknown
            )
        for number, cells in enumerate(reader, start=2):
            if number > IMPORT_ROWS_MAX + 1:
                raise Invalid("import_malformed", f"a file has at most {IMPORT_ROWS_MAX} lines")
            try:
                yield number, _row(cells)
            except msgspec.ValidationError as error:
                wrong.append(WrongRow(number, "import_value_wrong", str(error)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Invalid("import_malformed", "the file is not CSV in UTF-8") from error


def _row(cells: Mapping[str, str | None]) -> ImportRow:
    if None in cells:
        raise msgspec.ValidationError("more cells than columns")
    given = {name: cell.strip() for name, cell in cells.items() if cell is not None and cell.strip()}
    return msgspec.convert(given, ImportRow, strict=False)


def _batches(
    rows: list[tuple[int, ImportRow]],
    products: _Products,
    wrong: list[WrongRow],
    *,
    seller_id: UUID,
    actor: Actor,
    now: datetime,
) -> list[tuple[int, Batch]]:
    made: list[tuple[int, Batch]] = []
    seen: set[tuple[UUID, str]] = set()
    for number, row in rows:
        try:
            product = products.find_or_make(row, seller_id, now)
            data = NewBatch(product.id, row.lot_code, row.maker_lot_code, row.made_on, row.expires_on, row.units_made)
            batch = new_batch(product, data, actor=actor, now=now)
        except FairholdError as error:
            wrong.append(WrongRow(number, error.code, error.message))
            continue
        if (product.id, batch.lot_code) in seen:
            wrong.append(WrongRow(number, "import_row_twice", "the lot stands in the file twice"))
        seen.add((product.id, batch.lot_code))
        made.append((number, batch))
    return made


async def _refuse_known(tx: Tx, batches: list[tuple[int, Batch]], wrong: list[WrongRow]) -> None:
    product_ids = {batch.product_id for _, batch in batches}
    found = await tx.execute(select(Batch.product_id, Batch.lot_code).where(Batch.product_id.in_(product_ids)))
    known = {(row.product_id, row.lot_code) for row in found}
    wrong += [
        WrongRow(number, "batch_registered_already", "this product has a batch with this lot code")
        for number, batch in batches
        if (batch.product_id, batch.lot_code) in known
    ]


async def _insert(tx: Tx, actor: Actor, batches: list[Batch], *, now: datetime) -> None:
    if not batches:
        return
    columns = [column.key for column in Batch.__table__.columns]
    await tx.execute(insert(Batch), [{name: getattr(batch, name) for name in columns} for batch in batches])
    await tx.execute(
        insert(Event),
        [
            {
                "id": new_id(),
                "name": "batch.registered",
                "subject_kind": "batch",
                "subject_id": batch.id,
                "tenant_id": None,
                "actor_id": actor.person_id,
                "at": now,
                "facts": {
                    "batch_id": str(batch.id),
                    "product_id": str(batch.product_id),
                    "seller_id": str(batch.seller_id),
                },
            }
            for batch in batches
        ],
    )
