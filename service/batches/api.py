"""JSON routes about products and batches."""

from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from service.batches import actions, imports, queries
from service.batches.corrections_api import BatchCorrections, ProductCorrections
from service.batches.photos_api import BatchPhotos
from service.batches.rules import IMPORT_BYTES_MAX
from service.batches.schemas import (
    BatchView,
    CustodyView,
    Imported,
    NewBatch,
    NewCustody,
    NewProduct,
    ProductView,
    StatusView,
)
from service.core.actor import Actor
from service.db.pages import LIMIT_DEFAULT, whole_list
from service.db.query_parameters import After, Limit, Search
from service.db.schemas import PageOf
from service.db.session import Tx


class Products(Controller):
    """What is sold."""

    path = "/products"
    tags = ("Products",)

    @post("/", opt={"allow": "products.register"}, summary="Register a product")
    async def register(
        self, data: JSONBody[NewProduct], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> Response[ProductView]:
        """Register a product of one of your sellers; it needs a name in English or Chinese."""
        product = await actions.register_product(tx, actor, data, now=await tx.now())
        view = _product_view(product)
        return Response(view, status_code=201, headers={"Location": f"/api/v1/products/{product.id}"})

    @get("/", opt={"allow": "products.read"}, summary="List products")
    async def listing(
        self, tx: NamedDependency[Tx], q: Search = None, seller_id: FromQuery[UUID | None] = None,
        after: After = None, limit: Limit = LIMIT_DEFAULT,
    ) -> PageOf[ProductView]:  # fmt: skip
        """List products, the newest first; `q` finds words of brand or name in either language, or a GTIN."""
        page = await queries.products_page(tx, search=q, seller_id=seller_id, after=after, limit=limit)
        return page.answer_of(_product_view)

    @get("/{product_id:uuid}", opt={"allow": "products.read"}, summary="Get a product")
    async def one(self, product_id: FromPath[UUID], tx: NamedDependency[Tx]) -> ProductView:
        """Get one product."""
        return _product_view(await queries.get_product(tx, product_id))


class Batches(Controller):
    """Production lots."""

    path = "/batches"
    tags = ("Batches",)

    @post("/", opt={"allow": "batches.register"}, summary="Register a batch")
    async def register(
        self, data: JSONBody[NewBatch], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> Response[BatchView]:
        """Register a production lot. Complaints that waited for it are matched again."""
        batch = await actions.register_batch(tx, actor, data, now=await tx.now())
        await tx.flush()  # the view is read from the database
        view = await queries.get_batch(tx, batch.id)
        return Response(view, status_code=201, headers={"Location": f"/api/v1/batches/{batch.id}"})

    @post(
        "/imports",
        opt={"allow": "batches.register"},
        summary="Import batches from CSV",
        request_max_body_size=IMPORT_BYTES_MAX + 1,
    )
    async def bring_in(
        self,
        request: Request[Actor, None, State],
        seller_id: FromQuery[UUID],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> Imported:
        """Import a CSV as the body: everything, or nothing and each wrong line named.

        UTF-8; columns brand, name_en, name_zh, gtin, category, lot_code, maker_lot_code, made_on, expires_on and
        units_made.
        """
        return await imports.import_batches(tx, actor, seller_id, await request.body(), now=await tx.now())

    @get("/", opt={"allow": "batches.read"}, summary="List batches")
    async def listing(
        self,
        tx: NamedDependency[Tx],
        q: Search = None,
        product_id: FromQuery[UUID | None] = None,
        seller_id: FromQuery[UUID | None] = None,
        after: After = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> PageOf[BatchView]:
        """List batches, the newest first; `q` is a lot code, however spelt, or words of the product's name."""
        page = await queries.batches_page(
            tx, search=q, product_id=product_id, seller_id=seller_id, after=after, limit=limit
        )
        return page.answer()

    @get("/{batch_id:uuid}", opt={"allow": "batches.read"}, summary="Get a batch")
    async def one(self, batch_id: FromPath[UUID], tx: NamedDependency[Tx]) -> BatchView:
        """Get one batch with its status now."""
        return await queries.get_batch(tx, batch_id)

    @get("/{batch_id:uuid}/status", opt={"allow": "batches.read"}, summary="Read a batch's status history")
    async def history(self, batch_id: FromPath[UUID], tx: NamedDependency[Tx]) -> PageOf[StatusView]:
        """Read the status history, the oldest entry first. Signals and recalls write it."""
        await queries.get_batch(tx, batch_id)
        found = await queries.statuses(tx, batch_id)
        return whole_list(StatusView(row.status, row.reason_code, row.since) for row in found)

    @get("/{batch_id:uuid}/custody", opt={"allow": "batches.read_custody"}, summary="Read where a batch went")
    async def movements(self, batch_id: FromPath[UUID], tx: NamedDependency[Tx]) -> PageOf[CustodyView]:
        """Read the movements of a batch between sellers, the oldest first."""
        await queries.get_batch(tx, batch_id)
        found = await queries.custody_of(tx, [batch_id])
        return whole_list(msgspec.convert(row, CustodyView, from_attributes=True) for row in found)

    @post("/{batch_id:uuid}/custody", opt={"allow": "batches.record_custody"}, summary="Record that units went on")
    async def move(
        self,
        batch_id: FromPath[UUID],
        data: JSONBody[NewCustody],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> Response[CustodyView]:
        """Record that units of the batch went from one of your sellers to another seller."""
        custody = await actions.record_custody(tx, actor, batch_id, data, now=await tx.now())
        view = msgspec.convert(custody, CustodyView, from_attributes=True)
        return Response(view, status_code=201, headers={"Location": f"/api/v1/batches/{batch_id}/custody"})


def _product_view(row: object) -> ProductView:
    return msgspec.convert(row, ProductView, from_attributes=True)


HANDLERS = [Products, Batches, BatchPhotos, BatchCorrections, ProductCorrections]
