"""What the texts themselves allow where no lot was told: which of our misses nobody could have avoided.

A product fits a complaint as well as the right one if its names hold every word that was told and that the right one's
names hold (typos hold nothing), if it has the lot that the narrative names, and if one of its batches was registered
within 400 days of the purchase, where the right one's was. When such a product came first, the text does not say which
was meant; to guess better than by chance would take more than the text. The ceiling counts every other miss as right.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from _accuracy import Judged, share
from _complaints import Complaint
from _registry import Batch

from service.core.lots import fold_lot
from service.core.names import name_key

DAYS_MAX = 400


class Shop:
    """Products with the words of their names, their lots and their days."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._words: dict[str, set[str]] = {}
        self._lots: dict[str, set[str]] = defaultdict(set)
        self._days: dict[str, list[date]] = defaultdict(list)
        self._lot_of: dict[str, str] = {}
        for batch in batches:
            if batch.product_key not in self._words:
                self._words[batch.product_key] = set(name_key(batch.product_name, batch.seller).split())
            lot = self._lot_of[batch.batch_id] = fold_lot(batch.lot_code)
            self._lots[batch.product_key].add(lot)
            self._days[batch.product_key].append(date.fromisoformat(batch.registered_on))

    def fits_as_well(self, complaint: Complaint, product: str) -> bool:
        """Tell whether a product fits a complaint as well as the right one does."""
        told = complaint.told
        heard = set(name_key(told["product_text"], told["brand_text"], told["narrative"]).split())
        if not heard & self._words[complaint.product] <= self._words[product]:
            return False
        if told["lot_in_narrative"] == "1" and self._lot_of[complaint.batch] not in self._lots[product]:
            return False
        bought = date.fromisoformat(told["purchase_date"]) if told["purchase_date"] else None
        return bought is None or self._sold_on(product, bought) or not self._sold_on(complaint.product, bought)

    def _sold_on(self, product: str, bought: date) -> bool:
        return any(abs((day - bought).days) <= DAYS_MAX for day in self._days[product])


def ceilings(judged: Sequence[Judged], batches: Iterable[Batch]) -> dict[str, float]:
    """Return the recalls without a lot if every miss that the text could have prevented were right."""
    shop = Shop(batches)
    untold = [one for one in judged if one.complaint.batch and not one.complaint.has_lot]
    fitting = [[shop.fits_as_well(one.complaint, product) for product in one.answer.products] for one in untold]
    return {
        "ceiling_product_recall_no_lot": share(
            one.right or not any(fits[:1]) for one, fits in zip(untold, fitting, strict=True)
        ),
        "ceiling_product_recall_no_lot_top3": share(
            one.product_among_three or not (fits and all(fits)) for one, fits in zip(untold, fitting, strict=True)
        ),
    }
