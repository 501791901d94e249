"""The mediator's queue of disputes: saved views, filters, and taking the next case."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery

from service.batches.queries import products_by_id
from service.complaints.queries import CaseFacts, case_facts, case_ids, count_to_look_at, first_words
from service.complaints.rules import KINDS
from service.core.actor import Actor
from service.db.requests import LATE_CLAIM
from service.db.session import Tx
from service.disputes.actions import assign
from service.disputes.queries import dispute_counts, disputes_page, get_dispute, next_unassigned
from service.disputes.rules import DISPUTE
from service.disputes.schemas import DisputeView
from service.recalls.queries import count_to_confirm
from service.web import paths
from service.web.language import Language
from service.web.pages.casework import ROWS, clock_for_mediator, money, name_of, next_page
from service.web.pages.shell import Page, ShellOf
from service.web.phrase import say
from service.web.views.mediator import Filter, Queue, QueueRow
from service.web.views.parts import Option, SavedView

_COUNT_OF_VIEW = {"unassigned": "queued", "mine": "mine", "injury": "injury", "waiting_party": "ruled", "all": "all"}
_STATE_OF_VIEW = {"unassigned": "queued", "waiting_party": "ruled"}
_RISKS_SHOWN = ("medium", "high", "serious")
_STAGES = tuple(state for state in DISPUTE.states if state != "final")


@get(paths.MEDIATOR_CASES, opt={"allow": "web.mediator"})
async def show_queue(
    shell: ShellOf,
    tx: NamedDependency[Tx],
    actor: NamedDependency[Actor],
    view: FromQuery[str] = "",
    stage: FromQuery[str] = "",
    kind: FromQuery[str] = "",
    after: FromQuery[str | None] = None,
) -> Page:  # fmt: skip
    """Cases by what is due first."""
    asked = {"view": view, "stage": stage if stage in _STAGES else "", "kind": kind if kind in KINDS else ""}
    return await shell.page(await queue(tx, actor, asked, after, shell.language))


@post(paths.MEDIATOR_NEXT, opt={"allow": "web.mediator", LATE_CLAIM: True})
async def take_next(shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]) -> Page:
    """Take the oldest case that nobody has, and go to it; without one, back to the queue."""
    await shell.take(await shell.form())
    dispute_id = await next_unassigned(tx, actor)
    if dispute_id is None:
        return shell.go(f"{paths.MEDIATOR_CASES}?view=unassigned", done="done.nothing_to_take")
    await assign(tx, actor, dispute_id, None, now=await tx.now())
    await tx.flush()  # the case's reference is read from the database
    dispute = await get_dispute(tx, actor, dispute_id)
    return shell.go(paths.mediator_case(dispute.complaint_reference), done="done.taken")


async def queue(tx: Tx, actor: Actor, asked: Mapping[str, str], after: str | None, language: Language) -> Queue:
    """Return one view of the queue, narrowed by the filters, with the counts of all views."""
    counts = await dispute_counts(tx, actor, hurt=case_ids(hurt=True))
    view = asked["view"] if asked["view"] in _COUNT_OF_VIEW else "mine" if counts["mine"] else "unassigned"
    hurt = view == "injury"
    page = await disputes_page(
        tx,
        actor,
        state=asked["stage"] or _STATE_OF_VIEW.get(view),
        is_mine=view == "mine",
        is_open=True,
        after=after,
        limit=ROWS,
        cases=case_ids(kind=asked["kind"] or None, hurt=hurt) if asked["kind"] or hurt else None,
    )
    now = await tx.now()
    return Queue(
        as_of=now,
        views=tuple(SavedView(key, counts[name], key == view) for key, name in _COUNT_OF_VIEW.items()),
        filters=filters(asked),
        rows=tuple(await _rows(tx, page.rows, language, now)),
        paging=next_page(paths.MEDIATOR_CASES, page.next, len(page.rows), {**asked, "view": view}),
    )


def filters(asked: Mapping[str, str]) -> tuple[Filter, ...]:
    """Return the selects above the queue."""
    stages = tuple(Option(state, say(f"state.{state}")) for state in _STAGES)
    kinds = tuple(Option(kind, say(f"kind.{kind}")) for kind in KINDS if kind != "withdrawal")
    return (
        Filter("stage", "filter.stage", stages, asked["stage"]),
        Filter("kind", "filter.kind", kinds, asked["kind"]),
    )


async def counts(tx: Tx, actor: Actor) -> Mapping[str, int]:
    """Return the numbers behind the entries of the navigation."""
    return {"triage": await count_to_look_at(tx, actor), "signals": await count_to_confirm(tx, actor)}


async def _rows(tx: Tx, found: Sequence[DisputeView], language: Language, now: datetime) -> list[QueueRow]:
    cases = await case_facts(tx, [dispute.complaint_id for dispute in found])
    products = await products_by_id(tx, {case.product_id for case in cases.values() if case.product_id})
    words = await first_words(tx, list(cases))

    def product(case: CaseFacts) -> str:
        return name_of(products.get(case.product_id) if case.product_id else None, language)

    return [
        QueueRow(
            reference=dispute.complaint_reference,
            product=product(cases[dispute.complaint_id]),
            summary=words.get(dispute.complaint_id, ""),
            risk=risk_shown(cases[dispute.complaint_id].risk),
            amount=money(dispute.held),
            state=f"state.{dispute.state}",
            clock=clock_for_mediator(dispute, now),
        )
        for dispute in found
    ]


def risk_shown(risk: str | None) -> str:
    """Return the phrase of a risk that is worth a mark."""
    return f"risk.{risk}" if risk in _RISKS_SHOWN else ""


HANDLERS = [show_queue, take_next]
