"""Registries and complaints about them, made up by a seed in both languages, as files of the form that people bring."""

import csv
import random
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path

REGISTERED = ("batch_id", "seller", "product_name", "lot_code", "registered_on", "category", "country", "product_key")
TOLD = (
    "complaint_id", "product_text", "brand_text", "lot_text", "purchase_date", "narrative", "lang",
    "expected_batch_id", "expected_product_key", "difficulty", "source_batch_id",
)  # fmt: skip
_ENGLISH = (
    "Amber Birch Cedar Dahlia Ember Fennel Ginger Hazel Indigo Jasmine Kelp Lotus Maple Nettle Olive Poppy Quince"
    " Rowan Saffron Thyme Umber Violet Willow Yarrow Zinnia"
).split()
_GOODS = "Night Cream,Sheet Mask,Hand Gel,Lip Balm,Baby Lotion,Hair Oil,Eye Serum,Foot Scrub".split(",")
_CHINESE = "素芸 莲花 康健 青禾 白露 明月 春雨 秋实 南风 北辰".split()
_CHINESE_GOODS = "补水面膜 美白晚霜 免洗洗手液 婴儿润肤露 滋养发油 保湿精华".split()
_SIZES = (30, 50, 75, 100, 200)

Row = dict[str, str]


class Made:
    """A registry with its complaints; the same for the same seed."""

    def __init__(self, seed: int, *, products: int = 40, lots: int = 4, complaints: int = 240) -> None:
        self._chance = random.Random(seed)
        self.registry = [row for number in range(products) for row in self._product(number, lots)]
        self._unknown = [row for number in range(products, products + 4) for row in self._product(number, lots)]
        self.complaints = [self._complaint(number) for number in range(complaints)]

    def write(self, folder: Path, name: str = "") -> tuple[Path, Path]:
        """Write both files; return them."""
        registry, complaints = folder / f"{name}registry.csv", folder / f"{name}complaints.csv"
        write(registry, REGISTERED, self.registry)
        write(complaints, TOLD, self.complaints)
        return registry, complaints

    def _product(self, number: int, lots: int) -> list[Row]:
        chance, key = self._chance, f"product-{number:03}"
        size = chance.choice(_SIZES)
        if number % 4 == 3:
            name = f"{_CHINESE[number % 10]}{_CHINESE_GOODS[number // 10 % 6]} {size} 克"
            seller = f"{_CHINESE[number % 10]}化妆品有限公司"
        else:
            brand = _ENGLISH[number % 25]
            name, seller = f"{brand} {_GOODS[(number // 25 + number) % 8]} {size} ml", f"{brand} Cosmetics Ltd"
        start = date(2025, 1, 1) + timedelta(days=chance.randrange(300))
        head = "".join(chance.choices("ABCDEFGHKMNPRTUVWXY", k=2))
        return [
            {
                "batch_id": f"{key}-{lot}",
                "seller": seller,
                "product_name": name,
                "lot_code": f"{head}{chance.randrange(10**5, 10**6)}{chance.choice('ABC')}",
                "registered_on": str(start + timedelta(days=30 * lot)),
                "category": "cosmetics",
                "country": "China",
                "product_key": key,
            }
            for lot in range(lots)
        ]

    def _complaint(self, number: int) -> Row:
        chance = self._chance
        is_known = chance.random() > 0.1
        batch = chance.choice(self.registry if is_known else self._unknown)
        has_lot = chance.random() > 0.25
        lot = batch["lot_code"]
        if chance.random() < 0.3:
            lot = f"{lot[:2]}-{lot[2:]}".lower()
        is_chinese = any("一" <= letter <= "鿿" for letter in batch["product_name"])
        name = batch["product_name"] if chance.random() < 0.5 else self._mistyped(batch["product_name"])
        story = "用了以后脸上发红。" if is_chinese else "My face went red after one use."
        bought = date.fromisoformat(batch["registered_on"]) + timedelta(days=chance.randrange(20, 200))
        return {
            "complaint_id": f"C{number:04}",
            "product_text": name,
            "brand_text": batch["seller"].split()[0] if chance.random() < 0.5 else "",
            "lot_text": lot if has_lot else "",
            "purchase_date": str(bought) if chance.random() < 0.8 else "",
            "narrative": story,
            "lang": "zh" if is_chinese else "en",
            "expected_batch_id": batch["batch_id"] if is_known else "",
            "expected_product_key": batch["product_key"] if is_known else "",
            "difficulty": "easy" if has_lot else "hard",
            "source_batch_id": batch["batch_id"],
        }

    def _mistyped(self, name: str) -> str:
        at = self._chance.randrange(1, len(name) - 1)
        return name[:at] + name[at + 1 :]


def write(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> Path:
    """Write a CSV file of these columns."""
    with path.open("w", encoding="utf-8", newline="") as lines:
        out = csv.DictWriter(lines, list(columns), extrasaction="ignore")
        out.writeheader()
        out.writerows(rows)
    return path
