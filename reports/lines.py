"""The trace of the money, as paper shows it: what it comes to by kind, and a bounded choice of its lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from reports.facts import Currency, MoneyLine, MoneyLineKind
from reports.words import NAME_EM_MAX, Speech, fit

LINES_FIRST_MAX: Final = 16
LINES_LAST_MAX: Final = 16
_SHOP_EM_MAX: Final = 18
_ORDER_EM_MAX: Final = 18


@dataclass(frozen=True, slots=True)
class Total:
    """All lines of one kind in one currency; `fee_minor` is part of the amount."""

    kind: MoneyLineKind
    currency: Currency
    payments: int
    amount_minor: int
    fee_minor: int


def totals(lines: Iterable[MoneyLine]) -> tuple[Total, ...]:
    """Add lines up by currency and kind: currencies as they first come, kinds in the order of their life."""
    sums: dict[tuple[Currency, MoneyLineKind], list[int]] = {}
    for line in lines:
        total = sums.setdefault((line.currency, line.kind), [0, 0, 0])
        for place, value in enumerate((line.payments, line.amount_minor, line.fee_minor)):
            total[place] += value
    currencies = list(dict.fromkeys(currency for currency, _ in sums))
    kinds: tuple[MoneyLineKind, ...] = get_args(MoneyLineKind)
    return tuple(
        Total(kind, currency, *sums[currency, kind])
        for currency in currencies
        for kind in kinds
        if (currency, kind) in sums
    )


def trace_values(lines: Sequence[MoneyLine], speech: Speech) -> dict[str, object] | None:
    """Return the totals by kind, the first and the last lines, and how many are left out between them."""
    if not lines:
        return None
    ordered = sorted(lines, key=lambda line: line.at)
    left_out = max(0, len(ordered) - LINES_FIRST_MAX - LINES_LAST_MAX)
    first = ordered[:LINES_FIRST_MAX] if left_out else ordered
    return {
        "totals": [_total(total, speech) for total in totals(ordered)],
        "first": [_line(line, speech) for line in first],
        "last": [_line(line, speech) for line in ordered[-LINES_LAST_MAX:]] if left_out else [],
        "left_out": speech.count("lines_left_out", left_out, number=speech.number(left_out)) if left_out else "",
    }


def _total(total: Total, speech: Speech) -> dict[str, object]:
    return {
        "kind": speech.say(f"line_{total.kind}"),
        "payments": speech.number(total.payments),
        "amount": speech.money(total.amount_minor, total.currency),
        "fee": speech.money(total.fee_minor, total.currency) if total.fee_minor else "",
    }


def _line(line: MoneyLine, speech: Speech) -> dict[str, object]:
    shop = fit(line.shop.said(speech.language), _SHOP_EM_MAX) if line.shop else speech.say("every_shop")
    return {
        "at": speech.short_moment(line.at),
        "kind": speech.say(f"line_{line.kind}"),
        "shop": shop,
        "order": fit(line.order, _ORDER_EM_MAX) if line.order else speech.count("n_payments", line.payments),
        "is_order": bool(line.order),
        "amount": speech.money(line.amount_minor, line.currency),
        "fee": speech.money(line.fee_minor, line.currency) if line.fee_minor else "",
        "reason": fit(line.reason.said(speech.language), NAME_EM_MAX),
    }
