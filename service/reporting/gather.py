"""The facts of a batch dossier, from every domain, in one transaction: what it prints is one moment's truth."""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import cast
from uuid import UUID

from reports.data import dump_json
from reports.facts import (
    Currency,
    DossierFacts,
    KindCount,
    MoneyLine,
    MoneyLineKind,
    Name,
    Photo,
    RateDay,
    Reported,
    Response,
    RowCounts,
    ShopMoney,
    ShopRate,
    StatusChange,
)
from reports.facts import Rate as RateFacts
from service.accounts.queries import person_names
from service.batches.queries import batch_scope, get_batch, statuses
from service.batches.rules import FROZEN
from service.batches.schemas import BatchView
from service.complaints.queries import CaseFacts, linked_complaints
from service.complaints.queries.answers import newest_answers
from service.core.money import decimals
from service.db.session import Tx
from service.escrow.queries import SellerMoney, money_by_seller, newest_seal, scope_state
from service.escrow.queries.trace import money_trace
from service.escrow.rules import ScopeKey
from service.files.queries import FileView, files_of_cases
from service.orders.queries import platform_refs, sold_of_batches
from service.recalls import rules as signals
from service.recalls.counting import Counted, count_scope
from service.reporting import rules, words
from service.reporting.tracing import trace_of
from service.sellers.queries import sellers_by_id

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_NOWHERE = "https://not.known"


@dataclass(frozen=True, slots=True)
class Gathered:
    """Facts without a reference and an address yet, and where their pictures are."""

    facts: DossierFacts
    photo_files: Sequence[FileView]

    @property
    def sha256(self) -> str:
        """A digest of all facts but those that differ each time: the same digest is the same report."""
        return hashlib.sha256(dump_json(replace(self.facts, as_of=_NEVER, chain_head=None))).hexdigest()

    def named(self, reference: str, verify_url: str) -> DossierFacts:
        """Return the facts as they are printed."""
        return replace(self.facts, reference=reference, verify_url=verify_url)


async def gather_dossier(tx: Tx, batch_id: UUID, *, prepared_for: UUID, as_of: datetime) -> Gathered:
    """Return the facts of a batch's scope. `as_of` is the transaction's time, and the transaction repeatable.

    No permission filter. Raises `NotFound` ("batch_not_found").
    """
    batch = await get_batch(tx, batch_id)
    scope = await batch_scope(tx, batch_id)
    counted = await count_scope(tx, batch_id, scope, now=as_of)
    linked = await linked_complaints(tx, scope)
    files = await files_of_cases(tx, [case.id for case in linked])
    money = await money_by_seller(tx, scope, as_of=as_of)
    names = await _seller_names(tx, batch, counted, money, linked)
    sold = await sold_of_batches(tx, scope)
    photos = [each for each in files if each.has_view][: rules.PHOTOS_MAX]
    seal = await newest_seal(tx)
    made = [each.units_made for each in counted.batches if each.units_made is not None]
    facts = DossierFacts(
        reference="",
        as_of=as_of,
        classification="regulator_only",
        prepared_for=await _person(tx, prepared_for),
        filter_words=words.scope_words(batch.lot_code, len(scope) - 1),
        rows=RowCounts(complaints=len(linked), evidence=len(files), orders=sold.orders),
        chain_head=None if seal is None else seal.chain_head,
        policy_version=f"{signals.RULE_VERSION} / {counted.base.version}",
        verify_url=_NOWHERE,
        product=Name(batch.name_en, batch.name_zh),
        brand=Name(batch.brand, batch.brand),
        seller=names[batch.seller_id],
        lot_code=batch.lot_code,
        units_made=sum(made) if len(made) == len(counted.batches) else None,
        units_sold=sold.units,
        reported=_reported(counted),
        rate=_rate(counted, as_of),
        manufacturer_lot=batch.maker_lot_code,
        gtin=batch.gtin,
        made_on=batch.made_on,
        expires_on=batch.expires_on,
        held_since=await _held_since(tx, batch_id),
        kinds=_kinds(linked),
        shop_rates=_shop_rates(counted, names),
        trace=await trace_of(tx, scope, counted, names),
        shops=tuple(_shop_money(each, names) for each in money),
        money_lines=await _money_lines(tx, scope, names, as_of=as_of),
        photos=_photos(photos, linked),
        status_history=await _history(tx, batch_id),
        responses=await _responses(tx, linked, names),
    )
    return Gathered(facts, photos)


async def _seller_names(
    tx: Tx, batch: BatchView, counted: Counted, money: Collection[SellerMoney], linked: Collection[CaseFacts]
) -> dict[UUID, Name]:
    ids = {batch.seller_id, *(seller_id for seller_id, _ in counted.sellings), *(each.seller_id for each in money)}
    ids |= {each.seller_id for each in counted.sold} | {report.seller_id for report in counted.reports}
    ids |= {case.seller_id for case in linked if case.seller_id is not None}
    return {each.id: Name(each.name, each.name_zh or each.name) for each in (await sellers_by_id(tx, ids)).values()}


async def _person(tx: Tx, person_id: UUID) -> Name:
    name = (await person_names(tx, [person_id])).get(person_id)
    return words.NAMELESS if name is None else Name(name, name)


async def _held_since(tx: Tx, batch_id: UUID) -> datetime | None:
    """Return since when payments are frozen without a break: one freeze may have taken over from another."""
    (state,) = await scope_state(tx, [ScopeKey.batch(batch_id)])
    if not state.freezes:
        return None
    held = takewhile(lambda row: row.status in FROZEN, reversed(await statuses(tx, batch_id)))
    return min([freeze.at for freeze in state.freezes] + [row.since for row in held])


def _reported(counted: Counted) -> Reported:
    mine = [report for report in counted.reports if report.complaint_id in counted.grouped]
    days = [signals.day_of(report.at) for report in mine]
    return Reported(
        verified_buyers=counted.buyers,
        shops=len({report.seller_id for report in mine}),
        span_days=(max(days) - min(days)).days + 1 if days else 0,
    )


def _rate(counted: Counted, as_of: datetime) -> RateFacts:
    days = counted.days(signals.day_of(as_of))
    return RateFacts(
        days=tuple(RateDay(each.day, each.buyers, *_bounds(each.rate)) for each in days),
        base=counted.base.rate,
        limit=counted.base.limit,
        interval_percent=signals.INTERVAL_PERCENT,
    )


def _bounds(rate: signals.Rate) -> tuple[float, float, float]:
    return round(rate.estimate, 3), round(rate.low, 3), round(rate.high, 3)


def _shop_rates(counted: Counted, names: Mapping[UUID, Name]) -> tuple[ShopRate, ...]:
    """Each shop's own rate, the highest lower bound first."""
    sellers = {each.seller_id for each in counted.sold} | {report.seller_id for report in counted.reports}
    rates = [(counted.rate_of_seller(seller_id), seller_id) for seller_id in sellers]
    rates.sort(key=lambda each: (-each[0].low, each[1]))
    return tuple(ShopRate(names[seller_id], *_bounds(rate)) for rate, seller_id in rates)


def _kinds(linked: Collection[CaseFacts]) -> tuple[KindCount, ...]:
    found = Counter(case.kind for case in linked if case.kind is not None)
    ordered = sorted(found.items(), key=lambda each: (-each[1], each[0]))
    return tuple(KindCount(words.said(words.KINDS, kind), count) for kind, count in ordered)


def _shop_money(money: SellerMoney, names: Mapping[UUID, Name]) -> ShopMoney:
    """What left a hold for the seller counts as released, its fee included: paid is what the other three add up to."""
    released = money.released_minor + money.fee_minor
    return ShopMoney(
        shop=names[money.seller_id],
        currency=Currency(money.currency, decimals(money.currency)),
        orders=money.reference_count,
        paid_minor=released + money.held_minor + money.refunded_minor,
        released_minor=released,
        held_minor=money.held_minor,
        refunded_minor=money.refunded_minor,
        payments_held=money.open_hold_count,
    )


async def _money_lines(
    tx: Tx, scope: Collection[UUID], names: Mapping[UUID, Name], *, as_of: datetime
) -> tuple[MoneyLine, ...]:
    """Return all that happened to the scope's money, oldest first; an order is named as its platform names it."""
    moves = await money_trace(tx, scope, as_of=as_of)
    orders = await platform_refs(tx, {move.reference_id for move in moves if move.reference_id is not None})
    currencies = {code: Currency(code, decimals(code)) for code in {move.currency for move in moves}}
    return tuple(
        MoneyLine(
            at=move.at,
            kind=cast("MoneyLineKind", move.kind),
            shop=None if move.seller_id is None else names[move.seller_id],
            order="" if move.reference_id is None else orders.get(move.reference_id, ""),
            payments=move.payments,
            amount_minor=move.amount_minor,
            currency=currencies[move.currency],
            reason=words.said(words.MONEY_REASONS, move.reason),
            fee_minor=move.fee_minor,
        )
        for move in moves
    )


def _photos(files: Sequence[FileView], linked: Collection[CaseFacts]) -> tuple[Photo, ...]:
    references = {case.id: case.reference for case in linked}
    return tuple(
        Photo(f"E-{number}", words.photo_label(references[each.case_id]), each.sha256)
        for number, each in enumerate(files, start=1)
    )


async def _history(tx: Tx, batch_id: UUID) -> tuple[StatusChange, ...]:
    rows = await statuses(tx, batch_id)
    people = await person_names(tx, {row.actor_id for row in rows if row.actor_id is not None})
    return tuple(
        StatusChange(
            at=row.since,
            status=words.said(words.STATUSES, row.status),
            by=words.BY_ITSELF if row.actor_id is None else _named(people.get(row.actor_id)),
            reason=words.said(words.REASONS, row.reason_code),
        )
        for row in rows
    )


def _named(name: str | None) -> Name:
    return words.NAMELESS if name is None else Name(name, name)


async def _responses(tx: Tx, linked: Collection[CaseFacts], names: Mapping[UUID, Name]) -> tuple[Response, ...]:
    answers = await newest_answers(tx, [case.id for case in linked], limit=rules.ANSWERS_MAX)
    return tuple(
        Response(each.at, names[each.seller_id] if each.seller_id else words.NAMELESS, Name(each.text, each.text))
        for each in answers
    )
