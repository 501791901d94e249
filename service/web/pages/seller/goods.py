"""The seller's batches: the list, registering one, and a file of many."""

import csv
import io
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery

from service.batches.actions import register_batch, register_product
from service.batches.imports import COLUMNS, import_batches
from service.batches.queries import batches_page, products_page
from service.batches.rules import CATEGORIES, IMPORT_BYTES_MAX, IMPORT_ROWS_MAX, gtin14
from service.batches.schemas import BatchView, NewBatch, NewProduct
from service.complaints.queries import complaints_by_batch
from service.core.actor import Actor
from service.core.names import is_han, name_key
from service.db.requests import LATE_CLAIM
from service.db.session import Tx
from service.web import paths
from service.web.language import Language
from service.web.pages.casework import ROWS, name_of, next_page
from service.web.pages.seller.orders import own_shop
from service.web.pages.shell import REFUSALS, Page, ShellOf, checked, missing
from service.web.phrase import Phrase, say
from service.web.views.parts import EMPTY_FORM, Form, Option
from service.web.views.seller import Batches, BatchRow, ImportBatches, ImportResult, RegisterBatch, RowError
from service.web.words import PHRASES

SELLER = {"allow": "web.seller"}
SELLER_FORM = {**SELLER, LATE_CLAIM: True}
_FIELDS = {
    "name_en": "product",
    "name_zh": "product",
    "lot_code": "lot",
    "maker_lot_code": "maker_lot",
    "units_made": "units",
}
_PLACES = {
    **_FIELDS,
    **{name: name for name in (*_FIELDS.values(), "brand", "gtin", "category", "made_on", "expires_on")},
}
_ALIKE_MAX = 50


@get(paths.SELLER_BATCHES, opt=SELLER)
async def show_batches(
    shell: ShellOf,
    tx: NamedDependency[Tx],
    actor: NamedDependency[Actor],
    q: FromQuery[str] = "",
    after: FromQuery[str | None] = None,
) -> Page:
    """The seller's batches, the newest first."""
    return await shell.page(await batches(tx, actor, q.strip()[:200], after, shell.language))


@get(paths.SELLER_BATCH_NEW, opt=SELLER)
async def show_registration(shell: ShellOf) -> Page:
    """Ask for a product and one batch of it."""
    return await shell.page(registration(EMPTY_FORM))


@post(paths.SELLER_BATCH_NEW, opt=SELLER_FORM)
async def register(shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]) -> Page:
    """Register the batch, and its product if the shop does not have it yet."""
    form = await shell.form()
    if (looked_at := check_registration(form)).errors:
        return await shell.wrong(looked_at, _draw_registration)
    try:
        await shell.take(form)
        await register_goods(tx, actor, form)
    except REFUSALS as error:
        return await shell.refused(error, form, _draw_registration, _PLACES)
    return shell.go(paths.SELLER_BATCHES, done="done.registered")


@get(paths.SELLER_IMPORT, opt=SELLER)
async def show_import(shell: ShellOf) -> Page:
    """Ask for a file."""
    return await shell.page(_import_page(None, EMPTY_FORM))


@post(paths.SELLER_IMPORT, opt=SELLER_FORM, status_code=200, request_max_body_size=IMPORT_BYTES_MAX + 10_000)
async def bring_in(shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]) -> Page:
    """Import every line of the file, or none of them, and say which lines are wrong."""
    form, files = await shell.form(), await shell.files("file")
    if not files:
        return await shell.wrong(missing(form, file="error.file_missing"), partial(_draw_import, None))
    name, content = files[0].filename, await files[0].read()
    try:
        await shell.take(form)
        done = await import_batches(tx, actor, own_shop(actor), content, now=await tx.now())
    except REFUSALS as error:
        result = ImportResult(name, 0, wrong_rows(content, error.facts.get("rows", ())))
        return await shell.refused(error, form, partial(_draw_import, result), {"form": "file"})
    return await shell.page(_import_page(ImportResult(name, done.batches, ()), EMPTY_FORM))


async def batches(tx: Tx, actor: Actor, query: str, after: str | None, language: Language) -> Batches:
    """Return a page of the batches that the actor's shop registered or got, with how many complaints each has."""
    page = await batches_page(
        tx, search=query or None, product_id=None, seller_id=None, shop_id=own_shop(actor), after=after, limit=ROWS
    )
    counts = await complaints_by_batch(tx, [batch.id for batch in page.rows])
    rows = tuple(_row(batch, counts, language) for batch in page.rows)
    return Batches(rows, query, next_page(paths.SELLER_BATCHES, page.next, len(rows), {"q": query}))


def registration(form: Form) -> RegisterBatch:
    """Return the form that registers a batch."""
    return RegisterBatch(tuple(Option(code, say(f"category.{code}")) for code in CATEGORIES), form)


def check_registration(form: Form) -> Form:
    """Return the form with what is missing."""
    return missing(form, product="error.product_missing", category="error.choose_one", lot="error.lot_missing")


async def register_goods(tx: Tx, actor: Actor, form: Form) -> None:
    """Register a batch of the product that the form names, which is found by its barcode or names, or registered."""
    now = await tx.now()
    data = new_product(own_shop(actor), form)
    product_id = await _known_product(tx, data)
    if product_id is None:
        product_id = (await register_product(tx, actor, data, now=now)).id
        await tx.flush()  # the batch refers to its product
    values = {
        "product_id": str(product_id),
        "lot_code": form.value("lot").strip(),
        **_filled(form, maker_lot="maker_lot_code", made_on="made_on", expires_on="expires_on", units="units_made"),
    }
    await register_batch(tx, actor, checked(NewBatch, values, _FIELDS), now=now)


def new_product(seller_id: UUID, form: Form) -> NewProduct:
    """Return the product that the form names; a name with Chinese characters is the Chinese one."""
    name = form.value("product").strip()
    values = {
        "seller_id": str(seller_id),
        "category": form.value("category"),
        "brand": form.value("brand").strip(),
        "name_zh" if any(is_han(letter) for letter in name) else "name_en": name,
        **_filled(form, gtin="gtin"),
    }
    return checked(NewProduct, values, _FIELDS)


def wrong_rows(content: bytes, rows: Sequence[Mapping[str, Any]]) -> tuple[RowError, ...]:
    """Return the lines that an import refused, with the lot code that stands in each, for people to find them."""
    if not rows:
        return ()
    lots = dict(enumerate(_lots(content), start=2))
    return tuple(RowError(row["row"], lots.get(row["row"], ""), _why(row)) for row in rows)


async def _known_product(tx: Tx, data: NewProduct) -> UUID | None:
    gtin = gtin14(data.gtin) if data.gtin else None
    key = name_key(data.brand, data.name_en, data.name_zh)
    page = await products_page(
        tx, search=gtin or name_key(data.name_en, data.name_zh), seller_id=data.seller_id, after=None, limit=_ALIKE_MAX
    )
    for product in page.rows:
        same_name = key in {name_key(product.brand, product.name_en), name_key(product.brand, product.name_zh)}
        if product.gtin == gtin if gtin and product.gtin else same_name or product.name_key == key:
            return product.id
    return None


def _row(batch: BatchView, counts: Mapping[UUID, int], language: Language) -> BatchRow:
    return BatchRow(
        id=str(batch.id),
        lot=batch.lot_code,
        product=name_of(batch, language),
        made_on=batch.made_on,
        expires_on=batch.expires_on,
        units=batch.units_made,
        state=f"batch.{batch.status}",
        complaints=counts.get(batch.id, 0),
    )


async def _draw_registration(form: Form) -> RegisterBatch:
    return registration(form)


async def _draw_import(result: ImportResult | None, form: Form) -> ImportBatches:
    return _import_page(result if result and result.errors else None, form)


def _import_page(result: ImportResult | None, form: Form) -> ImportBatches:
    return ImportBatches(columns=COLUMNS, rows_max=IMPORT_ROWS_MAX, result=result, form=form)


def _filled(form: Form, **names: str) -> dict[str, str]:
    """Return what was typed into fields that may stay open, by the names of the struct's members."""
    return {member: form.value(field).strip() for field, member in names.items() if form.value(field).strip()}


def _lots(content: bytes) -> list[str]:
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        return [str(row.get("lot_code") or "") for row in reader]
    except (UnicodeDecodeError, csv.Error):
        return []


def _why(row: Mapping[str, Any]) -> Phrase:
    column = str(row.get("message", "")).partition("`$.")[2].partition("`")[0]
    if row["code"] == "import_value_wrong":
        return say("error.import_value_wrong", column=column or "?")
    code = f"error.{row['code']}"
    return say(code if code in PHRASES else "error.field_malformed")


HANDLERS = [show_batches, show_registration, register, show_import, bring_in]
