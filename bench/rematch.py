"""1,000 new batches against 100,000 complaints without one: from their commit to the last complaint tried.

Batches, products and sellers are those of the real registry (shared/data/registry, beside the checkout). A thousand are
kept back: half of them all batches of their products, half one of several. Two buyers complain about each of those,
with its lot and slips in every second name and lot. All other complaints cannot be linked: a third is about registered
products with lots that nobody registered, a third about things that nobody sells, a third tells no lot. Then the
thousand are committed at once with their events, and one worker's relay and queue run until nothing waits.

`find_s` is what finding the complaints costs in SQL, of the whole; `found` is how many are tried; `settled_s` is when
nothing waits any more, signals counted again as well. `linked` is the share of the complaints about the new batches
that were linked to the right one, `linked_wrong` counts those linked to others.
`--quick` has a tenth of everything and leaves out `rematch_1000_batches_s`.
"""

import asyncio
import csv
import functools
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from _due import open_database, tidy
from _run import ROOT, Result, run
from sqlalchemy import insert, text

from service.batches.tables import Batch, Product
from service.complaints import jobs as complaints
from service.complaints import rematching
from service.complaints.actions import match_complaints
from service.core.actor import COMMONS
from service.core.ids import new_id
from service.core.lots import fold_lot
from service.core.names import name_key
from service.db.session import Database, Tx
from service.embedded import PostgresUrls
from service.events.log import relay
from service.jobs.queue import CONCURRENCY, Queue
from service.recalls import jobs as recalls
from service.samples.loading import Connection, connect, copy_rows
from service.samples.misspelling import misspell_lot, misspell_name

REGISTRY = ROOT.parent / "shared" / "data" / "registry" / "registry.csv"
NEW, UNMATCHED, TOLD_OF_EACH = 1_000, 100_000, 2
QUICK = 10
SENT_AT = datetime(2026, 10, 1, tzinfo=UTC)
COLUMNS = (
    "id", "tenant_id", "reference", "purpose", "kind", "harm", "product_id", "product_text", "brand_text",
    "seller_text", "lot_text", "gtin", "bought_on", "shows_name", "may_publish", "language", "told_key", "lots_told",
    "status", "risk", "match_status", "link_is_strict", "made_at", "submitted_at",
)  # fmt: skip


@dataclass(slots=True)
class Goods:
    """Rows of the registry as the service has them."""

    sellers: dict[str, UUID] = field(default_factory=dict)
    products: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    batches: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Spent:
    """What a worker did. Seconds of the finding statements."""

    find_s: float = 0.0
    tried_at: float = 0.0
    found: int = 0
    jobs: int = 0


def measure(result: Result, *, quick: bool) -> None:
    """Measure the tries that new batches start."""
    folder = Path(tempfile.mkdtemp(prefix="fh-bench-"))
    scale = QUICK if quick else 1
    try:
        with open_database(folder) as urls:
            chance = random.Random(5)
            goods = read_goods(scale)
            new = kept_back(chance, goods, NEW // scale)
            fitting = seed(urls, chance, goods, new, UNMATCHED // scale)
            asyncio.run(rematch(result, urls, goods, new, fitting, is_whole=not quick))
    finally:
        shutil.rmtree(folder)


def read_goods(scale: int) -> Goods:
    """Return the registry, or every so many lines of it."""
    goods, lots = Goods(), set[tuple[UUID, str]]()
    with REGISTRY.open(encoding="utf-8", newline="") as lines:
        for place, row in enumerate(csv.DictReader(lines)):
            if place % scale:
                continue
            seller_id = goods.sellers.setdefault(row["seller"], new_id())
            product = goods.products.setdefault((row["seller"], row["product_name"]), {
                "id": new_id(), "seller_id": seller_id, "brand": row["seller"], "gtin": None, "category": "drug",
                "name_en": row["product_name"], "name_zh": "", "registered_at": SENT_AT - timedelta(days=900),
                "name_key": name_key(row["seller"], row["product_name"]),
            })  # fmt: skip
            if (product["id"], row["lot_code"]) in lots:
                continue
            lots.add((product["id"], row["lot_code"]))
            goods.batches.append({
                "id": new_id(), "product_id": product["id"], "seller_id": seller_id, "lot_code": row["lot_code"],
                "lot_folded": fold_lot(row["lot_code"]), "registered_on": row["registered_on"], "seller": row["seller"],
                "name": row["product_name"],
            })  # fmt: skip
    return goods


def kept_back(chance: random.Random, goods: Goods, count: int) -> list[dict[str, Any]]:
    """Take batches out of the registry: half of them with their products, half of products that keep others."""
    of_product: dict[UUID, list[dict[str, Any]]] = {}
    for each in goods.batches:
        of_product.setdefault(each["product_id"], []).append(each)
    new: list[dict[str, Any]] = []
    for product_id in chance.sample(sorted(of_product), len(of_product)):
        batches = of_product[product_id]
        if len(new) < count // 2 and len(batches) <= count // 20:
            new += batches
        elif count // 2 <= len(new) < count and len(batches) > 1:
            new.append(chance.choice(batches))
    taken = {each["id"] for each in new}
    goods.batches = [each for each in goods.batches if each["id"] not in taken]
    for each in new:
        each["id"] = new_id()  # they come after the others
    return new


def seed(
    urls: PostgresUrls, chance: random.Random, goods: Goods, new: Sequence[dict[str, Any]], count: int
) -> dict[UUID, UUID]:
    """Write what was registered before, and the complaints; return which complaint is about which new batch."""
    wanted = {each["product_id"] for each in goods.batches}
    fitting: dict[UUID, UUID] = {}
    with connect(urls.app) as connection, connection.transaction():
        columns = ["id", "name", "name_zh", "name_key", "kind", "country", "status", "verification", "registered_at"]
        sellers = [
            (key, name, "", name_key(name), "shop", "CN", "active", "none", SENT_AT)
            for name, key in goods.sellers.items()
        ]
        copy_rows(connection, "seller", columns, sellers)
        columns = [column.key for column in Product.__table__.columns]
        products = [product for product in goods.products.values() if product["id"] in wanted]
        copy_rows(connection, "product", columns, [tuple(each[name] for name in columns) for each in products])
        columns = [column.key for column in Batch.__table__.columns]
        rows = [tuple(batch_row(each)[name] for name in columns) for each in goods.batches]
        copy_rows(connection, "batch", columns, rows)
        told = [*about_new(chance, new, fitting), *about_others(chance, goods, count - TOLD_OF_EACH * len(new))]
        chance.shuffle(told)
        write_complaints(connection, told)
    tidy(urls)
    return fitting


def batch_row(batch: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a batch."""
    on = date.fromisoformat(batch["registered_on"])
    return {
        "maker_lot_code": None, "maker_lot_folded": None, "made_on": None, "expires_on": None, "units_made": None,
        "registered_by": None, "registered_at": datetime(on.year, on.month, on.day, tzinfo=UTC),
        **{name: batch[name] for name in ("id", "product_id", "seller_id", "lot_code", "lot_folded")},
    }  # fmt: skip


def about_new(
    chance: random.Random, new: Sequence[dict[str, Any]], fitting: dict[UUID, UUID]
) -> Iterator[dict[str, Any]]:
    """Complaints about the batches that are to come."""
    for batch in new:
        for _ in range(TOLD_OF_EACH):
            name = misspell_name(chance, batch["name"]) if chance.random() < 0.5 else batch["name"]
            lot = misspell_lot(chance, batch["lot_code"]) if chance.random() < 0.5 else batch["lot_code"]
            told = complaint(name, batch["seller"], lot, batch["registered_on"])
            fitting[told["id"]] = batch["id"]
            yield told


def about_others(chance: random.Random, goods: Goods, count: int) -> Iterator[dict[str, Any]]:
    """Complaints that no batch fits, before or after."""
    for place in range(count):
        batch, other = chance.choice(goods.batches), chance.choice(goods.batches)
        lot = "".join(chance.choice("ACDEFGHJKMNPQRTUVWXY346790") for _ in range(9))
        name = misspell_name(chance, batch["name"])
        if place % 3 == 0:
            yield complaint(name, batch["seller"], lot, batch["registered_on"], product_id=batch["product_id"])
        elif place % 3 == 1:
            half, rest = batch["name"].split(), other["name"].split()
            words = [*half[: len(half) // 2], lot[:5].lower(), *rest[len(rest) // 2 :]]
            yield complaint(" ".join(words), f"{lot[5:]} Trading", lot[::-1], batch["registered_on"])
        else:
            told = chance.sample(name.split(), min(2, len(name.split())))
            yield complaint(" ".join(told), "", "", batch["registered_on"])


def complaint(name: str, seller: str, lot: str, bought: str, *, product_id: UUID | None = None) -> dict[str, Any]:
    """Return the row of a complaint; one that is certain of its product has it."""
    folded = fold_lot(lot)
    return {
        "id": new_id(), "tenant_id": COMMONS, "purpose": "safety", "kind": "unsafe", "harm": "none",
        "product_id": product_id, "product_text": name, "brand_text": "", "seller_text": seller, "lot_text": lot,
        "gtin": "", "bought_on": bought, "shows_name": False, "may_publish": False, "language": "en",
        "told_key": name_key(name, "", seller), "lots_told": [folded] if folded else [], "status": "triage",
        "risk": "low", "match_status": "unmatched" if product_id is None else "product_only", "link_is_strict": False,
        "made_at": SENT_AT, "submitted_at": SENT_AT,
    }  # fmt: skip


def write_complaints(connection: Connection, told: Sequence[dict[str, Any]]) -> None:
    """Write complaints with their texts, as the application has them."""
    rows = [{**each, "reference": f"FH-{place:08}"} for place, each in enumerate(told)]
    copy_rows(connection, "complaint", COLUMNS, [tuple(each[name] for name in COLUMNS) for each in rows])
    columns = ("complaint_id", "tenant_id", "narrative", "treatment", "agent_text", "contact_email", "contact_phone")
    story = "It smelled sour and left my skin red."
    copy_rows(connection, "complaint_text", columns, [(each["id"], COMMONS, story, "", "", "", "") for each in rows])


async def rematch(
    result: Result,
    urls: PostgresUrls,
    goods: Goods,
    new: Sequence[dict[str, Any]],
    fitting: dict[UUID, UUID],
    *,
    is_whole: bool,
) -> None:
    """Commit the new batches, let a worker do what follows, and see what came of it."""
    database, spent = Database(urls.app), Spent()
    try:
        queue, subscriptions = worker_of(urls, database, spent)
        async with queue.app.open_async():
            await warm(database)
            async with database.begin() as tx:
                await register(tx, goods, new)
            began = time.perf_counter()
            await work(database, queue, subscriptions, spent)
            seconds, settled_s = spent.tried_at - began, time.perf_counter() - began
        await report(result, database, fitting)
    finally:
        await database.close()
    if is_whole:
        result.note("rematch_1000_batches_s", seconds, "s")
    result.note("seconds", seconds, "s")
    result.note("settled_s", settled_s, "s")
    result.note("find_s", spent.find_s, "s")
    result.note("found", spent.found, "complaints")
    result.note("found_per_s", spent.found / seconds, "1/s")
    result.note("jobs", spent.jobs, "jobs")


def worker_of(urls: PostgresUrls, database: Database, spent: Spent) -> tuple[Queue, dict[str, list[str]]]:
    """Return a queue with the handlers of complaints and recalls, as `service.app` registers them."""
    queue = Queue(urls.app)
    subscriptions: dict[str, list[str]] = {}
    asked = rematching.that_may_fit

    async def timed(tx: Tx, *which: Any) -> list[UUID]:
        began = time.perf_counter()
        found = await asked(tx, *which)
        spent.find_s += time.perf_counter() - began
        spent.found += len(found)
        return found

    async def noted(payload: Any, *, database: Database) -> None:
        await complaints.match_again(payload, database=database)
        spent.tried_at = time.perf_counter()

    rematching.that_may_fit = timed  # type: ignore[assignment]  # the same function, timed
    handlers = {**complaints.HANDLERS, **recalls.HANDLERS, "complaints.match_again": noted}
    for name, handler in handlers.items():
        queue.register(name, functools.partial(handler, database=database))
    for module in (complaints, recalls):
        for event, names in module.SUBSCRIPTIONS.items():
            subscriptions.setdefault(event, []).extend(names)
    return queue, subscriptions


async def warm(database: Database) -> None:
    """Try one complaint, so that what is read or built once in a process is there."""
    async with database.begin() as tx:
        (one,) = await tx.scalars(text("SELECT id FROM complaint WHERE lot_text = '' LIMIT 1"))
        await match_complaints(tx, [one], now=await tx.now())


async def register(tx: Tx, goods: Goods, new: Sequence[dict[str, Any]]) -> None:
    """Register batches, and the products that had none before, with their events, as an import does."""
    known = set(await tx.scalars(text("SELECT id FROM product")))
    wanted = {each["product_id"] for each in new} - known
    products = [product for product in goods.products.values() if product["id"] in wanted]
    await tx.execute(insert(Product), products)
    await tx.execute(insert(Batch), [{**batch_row(each), "registered_at": SENT_AT} for each in new])
    await tx.execute(
        text(
            "INSERT INTO event (id, name, subject_kind, subject_id, at, facts) SELECT uuidv7(), 'batch.registered',"
            " 'batch', id, fairhold_now(), jsonb_build_object('batch_id', id, 'product_id', product_id,"
            " 'seller_id', seller_id) FROM batch WHERE id = ANY(:ids)"
        ),
        {"ids": [each["id"] for each in new]},
    )


async def work(database: Database, queue: Queue, subscriptions: dict[str, list[str]], spent: Spent) -> None:
    """Relay events and run jobs until there is nothing left, as one worker does."""
    while True:
        events = await database.run(lambda tx: relay(tx, subscriptions))
        async with database.begin() as tx:
            waiting = await tx.scalar(text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'"))
        if not events and not waiting:
            return
        spent.jobs += waiting or 0
        await queue.app.run_worker_async(
            concurrency=CONCURRENCY, wait=False, install_signal_handlers=False, listen_notify=False
        )


async def report(result: Result, database: Database, fitting: dict[UUID, UUID]) -> None:
    """Note what was linked, rightly and wrongly, and that nothing failed."""
    async with database.begin() as tx:
        failed = await tx.scalar(text("SELECT count(*) FROM procrastinate_jobs WHERE status <> 'succeeded'"))
        assert failed == 0, "every job was done"
        linked = {
            row.id: row.batch_id
            for row in await tx.execute(text("SELECT id, batch_id FROM complaint WHERE batch_id IS NOT NULL"))
        }
        told = await tx.execute(text("SELECT outcome, count(*) AS n FROM complaint_match GROUP BY 1 ORDER BY 1"))
        outcomes = {row.outcome: row.n for row in told}
    right = sum(linked.get(each) == batch_id for each, batch_id in fitting.items())
    for outcome, count in outcomes.items():
        result.note(f"kept_{outcome}", count, "tries")
    result.note("linked", right / len(fitting), "of those about new batches")
    result.note("linked_wrong", len(linked) - right, "complaints")


if __name__ == "__main__":
    run(measure, "rematch")
