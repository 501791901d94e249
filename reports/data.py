"""The dossier's data as files: JSON that reads back into the same facts, and two CSVs for spreadsheets.

All are attached to the PDF and are the same for both languages. Pictures stay out; their SHA-256 is in.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

import msgspec

from reports.facts import Currency, DossierFacts, MoneyLine, Name
from reports.lines import totals

Cell = str | int | float
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_HEADINGS = ("section", "item", "name_en", "name_zh", "measure", "value", "unit")
_MONEY_HEADINGS = (
    "number", "at", "kind", "shop_en", "shop_zh", "order", "payments", "amount", "fee", "currency", "reason_en",
    "reason_zh",
)  # fmt: skip


def dump_json(facts: DossierFacts) -> bytes:
    """Return the facts as JSON (UTF-8, indented, instants in UTC, amounts in minor units), without pictures."""
    bare = replace(facts, photos=tuple(replace(photo, image=None) for photo in facts.photos))
    return msgspec.json.format(msgspec.json.encode(bare), indent=2) + b"\n"


def load_json(data: bytes, pictures: Mapping[str, bytes] | None = None) -> DossierFacts:
    """Read facts back from `dump_json`; `pictures` gives the views by evidence number.

    Raises `msgspec.ValidationError` (a `ValueError`) when the data do not fit.
    """
    facts = msgspec.json.decode(data, type=DossierFacts)
    pictures = pictures or {}
    return replace(facts, photos=tuple(replace(photo, image=pictures.get(photo.code)) for photo in facts.photos))


def dump_csv(facts: DossierFacts) -> bytes:
    """Return the facts but for the money's lines as one long CSV, a measure a row, as spreadsheets need it."""
    sections = (_report_rows, _rate_rows, _trace_rows, _money_rows, _history_rows)
    return _sheet(_HEADINGS, (row for section in sections for row in section(facts)))


def dump_money_csv(facts: DossierFacts) -> bytes:
    """Return every line of the money's trace as a CSV, a line a row, amounts in major units."""
    return _sheet(_MONEY_HEADINGS, (_money_line(number, line) for number, line in enumerate(facts.money_lines, 1)))


def _money_line(number: int, line: MoneyLine) -> list[Cell]:
    shop = (line.shop.en, line.shop.zh) if line.shop else ("", "")
    amounts = (_amount(line.amount_minor, line.currency), _amount(line.fee_minor, line.currency), line.currency.code)
    reason = (line.reason.en, line.reason.zh)
    return [number, line.at.isoformat(), line.kind, *shop, line.order, line.payments, *amounts, *reason]


def _sheet(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write a CSV in UTF-8 with a byte order mark (spreadsheets need it).

    Texts that a spreadsheet would run as a formula get a leading apostrophe; the JSON has them unchanged.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(headings)
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", errors="replace")


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def _row(section: str, item: Cell, name: Name | None, measure: str, value: Cell | None, unit: str = "") -> list[Cell]:
    shown = "" if value is None else value
    return [section, item, name.en if name else "", name.zh if name else "", measure, shown, unit]


def _moment(value: datetime | date | None) -> str | None:
    return value.isoformat() if value else None


def _amount(amount_minor: int, currency: Currency) -> str:
    """Write an amount in major units, exactly."""
    if not currency.decimals:
        return str(amount_minor)
    whole, rest = divmod(amount_minor, 10**currency.decimals)
    return f"{whole}.{rest:0{currency.decimals}d}"


def _report_rows(facts: DossierFacts) -> Iterator[list[Cell]]:
    plain: list[tuple[str, Cell | None, str]] = [
        ("reference", facts.reference, ""),
        ("as_of", _moment(facts.as_of), ""),
        ("classification", facts.classification, ""),
        ("chain_head", facts.chain_head, "sha256"),
        ("seal_number", facts.seal_number, ""),
        ("policy_version", facts.policy_version, ""),
        ("verify_url", facts.verify_url, ""),
        ("lot_code", facts.lot_code, ""),
        ("manufacturer_lot", facts.manufacturer_lot, ""),
        ("gtin", facts.gtin, ""),
        ("made_on", _moment(facts.made_on), ""),
        ("expires_on", _moment(facts.expires_on), ""),
        ("units_made", facts.units_made, "units"),
        ("units_sold", facts.units_sold, "units"),
        ("complaints", facts.rows.complaints, "rows"),
        ("evidence", facts.rows.evidence, "rows"),
        ("orders", facts.rows.orders, "rows"),
        ("verified_buyers", facts.reported.verified_buyers, "buyers"),
        ("held_since", _moment(facts.held_since), ""),
        ("signed_at", _moment(facts.signed_at), ""),
    ]
    named = {
        "prepared_for": facts.prepared_for,
        "filter": facts.filter_words,
        "product": facts.product,
        "brand": facts.brand,
        "seller": facts.seller,
    }
    yield from (_row("report", "", None, measure, value, unit) for measure, value, unit in plain)
    yield from (_row("report", "", name, measure, None) for measure, name in named.items())
    yield from (_row("complaints", "", kind.kind, "complaints", kind.complaints, "rows") for kind in facts.kinds)


def _rate_rows(facts: DossierFacts) -> Iterator[list[Cell]]:
    unit = "per 1000 sold"
    yield _row("rate", "", None, "base", facts.rate.base, unit)
    yield _row("rate", "", None, "limit", facts.rate.limit, unit)
    yield _row("rate", "", None, "interval", facts.rate.interval_percent, "percent")
    for day in facts.rate.days:
        item = day.day.isoformat()
        yield _row("rate_by_day", item, None, "verified_buyers", day.verified_buyers, "buyers")
        for measure in ("estimate", "low", "high"):
            yield _row("rate_by_day", item, None, measure, getattr(day, measure), unit)
    for number, shop in enumerate(facts.shop_rates, start=1):
        for measure in ("estimate", "low", "high"):
            yield _row("rate_by_shop", number, shop.shop, measure, getattr(shop, measure), unit)


def _trace_rows(facts: DossierFacts) -> Iterator[list[Cell]]:
    for node in facts.trace.nodes:
        yield _row("trace_holder", node.key, node.name, f"{node.role}_units", node.units, "units")
        yield _row("trace_holder", node.key, node.name, "buyers", node.buyers, "buyers")
    for edge in facts.trace.edges:
        yield _row("trace_handed_over", f"{edge.from_key} > {edge.to_key}", None, "units", edge.units, "units")


def _money_rows(facts: DossierFacts) -> Iterator[list[Cell]]:
    for number, shop in enumerate(facts.shops, start=1):
        code = shop.currency.code
        yield _row("money_by_shop", number, shop.shop, "orders", shop.orders, "orders")
        for measure in ("paid", "released", "held", "refunded"):
            amount = _amount(getattr(shop, f"{measure}_minor"), shop.currency)
            yield _row("money_by_shop", number, shop.shop, measure, amount, code)
        yield _row("money_by_shop", number, shop.shop, "payments_held", shop.payments_held, "payments")
    for total in totals(facts.money_lines):
        code = total.currency.code
        yield _row("money_by_kind", code, None, total.kind, _amount(total.amount_minor, total.currency), code)
        yield _row("money_by_kind", code, None, f"{total.kind}_payments", total.payments, "payments")


def _history_rows(facts: DossierFacts) -> Iterator[list[Cell]]:
    for change in facts.status_history:
        item = change.at.isoformat()
        yield _row("status", item, change.status, "status", None)
        yield _row("status", item, change.by, "by", None)
        yield _row("status", item, change.reason, "reason", None)
    for photo in facts.photos:
        yield _row("evidence", photo.code, photo.label, "sha256", photo.sha256)
    for response in facts.responses:
        yield _row("response", response.at.isoformat(), response.by, "by", None)
        yield _row("response", response.at.isoformat(), response.text, "text", None)
