"""The money of a batch, added up by currency: the bar, the table of shops, and whether the books balance."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from reports.facts import Currency, DossierFacts, ShopMoney
from reports.words import NAME_EM_MAX, Speech, fit

_BAR_GAP: Final = 0.9


@dataclass(frozen=True, slots=True)
class Purse:
    """The payments of one currency, added up."""

    currency: Currency
    shops: tuple[ShopMoney, ...]
    orders: int
    paid_minor: int
    released_minor: int
    held_minor: int
    refunded_minor: int
    payments_held: int

    @property
    def missing_minor(self) -> int:
        """What paid has more than released, held and refunded together; 0 when the books balance."""
        return self.paid_minor - self.released_minor - self.held_minor - self.refunded_minor


def add_up(shops: Iterable[ShopMoney]) -> tuple[Purse, ...]:
    """Add up shops by currency, in the order in which the currencies come."""
    by_code: dict[Currency, list[ShopMoney]] = {}
    for shop in shops:
        by_code.setdefault(shop.currency, []).append(shop)
    return tuple(
        Purse(
            currency,
            tuple(group),
            orders=sum(shop.orders for shop in group),
            paid_minor=sum(shop.paid_minor for shop in group),
            released_minor=sum(shop.released_minor for shop in group),
            held_minor=sum(shop.held_minor for shop in group),
            refunded_minor=sum(shop.refunded_minor for shop in group),
            payments_held=sum(shop.payments_held for shop in group),
        )
        for currency, group in by_code.items()
    )


def _bar(parts: Sequence[tuple[str, int]]) -> list[dict[str, object]]:
    """Share the bar's 100 units among the amounts that are not zero, a small gap between them."""
    shown = [(colour, amount) for colour, amount in parts if amount]
    total = sum(amount for _, amount in shown)
    room = 100 - _BAR_GAP * (len(shown) - 1)
    x = 0.0
    bar: list[dict[str, object]] = []
    for colour, amount in shown:
        width = room * amount / total
        bar.append({"colour": colour, "x": round(x, 2), "width": round(width, 2)})
        x += width + _BAR_GAP
    return bar


def purse_values(purse: Purse, facts: DossierFacts, speech: Speech) -> dict[str, object]:
    """Return the bar, its key, the table of shops and the balance of one currency, for the template."""
    held_words = speech.say("held_frozen" if facts.held_since else "held_open")
    places = [
        ("seller", "seller", speech.say("released_to_sellers"), purse.released_minor),
        ("", "held-fill", held_words, purse.held_minor),
        ("buyer", "buyer", speech.say("refunded_to_buyers"), purse.refunded_minor),
    ]
    listed = [f"{words} {speech.plain_money(amount, purse.currency)}" for _, _, words, amount in places]
    return {
        "unit": speech.unit(purse.currency),
        "refunds": any(shop.refunded_minor for shop in purse.shops),
        "bar": _bar([(colour, amount) for _, colour, _, amount in places]),
        "alt": speech.say("money_bar_of", parts=speech.say("list_join").join(listed)),
        "parts": [
            {"side": side, "words": words, "amount": speech.money(amount, purse.currency)}
            for side, _, words, amount in places
        ],
        "shops": [
            {"name": fit(shop.shop.said(speech.language), NAME_EM_MAX), **_amounts(shop, speech)}
            for shop in purse.shops
        ],
        "total": _amounts(purse, speech),
        "caveat": _balance_words(purse, facts, speech),
    }


def _amounts(row: ShopMoney | Purse, speech: Speech) -> dict[str, str]:
    return {
        "orders": speech.number(row.orders),
        "paid": speech.bare_amount(row.paid_minor, row.currency),
        "released": speech.bare_amount(row.released_minor, row.currency),
        "held": speech.bare_amount(row.held_minor, row.currency),
        "refunded": speech.bare_amount(row.refunded_minor, row.currency),
        "payments": speech.number(row.payments_held),
    }


def _balance_words(purse: Purse, facts: DossierFacts, speech: Speech) -> Markup:
    """Say that the books balance, or by how much they do not: paper must not claim what the rows do not show."""
    sentences = [speech.say("paid_is", refunded=speech.bare_amount(purse.refunded_minor, purse.currency))]
    if purse.missing_minor:
        amount = speech.plain_money(purse.missing_minor, purse.currency)
        sentences.append(speech.say("not_balanced", amount=amount))
    elif facts.seal_number is not None:
        sentences.append(speech.say("balanced_at", seal=speech.number(facts.seal_number)))
    return speech.joined(sentences)
