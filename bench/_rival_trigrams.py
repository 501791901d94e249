"""pg_trgm alone, in the product's embedded PostgreSQL: GIN indexes on names, sellers and lots; score by field."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg
from _accuracy import FIRST
from _registry import Batch
from _rivals import lot_of

from service.core.lots import fold_lot
from service.core.names import name_key
from service.db.session import driver_url
from service.embedded import EmbeddedPostgres

SETTINGS = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
SET maintenance_work_mem = '512MB';
SET max_parallel_workers_per_gather = 0;
SET pg_trgm.similarity_threshold = 0.3;
SET pg_trgm.word_similarity_threshold = 0.5;
CREATE TABLE rival_product (id int PRIMARY KEY, name_key text NOT NULL, seller_key text NOT NULL);
CREATE TABLE rival_batch (place int PRIMARY KEY, product int NOT NULL, lot text NOT NULL);
"""
INDEXES = """
CREATE INDEX ON rival_product USING gin (name_key gin_trgm_ops);
CREATE INDEX ON rival_product USING gin (seller_key gin_trgm_ops);
CREATE INDEX ON rival_batch USING gin (lot gin_trgm_ops);
CREATE INDEX ON rival_batch (product);
"""
# Each arm has an index of its own; what they find is scored by field, over the fields that were told.
QUESTION = f"""
WITH named AS (
    SELECT id FROM rival_product WHERE %(name)s <%% name_key
    ORDER BY word_similarity(%(name)s, name_key) + similarity(%(name)s, name_key) DESC, id LIMIT 50
), found AS (
    SELECT place FROM rival_batch WHERE %(lot)s <> '' AND lot %% %(lot)s
    UNION SELECT place FROM rival_batch JOIN named ON product = named.id
)
SELECT place,
    word_similarity(%(name)s, p.name_key)
    + CASE WHEN %(seller)s <> '' THEN word_similarity(%(seller)s, p.seller_key) ELSE 0 END
    + CASE WHEN %(lot)s <> '' THEN similarity(b.lot, %(lot)s) ELSE 0 END AS score
FROM found JOIN rival_batch b USING (place) JOIN rival_product p ON p.id = b.product
ORDER BY score DESC, similarity(%(name)s, p.name_key) DESC, place LIMIT {FIRST}
"""


class Trigrams:
    """A database of its own in a folder of its own."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="fh-bench-"))
        self._server = EmbeddedPostgres(self._home, throw_away=True)
        try:
            self._session = psycopg.connect(driver_url(self._server.start().admin), autocommit=True)
            self._session.execute(SETTINGS)
            self._fill(batches)
            self._session.execute(INDEXES)
            self._session.execute("VACUUM ANALYZE")
        except BaseException:
            self.close()
            raise

    def _fill(self, batches: Sequence[Batch]) -> None:
        products: dict[str, int] = {}
        with self._session.cursor() as cursor:
            with cursor.copy("COPY rival_product FROM STDIN") as rows:
                for batch in batches:
                    if batch.product_key not in products:
                        number = products[batch.product_key] = len(products)
                        rows.write_row((number, name_key(batch.product_name), name_key(batch.seller)))
            with cursor.copy("COPY rival_batch FROM STDIN") as rows:
                for place, batch in enumerate(batches):
                    rows.write_row((place, products[batch.product_key], fold_lot(batch.lot_code)))

    def ask(self, told: Mapping[str, str]) -> list[tuple[int, float]]:
        """Return the batches of the greatest similarity, summed over the told fields."""
        facts = {
            "name": name_key(told["product_text"]),
            "seller": name_key(told["brand_text"]),
            "lot": lot_of(told),
        }
        return [(int(place), float(score)) for place, score in self._session.execute(QUESTION, facts)]

    def close(self) -> None:
        """Stop the server and remove its folder."""
        self._server.stop()
        shutil.rmtree(self._home)
