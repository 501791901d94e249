"""JSON routes about corrections of batches and products."""

from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.batches import corrections
from service.batches.queries import get_batch, get_product
from service.batches.schemas import CorrectionView, NewBatchCorrection, NewProductCorrection
from service.core.actor import Actor
from service.db.pages import LIMIT_DEFAULT
from service.db.query_parameters import After, Limit
from service.db.schemas import PageOf
from service.db.session import Tx


class BatchCorrections(Controller):
    """What was corrected of a batch after it was registered."""

    path = "/batches/{batch_id:uuid}/corrections"
    tags = ("Batches",)

    @post("/", opt={"allow": "batches.correct"}, summary="Correct a batch")
    async def correct(
        self,
        batch_id: FromPath[UUID],
        data: JSONBody[NewBatchCorrection],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> Response[CorrectionView]:
        """Correct lot codes, dates or units of a batch of your seller. What stood before is kept for ever.

        While payments for the batch are frozen, or complaints about it count, mediators of `commons` correct its lots.
        Complaints that the batch may fit, and those linked to it by themselves, are matched again.
        """
        made = await corrections.correct_batch(tx, actor, batch_id, data, now=await tx.now())
        location = f"/api/v1/batches/{batch_id}/corrections"
        return Response(corrections.view_of(actor, made), status_code=201, headers={"Location": location})

    @get("/", opt={"allow": "batches.read_corrections"}, summary="List a batch's corrections")
    async def listing(
        self,
        batch_id: FromPath[UUID],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        after: After = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> PageOf[CorrectionView]:
        """List who corrected what of a batch, when and why, the newest first. Sellers see those of their own."""
        batch = await get_batch(tx, batch_id)
        return (await corrections.corrections_page(tx, actor, batch, after=after, limit=limit)).answer()


class ProductCorrections(Controller):
    """What was corrected of a product after it was registered."""

    path = "/products/{product_id:uuid}/corrections"
    tags = ("Products",)

    @post("/", opt={"allow": "products.correct"}, summary="Correct a product")
    async def correct(
        self,
        product_id: FromPath[UUID],
        data: JSONBody[NewProductCorrection],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
    ) -> Response[CorrectionView]:
        """Correct brand, names or GTIN of a product of your seller. What stood before is kept for ever.

        While payments for one of its batches are frozen, or complaints about one count, mediators of `commons` do it.
        Complaints that its batches may fit, and those linked to them by themselves, are matched again.
        """
        made = await corrections.correct_product(tx, actor, product_id, data, now=await tx.now())
        location = f"/api/v1/products/{product_id}/corrections"
        return Response(corrections.view_of(actor, made), status_code=201, headers={"Location": location})

    @get("/", opt={"allow": "products.read_corrections"}, summary="List a product's corrections")
    async def listing(
        self,
        product_id: FromPath[UUID],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        after: After = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> PageOf[CorrectionView]:
        """List who corrected what of a product, when and why, the newest first. Sellers see those of their own."""
        product = await get_product(tx, product_id)
        return (await corrections.corrections_page(tx, actor, product, after=after, limit=limit)).answer()
