"""What the texts themselves allow where no lot was told: how many products fit a complaint as well as the right one.

A product fits as well if its names hold every word that was told and that the right one's names hold; if the narrative
has the lot, it must have that lot too; if a day of purchase was told and falls within 400 days of the right product's
batches, it must fall within 400 days of one of its own. Whoever guesses among n such products is right once in n.
Words told with typos are left out of the count, so this is near the ceiling, not a proof of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from _complaints import Complaint
from _registry import Batch

from service.core.lots import fold_lot
from service.core.names import name_key

DAYS_MAX = 400


class Shop:
    """Products by the words of their names, with their lots and days."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._holders: dict[str, set[str]] = defaultdict(set)
        self._words: dict[str, set[str]] = {}
        self._lots: dict[str, set[str]] = defaultdict(set)
        self._days: dict[str, list[date]] = defaultdict(list)
        self._batch_lots: dict[str, str] = {}
        for batch in batches:
            if batch.product_key not in self._words:
                words = self._words[batch.product_key] = set(name_key(batch.product_name, batch.seller).split())
                for word in words:
                    self._holders[word].add(batch.product_key)
            lot = self._batch_lots[batch.batch_id] = fold_lot(batch.lot_code)
            self._lots[batch.product_key].add(lot)
            self._days[batch.product_key].append(date.fromisoformat(batch.registered_on))

    def fitting(self, complaint: Complaint) -> int:
        """Return how many products fit as well as the right one, itself among them."""
        told = complaint.told
        heard = set(name_key(told["product_text"], told["brand_text"], told["narrative"]).split())
        words = heard & self._words[complaint.product]
        products = set.intersection(*(self._holders[word] for word in words)) if words else set(self._words)
        if told["lot_in_narrative"] == "1":
            lot = self._batch_lots[complaint.batch]
            products = {product for product in products if lot in self._lots[product]}
        bought = date.fromisoformat(told["purchase_date"]) if told["purchase_date"] else None
        if bought and self._sold_on(complaint.product, bought):
            products = {product for product in products if self._sold_on(product, bought)}
        return len(products)

    def _sold_on(self, product: str, bought: date) -> bool:
        return any(abs((day - bought).days) <= DAYS_MAX for day in self._days[product])


def ceilings(complaints: Sequence[Complaint], batches: Iterable[Batch]) -> dict[str, float]:
    """Return how often a guess at the product can be right without a lot, and how often nothing is left to guess."""
    shop = Shop(batches)
    counts = [shop.fitting(one) for one in complaints if one.batch and not one.has_lot]
    return {
        "ceiling_product_recall_no_lot": sum(1 / count for count in counts) / len(counts),
        "ceiling_product_recall_no_lot_top3": sum(min(1.0, 3 / count) for count in counts) / len(counts),
        "unique_on_text_no_lot": sum(count == 1 for count in counts) / len(counts),
    }
