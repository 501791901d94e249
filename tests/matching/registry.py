"""A small registry in both languages, with sibling lots one character apart."""

from datetime import date
from typing import Any

from service.complaints.matching.calibrate import shipped_model
from service.complaints.matching.evidence import Found
from service.complaints.matching.facts import Candidate, Decision, Query, Scored
from service.complaints.matching.match import match_on, rank
from service.complaints.matching.shelf import Shelf

MASK: dict[str, Any] = {
    "product_id": "mask",
    "seller_id": "kangjian",
    "name_en": "Kangjian Disposable Face Mask 50 pcs",
    "name_zh": "康健一次性口罩 50只",
    "brand": "Kangjian",
    "seller_name": "Kangjian Medical Supplies 康健医疗用品",
    "gtin": "06901234567892",
}
CREAM: dict[str, Any] = {
    "product_id": "cream",
    "seller_id": "lotus",
    "name_en": "Lotus Whitening Night Cream 30 g",
    "name_zh": "莲花美白晚霜 30克",
    "brand": "Lotus",
    "seller_name": "Lotus Cosmetics Ltd 莲花化妆品",
}
GEL: dict[str, Any] = {
    "product_id": "gel",
    "seller_id": "lotus",
    "name_en": "Lotus Hand Gel 500 ml",
    "name_zh": "莲花免洗洗手液 500毫升",
    "brand": "Lotus",
    "seller_name": "Lotus Cosmetics Ltd 莲花化妆品",
}


def batch(batch_id: str, lot_code: str, product: dict[str, Any], *, maker_lot_code: str = "") -> Candidate:
    """Make a registered batch."""
    return Candidate(
        batch_id=batch_id,
        lot_code=lot_code,
        maker_lot_code=maker_lot_code,
        registered_on=date(2026, 3, 1),
        **product,
    )


REGISTRY = (
    batch("mask-05", "KJ20260105A", MASK),
    batch("mask-06", "KJ20260106A", MASK),
    batch("cream-30", "LT8830B", CREAM),
    batch("cream-31", "LT8831B", CREAM),
    batch("gel-42", "LG0042", GEL, maker_lot_code="PX-77-1203"),
)


SHELF = Shelf(REGISTRY)


def ask(**told: Any) -> Decision:
    """Match a complaint among the small registry."""
    return match_on(SHELF, Query(**told))


def scores(query: Query, *batches: Candidate) -> list[Scored]:
    """Score these batches, or all of the small registry, whatever was told; best first."""
    among = batches or REGISTRY
    return rank(query, Found(among, (0.5,) * len(among), lambda _: 1.0), shipped_model())[1]
