"""Step 1: a seller registers; a product, a batch, and a thousand batches from a CSV."""

import csv
import io
from datetime import timedelta

from service.batches.rules import gtin14
from service.core.errors import Invalid
from service.samples.driver.joining import join
from service.samples.driver.stage import MAKER, Json, Stage, Step, ensure_that
from service.samples.words import WARES

CSV_ROWS = 1_000
CSV_PRODUCTS = 10
BRAND, NAME_EN, NAME_ZH = "Suyun", "Suyun Hydrating Sheet Mask", "素芸补水面膜"


def register(stage: Stage, step: Step) -> None:
    """Register everything that the other steps trade, for a seller who is new in each run."""
    known = stage.known
    joined = join(stage, MAKER, "苏芸", "zh")
    step.tell("somebody joins", joined.email, f"{joined.name}, password {joined.password}", maker_email=joined.email)
    seller = stage.person(MAKER)
    shop = seller.post(
        "/sellers",
        {"name": f"Suyun Shop {stage.run}", "name_zh": f"素芸小铺{stage.run}", "kind": "shop", "country": "CN"},
    )
    known.seller_id = shop["id"]
    step.tell("seller registers", shop["id"], f"{shop['name']} · {shop['name_zh']}", seller_id=shop["id"])
    product = seller.post("/products", new_product(stage, 1, BRAND, NAME_EN, NAME_ZH))
    known.product_id = product["id"]
    step.tell("product", product["id"], f"{product['name_en']} · {product['name_zh']}", product_id=product["id"])
    batch = register_batch(stage, known.product_id, f"SY26J0{stage.run}", f"LH-{stage.run}-07")
    known.batch_id, known.lot = batch["id"], batch["lot_code"]
    step.tell(
        "batch",
        batch["lot_code"],
        f"{batch['units_made']} units, made {batch['made_on']}",
        batch_id=batch["id"],
        lot=batch["lot_code"],
    )
    content = _csv(stage)
    imported = seller.post(f"/batches/imports?seller_id={known.seller_id}", content=content)
    ensure_that(imported["batches"] == CSV_ROWS, f"the CSV made {CSV_ROWS} batches")
    step.tell(
        "batches from a CSV",
        f"{len(content):,} bytes",
        f"{imported['batches']} batches of {imported['products']} products",
        imported=imported["batches"],
    )
    agent = stage.person("seller").account.seller_id
    seller.post(f"/sellers/{known.seller_id}/agents", {"agent_id": str(agent)})
    moved = {"from_seller_id": known.seller_id, "to_seller_id": str(agent), "units": 600}
    seller.post(f"/batches/{known.batch_id}/custody", moved)
    step.tell("an agent sells on", agent, "600 units of the batch went to the agent's shop", agent_id=str(agent))


def register_batch(stage: Stage, product_id: str, lot: str, maker_lot: str | None) -> Json:
    """Register a batch of the run's seller, made twenty days ago."""
    made = (stage.now() - timedelta(days=20)).date()
    body = {
        "product_id": product_id,
        "lot_code": lot,
        "maker_lot_code": maker_lot,
        "made_on": made.isoformat(),
        "expires_on": (made + timedelta(days=1095)).isoformat(),
        "units_made": 6000,
    }
    batch: Json = stage.person(MAKER).post("/batches", body)
    return batch


def new_product(stage: Stage, number: int, brand: str, name_en: str, name_zh: str) -> Json:
    """Return a product of the run's seller, with a GTIN of its own; `number` tells them apart."""
    body = f"069{stage.run}{number:04}"
    figures = next(f"{body}{check}" for check in range(10) if _is_gtin(f"{body}{check}"))
    return {
        "seller_id": stage.known.seller_id,
        "category": "cosmetics",
        "brand": brand,
        "name_en": name_en,
        "name_zh": name_zh,
        "gtin": figures,
    }


def _is_gtin(figures: str) -> bool:
    try:
        return gtin14(figures) == figures
    except Invalid:
        return False


def _csv(stage: Stage) -> bytes:
    """Return a CSV of a thousand batches of ten products, a hundred lines of each."""
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(["category", "brand", "name_en", "name_zh", "lot_code", "maker_lot_code", "made_on", "units_made"])
    first = (stage.now() - timedelta(days=200)).date()
    for row in range(CSV_ROWS):
        ware = WARES[row % CSV_PRODUCTS]
        made = first + timedelta(days=row // CSV_PRODUCTS)
        maker_lot = f"CN-{stage.run}-{row:04}"
        names = (BRAND, f"{BRAND} {ware.name_en}", f"素芸{ware.name_zh}")
        writer.writerow([ware.category, *names, f"{made:%y%m%d}{row:04}", maker_lot, made.isoformat(), 500])
    return sheet.getvalue().encode()
