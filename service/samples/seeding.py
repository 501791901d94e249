"""Fill a database with generated data in bulk."""

import random

import msgspec
from rich.console import Console

from service.samples import goods
from service.samples.goods import Goods
from service.samples.ground import Ground, prepare_ground
from service.samples.loading import Connection, clean_search_indexes, connect, copy_rows, copy_text
from service.samples.progress import Progress, progress_on
from service.settings import Settings

BATCHES_AT_ONCE = 20_000


class Amounts(msgspec.Struct, frozen=True):
    """How many rows to make of each."""

    batches: int
    orders: int
    complaints: int


def seed_database(settings: Settings, amounts: Amounts, *, seed: int, console: Console) -> None:
    """Fill the database; the same seed makes the same data in an empty database at the same hour."""
    with connect(settings.database_url) as connection, progress_on(console) as progress:
        ground = prepare_ground(connection, seed)
        rng = random.Random(f"{seed}/{ground.run}")
        made = Goods(rng, now=ground.now, batches=amounts.batches, tag=ground.tag, own_shop=ground.shop_id)
        _load_goods(connection, made, ground, rng, progress, amounts.batches)
    if settings.owner_database_url:
        clean_search_indexes(settings.owner_database_url)


def _load_goods(
    connection: Connection, made: Goods, ground: Ground, rng: random.Random, progress: Progress, batches: int
) -> None:
    step = progress.step("sellers and products", len(made.sellers) + len(made.products))
    with connection.transaction():
        copy_rows(connection, "seller", goods.SELLER_COLUMNS, goods.seller_rows(made.sellers))
        copy_rows(connection, "agent_link", goods.LINK_COLUMNS, goods.link_rows(rng, made.sellers, ground.shop_id))
        step.forward(len(made.sellers))
        copy_rows(connection, "product", goods.PRODUCT_COLUMNS, goods.product_rows(made.products))
        step.forward(len(made.products))
    step = progress.step("batches", batches)
    for chunk in made.batch_chunks(BATCHES_AT_ONCE):
        with connection.transaction():
            copy_text(connection, "batch", goods.BATCH_COLUMNS, chunk.batches)
            copy_text(connection, "custody", goods.CUSTODY_COLUMNS, chunk.custody)
            copy_text(connection, "batch_parent", goods.PARENT_COLUMNS, chunk.parents)
        step.forward(len(chunk.batches))
