"""The regulator's search over products, batches and complaints, and one complaint."""

from collections.abc import Mapping
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from service.batches.queries import batches_page, products_page
from service.batches.schemas import BatchView
from service.complaints.queries import Filters, complaints_by_batch, complaints_page, find_by_reference, get_complaint
from service.complaints.rules import RISKS
from service.complaints.schemas import ComplaintSummary, ComplaintView
from service.core.actor import Actor
from service.core.errors import Invalid, NotFound
from service.db.session import Tx
from service.web import paths
from service.web.language import Language
from service.web.pages import casework
from service.web.pages.mediator.case import case_page
from service.web.pages.naming import goods_of, goods_of_all
from service.web.pages.shell import Page, ShellOf
from service.web.phrase import Phrase, say
from service.web.views.mediator import Filter
from service.web.views.parts import EMPTY_FORM, Option, Paging
from service.web.views.regulator import Found, Search

_KINDS = ("products", "batches", "complaints")
_MIXED_MAX = 10
_QUERY_MAX = 200


@get(paths.REGULATOR_SEARCH, opt={"allow": "web.regulator"})
async def show_search(
    shell: ShellOf,
    tx: NamedDependency[Tx],
    actor: NamedDependency[Actor],
    after: FromQuery[str | None] = None,
) -> Page:
    """Find products, batches and complaints; `of` narrows batches to a product, or complaints to a batch."""
    asked = asked_of(dict(shell.request.query_params))
    return await shell.page(await search(tx, actor, asked, after, shell.language))


def asked_of(query: Mapping[str, str]) -> dict[str, str]:
    """Return what the address asks for; what is no known value counts as not asked."""
    return {
        "q": query.get("q", "").strip()[:_QUERY_MAX],
        "kind": query.get("kind", "") if query.get("kind") in _KINDS else "",
        "risk": query.get("risk", "") if query.get("risk") in RISKS else "",
        "of": query.get("of", "") if is_uuid(query.get("of", "")) else "",
    }


def is_uuid(typed: str) -> bool:
    """Whether a text is an id."""
    try:
        UUID(typed)
    except ValueError:
        return False
    return True


@get("/regulator/complaints/{reference:str}", opt={"allow": "web.regulator"})
async def show_case(
    reference: FromPath[str], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """One case, as its mediator reads it; the look at it is recorded."""
    return await shell.page(await case_page(tx, actor, reference, shell.language, EMPTY_FORM))


async def search(tx: Tx, actor: Actor, asked: Mapping[str, str], after: str | None, language: Language) -> Search:
    """Return what fits: of one kind by pages, or the first few of each."""
    results, mark = await _found(tx, actor, asked, after, language)
    return Search(
        as_of=await tx.now(),
        query=asked["q"],
        filters=(
            Filter("kind", "filter.kind", tuple(Option(each, say(f"filter.{each}")) for each in _KINDS), asked["kind"]),
            Filter("risk", "filter.risk", tuple(Option(each, say(f"risk.{each}")) for each in RISKS), asked["risk"]),
        ),
        results=tuple(results),
        paging=casework.next_page(paths.REGULATOR_SEARCH, mark, len(results), asked) if results else Paging(0),
    )


async def _found(
    tx: Tx, actor: Actor, asked: Mapping[str, str], after: str | None, language: Language
) -> tuple[list[Found], str | None]:
    query, kind = asked["q"], asked["kind"]
    if kind == "complaints":
        return await _complaints(tx, actor, asked, after, language)
    if kind == "products":
        return await _products(tx, query, after, casework.ROWS, language)
    if kind == "batches":
        return await _batches(tx, asked, after, casework.ROWS, language)
    if not query:
        return [], None
    complaints, _ = await _complaints(tx, actor, asked, None, language)
    products, _ = await _products(tx, query, None, _MIXED_MAX, language)
    batches, _ = await _batches(tx, asked, None, _MIXED_MAX, language)
    return [*complaints, *batches, *products], None


async def _products(
    tx: Tx, query: str, after: str | None, limit: int, language: Language
) -> tuple[list[Found], str | None]:
    page = await products_page(tx, search=query or None, seller_id=None, after=after, limit=limit)
    found = [
        Found(
            "product",
            paths.product_batches(product.id),
            casework.name_of(product, language),
            product.gtin or "",
            say("own_words", text=product.brand),
        )
        for product in page.rows
    ]
    return found, page.next


async def _batches(
    tx: Tx, asked: Mapping[str, str], after: str | None, limit: int, language: Language
) -> tuple[list[Found], str | None]:
    product_id = UUID(asked["of"]) if asked["of"] and asked["kind"] == "batches" else None
    page = await batches_page(
        tx, search=asked["q"] or None, product_id=product_id, seller_id=None, after=after, limit=limit
    )
    counts = await complaints_by_batch(tx, [batch.id for batch in page.rows])
    return [_batch(batch, counts.get(batch.id, 0), language) for batch in page.rows], page.next


async def _complaints(
    tx: Tx, actor: Actor, asked: Mapping[str, str], after: str | None, language: Language
) -> tuple[list[Found], str | None]:
    """Complaints are found by their reference, or listed: those of a batch, of a risk, or all."""
    if asked["q"]:
        case = await _by_reference(tx, actor, asked["q"])
        return ([_case(case, await goods_of(tx, case, language))] if case else []), None
    filters = Filters(risk=asked["risk"] or None, batch_id=UUID(asked["of"]) if asked["of"] else None)
    page = await complaints_page(tx, actor, filters, after=after, limit=casework.ROWS)
    names = await goods_of_all(tx, page.rows, language)
    return [_case(case, names[case.id]) for case in page.rows], page.next


async def _by_reference(tx: Tx, actor: Actor, typed: str) -> ComplaintView | None:
    try:
        return await get_complaint(tx, actor, await find_by_reference(tx, actor, typed))
    except (Invalid, NotFound):
        return None


def _batch(batch: BatchView, complaints: int, language: Language) -> Found:
    return Found(
        "batch",
        paths.regulator_batch(batch.id),
        casework.name_of(batch, language),
        batch.lot_code,
        say("found.complaints", n=complaints),
        f"batch.{batch.status}",
    )


def _case(case: ComplaintView | ComplaintSummary, goods: str) -> Found:
    detail: Phrase = say(f"kind.{case.kind}")
    title = goods or case.reference
    return Found(
        "complaint", paths.regulator_case(case.reference), title, case.reference, detail, f"state.{case.status}"
    )


HANDLERS = [show_search, show_case]
