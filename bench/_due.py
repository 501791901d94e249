"""Held payments in bulk, as the owner role with triggers off; what comes out is a ledger that reconciles."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from service.cli.metadata import all_tables
from service.core.actor import COMMONS
from service.db.schema import upgrade
from service.db.session import driver_url
from service.embedded import EmbeddedPostgres, PostgresUrls
from service.embedded.postgres import APP_ROLE

Connection = psycopg.Connection[tuple[Any, ...]]
AMOUNT_MINOR, FEE_BPS = 48_000, 300

# Holds fall due over 30 days in the order of their funding, give or take a day, and the last of them an hour ago.
_HOLDS = """
CREATE TEMP TABLE seeded AS
SELECT n, uuidv7() AS id, uuidv7() AS payment_id, gen_random_uuid() AS reference_id, gen_random_uuid() AS buyer_id,
       (hashint8(n) & 2147483647) %% %(sellers)s AS seller, (hashint8(-n) & 2147483647) %% %(batches)s AS batch,
       fairhold_now() + %(later)s - interval '1 hour' - interval '1 day' * random()
           - interval '30 days' * (1 - n::float / %(holds)s) AS ends_at
FROM generate_series(1, %(holds)s) n;
ALTER TABLE seeded ADD COLUMN funded_at timestamptz;
UPDATE seeded SET funded_at = least(ends_at - interval '10 days', fairhold_now() - interval '2 days');

INSERT INTO payment (id, tenant_id, kind, reference_id, seller_id, buyer_id, product_id, batch_id, currency,
    amount_minor, fee_bps, state, requested_at, ended_at)
SELECT h.payment_id, %(tenant)s, 'capture', h.reference_id, s.id, h.buyer_id, s.product_id, s.batch_ids[h.batch + 1],
    'CNY', %(amount)s, %(fee_bps)s, 'done', h.funded_at, h.funded_at
FROM seeded h JOIN seeded_seller s ON s.n = h.seller ORDER BY h.n;

INSERT INTO hold (id, tenant_id, reference_id, payment_id, seller_id, buyer_id, product_id, batch_id, currency,
    amount_minor, fee_bps, state, window_ends_at, funded_at, delivered_at, proof_kind, proof_id)
SELECT h.id, %(tenant)s, h.reference_id, h.payment_id, s.id, h.buyer_id, s.product_id, s.batch_ids[h.batch + 1],
    'CNY', %(amount)s, %(fee_bps)s, 'in_window', h.ends_at, h.funded_at,
    h.funded_at + interval '1 day', 'carrier', h.reference_id
FROM seeded h JOIN seeded_seller s ON s.n = h.seller ORDER BY h.n;

INSERT INTO transfer (subject_id, code, hold_id, debit_account, credit_account, currency, amount_minor, at)
SELECT id, 'fund', id, 'gateway:CNY', 'held:CNY', 'CNY', %(amount)s, funded_at
FROM seeded ORDER BY n;
DROP TABLE seeded;

INSERT INTO hold_due (shard, ends_at, hold_id)
SELECT fairhold_shard(seller_id), window_ends_at, id FROM hold WHERE window_ends_at IS NOT NULL
ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING
"""
_SELLERS = """
CREATE TEMP TABLE seeded_seller AS
SELECT n, uuidv7() AS id, uuidv7() AS product_id,
       coalesce(%(batch_ids)s::uuid[], (SELECT array_agg(uuidv7()) FROM generate_series(1, %(batches)s) WHERE n >= 0))
       AS batch_ids
FROM generate_series(0, %(sellers)s - 1) n;
INSERT INTO account (id, kind, owner_id, currency, balance_mode)
SELECT 'payable:' || id || ':CNY', 'payable', id, 'CNY', 'locked' FROM seeded_seller;
INSERT INTO account (id, kind, currency, balance_mode)
SELECT kind || ':CNY', kind, 'CNY', 'derived' FROM unnest(ARRAY['gateway', 'held', 'fees', 'refunds', 'dividing']) kind
ON CONFLICT DO NOTHING;
INSERT INTO scope (kind, key) SELECT 'seller', id::text FROM seeded_seller
UNION ALL SELECT DISTINCT 'batch', b::text FROM seeded_seller, unnest(batch_ids) b
"""


@contextmanager
def open_database(home: Path) -> Iterator[PostgresUrls]:
    """Start a PostgreSQL of its own, with fsync on, and migrate it."""
    postgres = EmbeddedPostgres(home)
    try:
        urls = postgres.start()
        upgrade(urls.owner, app_role=APP_ROLE, metadata=all_tables(), is_clock_movable=True)
        yield urls
    finally:
        postgres.stop()


def seed_due(
    urls: PostgresUrls, *, holds: int, sellers: int, batch_id: UUID | None = None, later: timedelta = timedelta(0)
) -> None:
    """Make `holds` holds of new sellers, with two batches each or all of one; let PostgreSQL tidy up.

    All are due by now, or their windows end `later`.
    """
    values: dict[str, Any] = {
        "holds": holds,
        "sellers": sellers,
        "tenant": COMMONS,
        "amount": AMOUNT_MINOR,
        "fee_bps": FEE_BPS,
    }
    values |= {"later": later, "batch_ids": [batch_id] if batch_id else None, "batches": 1 if batch_id else 2}
    with psycopg.connect(driver_url(urls.owner), cursor_factory=psycopg.ClientCursor) as owner:
        owner.execute("SET synchronous_commit = off; SET work_mem = '256MB'; SET statement_timeout = 0")
        for switch in ("DISABLE", "ENABLE"):
            for table in ("hold", "transfer", "payment"):
                owner.execute(f"ALTER TABLE {table} {switch} TRIGGER USER")
            if switch == "DISABLE":
                owner.execute(_SELLERS, values)
                owner.execute(_HOLDS, values)
        owner.execute("DROP TABLE seeded_seller")
    tidy(urls)


def tidy(urls: PostgresUrls) -> None:
    """Vacuum, analyse and write everything out, so that nothing of it falls into what is measured."""
    with psycopg.connect(driver_url(urls.admin), autocommit=True) as admin:
        admin.execute("VACUUM (ANALYZE)")
        admin.execute("CHECKPOINT")
