"""Names of products and shops in the page's language, and options with their hints."""

from collections.abc import Collection, Iterable
from uuid import UUID

from service.batches.queries import products_by_id
from service.complaints.schemas import ComplaintSummary, ComplaintView
from service.db.session import Tx
from service.sellers.queries import sellers_by_id
from service.web.language import Language
from service.web.pages.casework import name_of
from service.web.phrase import say
from service.web.views.parts import Option
from service.web.words import PHRASES


async def product_names(tx: Tx, product_ids: Iterable[UUID | None], language: Language) -> dict[UUID | None, str]:
    """Return names of products by id."""
    found = await products_by_id(tx, {each for each in product_ids if each is not None})
    return {product_id: name_of(product, language) for product_id, product in found.items()}


async def shop_names(tx: Tx, seller_ids: Iterable[UUID | None], language: Language) -> dict[UUID | None, str]:
    """Return names of sellers by id."""
    found = await sellers_by_id(tx, {each for each in seller_ids if each is not None})
    return {
        seller_id: (seller.name_zh if language == "zh" else seller.name) or seller.name
        for seller_id, seller in found.items()
    }


async def goods_of(tx: Tx, case: ComplaintView, language: Language) -> str:
    """Return what a case is about: the registered product's name, else what the buyer wrote."""
    known = await product_names(tx, [case.product_id], language)
    typed = case.told.product_text if case.told else ""
    return known.get(case.product_id, typed)


async def goods_of_all(tx: Tx, cases: Collection[ComplaintSummary], language: Language) -> dict[UUID, str]:
    """Return what each case of a list is about, by the case's id."""
    known = await product_names(tx, [case.product_id for case in cases], language)
    return {case.id: known.get(case.product_id, case.product_text) for case in cases}


def options(group: str, values: Iterable[str], *, last: str = "") -> tuple[Option, ...]:
    """Return the options of a phrase group with their hints; `last` stands apart, after an "or"."""
    return tuple(
        Option(value, say(code), say(f"{code}.hint") if f"{code}.hint" in PHRASES else None, value == last)
        for value in values
        for code in (f"{group}.{value}",)
    )
