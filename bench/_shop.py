"""A running service on servers of its own, with orders in the states that a bench wants."""

import asyncio
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

import psycopg
from _run import ROOT, clean_environment
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from startup import free_port

from service.accounts.actions import create_api_key, create_person, create_tenant, grant_role
from service.batches.actions import register_batch, register_product
from service.batches.schemas import NewBatch, NewProduct
from service.cli.metadata import all_tables
from service.cli.supervisor import environment_of
from service.core.actor import COMMONS, Actor, Grant, Role, SignIn
from service.core.signatures import carrier_key, secret_from_bytes
from service.db.schema import upgrade
from service.db.session import Database, Tx, driver_url
from service.embedded import EmbeddedServers, embedded
from service.files.ownership import claim_buckets
from service.files.store import Store
from service.sellers.actions import register_seller
from service.sellers.schemas import NewSeller
from service.settings import Mode, Settings

SELLERS = 50
READY_SECONDS_MAX = 120.0
AREA = "330100"

MAKE_ORDERS = """
WITH made AS (
    INSERT INTO "order" (id, tenant_id, platform_ref, seller_id, product_id, batch_id, amount_minor, currency, units,
        jurisdiction, destination_area, status, hand_over_failures, placed_at, buyer_id, claimed_at)
    SELECT uuidv7(), %(tenant)s, %(tag)s || n, b.seller_id, b.product_id, b.id, 48000, 'CNY', 1, 'CN', %(area)s,
        'placed', 0, fairhold_now(), %(buyer)s, fairhold_now()
    FROM generate_series(1, %(count)s) n
    JOIN (SELECT id, product_id, seller_id, row_number() OVER (ORDER BY id) AS place FROM batch) b
        ON b.place = n %% %(sellers)s + 1
    RETURNING id, tenant_id, seller_id, product_id, batch_id, amount_minor, buyer_id)
INSERT INTO payment (id, tenant_id, kind, reference_id, seller_id, product_id, batch_id, currency, amount_minor,
    fee_bps, state, requested_at, buyer_id)
SELECT uuidv7(), tenant_id, 'capture', id, seller_id, product_id, batch_id, 'CNY', amount_minor, 300, 'requested',
    fairhold_now(), buyer_id FROM made
RETURNING id, reference_id
"""
SHIP = """
UPDATE payment SET state = 'done', ended_at = fairhold_now() WHERE id = ANY(%(payments)s);
INSERT INTO hold (id, tenant_id, reference_id, payment_id, seller_id, buyer_id, product_id, batch_id, currency,
    amount_minor, fee_bps, funded_at)
SELECT uuidv7(), tenant_id, reference_id, id, seller_id, buyer_id, product_id, batch_id, currency, amount_minor,
    fee_bps, fairhold_now() FROM payment WHERE id = ANY(%(payments)s);
UPDATE "order" o SET status = 'shipped', paid_at = fairhold_now(), shipped_at = fairhold_now(), carrier = 'sandbox',
    tracking_number = 'BN-' || replace(o.id::text, '-', '')
FROM payment p WHERE p.id = ANY(%(payments)s) AND o.id = p.reference_id
"""

DRAFT = """
WITH made AS (
    INSERT INTO complaint (id, tenant_id, reference, buyer_id, order_id, seller_id, product_id, purpose, kind, harm,
        wanted, product_text, brand_text, seller_text, lot_text, gtin, shows_name, may_publish, language, told_key,
        lots_told, status, match_status, link_is_strict, made_at)
    SELECT uuidv7(), tenant_id, 'BN-' || id, buyer_id, id, seller_id, product_id, 'redress', 'not_as_described', 'none',
        'refund', 'Hydrating sheet mask', 'Suyun', '', 'LOT-12', '', false, false, 'en', '', '[]', 'draft',
        'unmatched', false, fairhold_now()
    FROM "order" WHERE id = ANY(%(orders)s)
    RETURNING id, tenant_id)
INSERT INTO complaint_text (complaint_id, tenant_id, narrative, treatment, agent_text, contact_email, contact_phone)
SELECT id, tenant_id, 'The mask smells sour. The lot on the bag is LOT-12, bought from a friend of a friend.', '', '',
    '', '' FROM made RETURNING complaint_id
"""


@dataclass
class Process:
    """A started process, and the processor time that it and its children have used."""

    popen: "subprocess.Popen[bytes]"

    def cpu_seconds(self) -> float:
        """Processor seconds of the process and of what it started."""
        return sum(_cpu(number) for number in self._family())

    def _family(self) -> list[int]:
        family, seen = [self.popen.pid], 0
        while seen < len(family):
            number = family[seen]
            children = Path(f"/proc/{number}/task/{number}/children")
            family += [int(word) for word in children.read_text().split()] if children.exists() else []
            seen += 1
        return family


@dataclass
class Shop:
    """The service's processes, and what is needed to talk to them."""

    settings: Settings
    servers: EmbeddedServers
    folder: Path
    carrier: Ed25519PrivateKey
    tenant_id: UUID | None = None
    platform_key: str = ""
    buyer_id: UUID | None = None
    buyer_key: str = ""
    processes: dict[str, Process] = field(default_factory=dict)

    def rows(self, query: str, values: Mapping[str, object] | None = None) -> list[tuple[object, ...]]:
        """Run a statement as the owner and commit; its rows, if it has any."""
        with psycopg.connect(driver_url(self.settings.owner_database_url)) as connection:
            done = connection.execute(query, values)
            return done.fetchall() if done.description else []

    def orders(self, count: int, tag: str) -> list[tuple[UUID, UUID]]:
        """Make placed orders whose capture was asked for; pairs of payment and order, spread over the sellers."""
        values = {"tenant": self.tenant_id, "tag": tag, "count": count, "sellers": SELLERS, "area": AREA}
        values["buyer"] = self.buyer_id
        return [(UUID(str(payment)), UUID(str(order))) for payment, order in self.rows(MAKE_ORDERS, values)]

    def shipped(self, count: int, tag: str) -> list[UUID]:
        """Make paid and shipped orders."""
        made = self.orders(count, tag)
        with psycopg.ClientCursor(psycopg.connect(driver_url(self.settings.owner_database_url))) as cursor:
            cursor.execute(SHIP, {"payments": [payment for payment, _ in made]})
            cursor.connection.commit()
            cursor.connection.close()
        return [order for _, order in made]

    def drafts(self, count: int, tag: str) -> list[UUID]:
        """Make drafts of complaints about shipped orders, which want all the money back."""
        found = self.rows(DRAFT, {"orders": self.shipped(count, tag)})
        return [UUID(str(case)) for (case,) in found]

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a process that is stopped at the end."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = Process(
                subprocess.Popen(command, cwd=ROOT, env=dict(environment), stdout=log, stderr=log)
            )

    def wait_answering(self, name: str, url: str) -> None:
        """Wait until there is any answer at `url`."""
        end = time.monotonic() + READY_SECONDS_MAX
        while not _answers(url):
            if self.processes[name].popen.poll() is not None or time.monotonic() > end:
                raise RuntimeError((self.folder / f"{name}.log").read_text())
            time.sleep(0.05)


@contextmanager
def open_shop(folder: Path) -> Iterator[Shop]:
    """Start servers (with fsync), make sellers and goods, start `serve` (one process) and `worker`."""
    carrier = Ed25519PrivateKey.generate()
    key, port = carrier_key(carrier), free_port()
    with ExitStack() as stack:
        servers = stack.enter_context(embedded(folder))
        settings = Settings(
            mode=Mode.TEST,
            home=folder,
            port=port,
            base_url=f"http://127.0.0.1:{port}",
            database_url=servers.postgres.app,
            owner_database_url=servers.postgres.owner,
            s3_endpoint=servers.s3.endpoint,
            s3_access_key=servers.s3.access_key,
            s3_secret_key=servers.s3.secret_key,
            secret=secrets.token_urlsafe(36),
            gateway_url="http://127.0.0.1:9",
            gateway_secret=secret_from_bytes(os.urandom(32)),
            carrier_public_key=f"{key.key_id}={key.public_key}",
            log_level="WARNING",
        )
        upgrade(servers.postgres.owner, app_role="fairhold_app", metadata=all_tables(), is_clock_movable=True)
        shop = Shop(settings, servers, folder, carrier)
        asyncio.run(_stock(shop))
        stack.callback(_stop, shop)
        environment = clean_environment(environment_of(settings))
        for part in ("serve", "worker"):
            shop.start(part, [sys.executable, "-m", "service.cli", part], environment)
        shop.wait_answering("serve", f"{settings.public_url}/health/ready")
        yield shop


async def _stock(shop: Shop) -> None:
    """Make the platform with its key, and sellers with a product and a batch each."""
    store = Store.of(shop.settings)
    database = Database(shop.settings.database_url, pool_max=1)
    await store.ensure_buckets()
    await claim_buckets(database, store)
    store.close()
    async with database.begin() as tx:
        now = await tx.now()
        shop.tenant_id = await create_tenant(tx, "Bench", now=now)
        person = await create_person(tx, email="platform@example.com", name="Platform", language="en", now=now)
        await tx.flush()  # the grant points at the person
        await grant_role(tx, person.id, Role.PLATFORM, shop.tenant_id, now=now)
        _, shop.platform_key = await create_api_key(tx, person.id, shop.tenant_id, "bench", now=now)
        buyer = await create_person(tx, email="buyer@example.com", name="Buyer", language="en", now=now)
        await tx.flush()  # as above
        await grant_role(tx, buyer.id, Role.BUYER, COMMONS, now=now)
        shop.buyer_id = buyer.id
        _, shop.buyer_key = await create_api_key(tx, buyer.id, COMMONS, "bench", now=now)
        for number in range(SELLERS):
            await _open_seller(tx, number, now)
    await database.close()


async def _open_seller(tx: Tx, number: int, now: datetime) -> None:
    name = f"Seller {number}"
    owner = await create_person(tx, email=f"seller{number}@example.com", name=name, language="en", now=now)
    await tx.flush()  # the shop is this person's
    shop = NewSeller(name=name, kind="shop", country="CN")
    seller = await register_seller(tx, Actor(owner.id, sign_in=SignIn.SESSION), shop, now=now)
    await tx.flush()  # the goods are this shop's
    goods = NewProduct(seller_id=seller.id, category="cosmetics", brand=name, name_en=f"Mask {number}")
    actor = Actor(owner.id, frozenset({Grant(Role.SELLER, COMMONS, seller.id)}))
    product = await register_product(tx, actor, goods, now=now)
    await tx.flush()  # the batch is of this product
    await register_batch(tx, actor, NewBatch(product_id=product.id, lot_code=f"LOT-{number}"), now=now)


def _stop(shop: Shop) -> None:
    for process in shop.processes.values():
        process.popen.terminate()
    for process in shop.processes.values():
        process.popen.wait(60)


def _cpu(number: int) -> float:
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own address
            return True
    except urllib.error.HTTPError:
        return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
