"""The world of `world.py` with cases in it: delivered orders, complaints, photos, disputes, signals and reports.

It takes a store and more transactions than the plain world, so only tests that walk over all routes ask for it.
"""

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from PIL import Image

from service.app import Service, assemble
from service.batches import photos
from service.complaints import challenges, evidence, uploads
from service.complaints.actions import answer, create_draft, link_batch, submit
from service.complaints.actions.steps import open_offer
from service.complaints.challenge_schemas import NewChallenge
from service.complaints.queries import get_complaint
from service.complaints.schemas import NewAnswer, NewComplaint, NewOffer
from service.complaints.tables import Complaint, PhotoReading, Reading
from service.core.actor import COMMONS, SYSTEM, Actor, Role
from service.core.ids import new_id
from service.core.money import Money
from service.db.schemas import MoneyView
from service.db.session import Database, Tx
from service.disputes.actions import assign, escalate
from service.embedded import EmbeddedServers
from service.escrow import actions as escrow
from service.escrow.queries import hold_by_reference, payments_page
from service.files.ownership import claim_buckets
from service.files.receiving import receive_photos
from service.files.uploads import Promise
from service.orders import packing
from service.recalls.actions import evaluate_batch
from service.reporting.actions import request_report
from service.reporting.schemas import NewReport
from service.settings import Mode, Settings
from tests.trade import SECRET, Goods, claim, deliver, pay, place, ship
from tests.world import Whose, World, build_world, make_account, person_actor

WORLD_DATABASE = "fairhold_world"
STORY = "The mask smells sour and left my face red."


@dataclass(frozen=True, slots=True)
class _Side:
    """The actors who have to do with what is `whose`."""

    whose: Whose
    buyer: Actor
    seller: Actor
    platform: Actor
    mediator: Actor
    regulator: Actor


@dataclass(frozen=True, slots=True)
class Furnished:
    """The world in its database `WORLD_DATABASE`, which tests copy, and the settings of a service on it."""

    world: World
    settings: Settings


async def furnish_database(servers: EmbeddedServers, buckets: str, carrier_public_key: str) -> Furnished:
    """Build the world in its database, which is a copy of the migrated one."""
    settings = Settings(
        mode=Mode.TEST,
        base_url="http://testserver.local",
        database_url=on(servers.postgres.app, WORLD_DATABASE),
        owner_database_url=on(servers.postgres.owner, WORLD_DATABASE),
        s3_endpoint=servers.s3.endpoint,
        s3_access_key=servers.s3.access_key,
        s3_secret_key=servers.s3.secret_key,
        s3_prefix=buckets,
        evidence_retention_days=1,
        secret=SECRET,
        carrier_public_key=carrier_public_key,
        gateway_url="http://127.0.0.1:9",
        gateway_secret="whsec_dGVzdC10ZXN0LXRlc3QtdGVzdC10ZXN0LXRlc3Q=",
    )
    service = assemble(settings)
    try:
        return Furnished(await furnish(service), settings)
    finally:
        await service.close()


def on(url: str, database: str) -> str:
    """The address of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def furnish(service: Service) -> World:
    """Build the world and its cases in the service's database."""
    await service.store.ensure_buckets()
    await claim_buckets(service.database, service.store)
    world = await build_world(service.database)
    for role in (Role.MEDIATOR, Role.SUPERVISOR):
        world.for_commons[role] = await make_account(service.database, f"commons-{role}", role, tenant_id=COMMONS)
    for whose in Whose:
        await _add_cases(service, world, await _side(service.database, world, whose))
    await _add_report_of_a_mediator(service.database, world)
    return world


async def _side(database: Database, world: World, whose: Whose) -> _Side:
    roles = (Role.BUYER, Role.SELLER, Role.PLATFORM, Role.MEDIATOR, Role.REGULATOR)
    async with database.begin() as tx:
        actors = [await person_actor(tx, world.account(role, whose).person_id) for role in roles]
    return _Side(whose, *actors)


async def _add_cases(service: Service, world: World, side: _Side) -> None:
    database, whose = service.database, side.whose
    answered, disputed, drafted = [await _delivered(database, world, side, n) for n in (1, 2, 3)]
    async with database.begin() as tx:
        now = await tx.now()
        draft = await create_draft(tx, side.buyer, _told(drafted), now=now)
        world.add("draft", whose, draft.id)
        await _offered(tx, world, side, answered, now=now)
        await _disputed(tx, world, side, disputed, now=now)
    async with database.begin() as tx:
        now = await tx.now()
        case_id, batch_id = world.things["complaint", whose], world.things["batch", whose]
        await link_batch(tx, side.mediator, case_id, batch_id, now=now)
        await tx.flush()  # the link is counted
        signal = await evaluate_batch(tx, batch_id, now=now)
        assert signal is not None
        world.add("signal", whose, signal.id)
        report = await request_report(tx, side.regulator, NewReport(kind="batch_dossier", subject_id=batch_id), now=now)
        world.add("report", whose, report.id)
    await _add_money(database, world, side)
    await _add_photo(service, world, side)
    await _add_packing_photo(service, world, side)
    await _add_challenges(service.database, world, side)
    await _add_listing_photo(service, world, side)


async def _add_money(database: Database, world: World, side: _Side) -> None:
    """A payout of what an order brought, the capture of another, and a block that nobody has lifted."""
    whose, seller_id = side.whose, world.things["seller", side.whose]
    order_id = await _delivered(database, world, side, 4)
    async with database.begin() as tx:
        now = await tx.now()
        hold = await hold_by_reference(tx, order_id)
        assert hold is not None
        await escrow.waive_window(tx, side.buyer, hold.id, now=now)
        payout = await escrow.request_payout(tx, side.seller, seller_id, Money(100, "CNY"), now=now)
        world.add("payout", whose, payout.id)
        world.add("payout_block", whose, await escrow.block_payouts(tx, SYSTEM, seller_id, reason="review", now=now))
        captures = await payments_page(tx, SYSTEM, kind="capture")
        world.add("payment", whose, next(each.id for each in captures.rows if each.seller_id == seller_id))


async def _delivered(database: Database, world: World, side: _Side, number: int) -> UUID:
    """An order that was paid, shipped and delivered, with 480.00 CNY held."""
    whose = side.whose
    goods = Goods(world.things["product", whose], world.things["batch", whose])
    async with database.begin() as tx:
        tenant_id, seller_id = world.tenant_ids[whose], world.things["seller", whose]
        order_id = await place(tx, side.platform, tenant_id, seller_id, goods, f"CASE-{number}-{whose}")
    await claim(database, side.platform, side.buyer, order_id)
    await pay(database, side.platform, order_id)
    await ship(database, side.seller, order_id, goods.batch_id, f"CASE-{number}-{whose}")
    await deliver(database, order_id)
    return order_id


def _told(order_id: UUID) -> NewComplaint:
    return NewComplaint(
        order_id=order_id, kind="not_as_described", harm="none", narrative=STORY, wanted="refund", lot_text="LOT-1"
    )


async def _submitted(tx: Tx, side: _Side, order_id: UUID, *, now: datetime) -> UUID:
    case = await create_draft(tx, side.buyer, _told(order_id), now=now)
    await tx.flush()  # what is sent was stored
    await submit(tx, side.buyer, case.id, now=now)
    await tx.flush()  # the seller answers what was sent
    return case.id


async def _offered(tx: Tx, world: World, side: _Side, order_id: UUID, *, now: datetime) -> None:
    case_id = await _submitted(tx, side, order_id, now=now)
    offer = NewOffer("part_refund", MoneyView(10_000, "CNY"))
    case = await answer(tx, side.seller, case_id, NewAnswer("offer", offer=offer), now=now)
    await tx.flush()  # the offer is read back
    world.add("complaint", side.whose, case.id)
    found = await open_offer(tx, case.id)
    assert found is not None
    world.add("offer", side.whose, found.id)


async def _disputed(tx: Tx, world: World, side: _Side, order_id: UUID, *, now: datetime) -> None:
    case_id = await _submitted(tx, side, order_id, now=now)
    await answer(tx, side.seller, case_id, NewAnswer("refuse", "The seal was intact."), now=now)
    await tx.flush()  # what was refused can be escalated
    dispute = await escalate(tx, side.buyer, case_id, now=now)
    await tx.flush()  # the mediator takes a stored dispute
    await assign(tx, side.mediator, dispute.id, None, now=now)
    world.add("dispute", side.whose, dispute.id)


async def _add_photo(service: Service, world: World, side: _Side) -> None:
    case_id = world.things["complaint", side.whose]
    key = await evidence.open_case(service.database, side.buyer, case_id, ring=service.ring, new=1)
    received = await evidence.receive_all(service.store, service.workshop, key, [BytesIO(photo())])
    async with service.database.begin() as tx:
        await evidence.attach(tx, side.buyer, case_id, received, retention_days=1, now=await tx.now())
        file_ids = [each.file_id for each in (await get_complaint(tx, side.buyer, case_id)).evidence]
    world.add("file", side.whose, file_ids[0])
    await _add_reading(service.database, world, side, case_id, file_ids[0])
    await _add_form(service, world, side, case_id)


async def _add_reading(database: Database, world: World, side: _Side, case_id: UUID, file_id: UUID) -> None:
    """A lot code that was read on the photo, and that nobody has taken over."""
    async with database.begin() as tx:
        now, case = await tx.now(), await tx.get_one(Complaint, case_id)
        of = {"tenant_id": case.tenant_id, "complaint_id": case_id}
        tx.add(PhotoReading(file_id=file_id, engine="test", width_px=8, height_px=8, others=[], at=now, **of))
        await tx.flush()  # the reading is of the photo's
        reading = Reading(
            id=new_id(), file_id=file_id, kind="lot", value="LOT-1", text="LOT LOT-1", source="ocr",
            confidence_percent=90, is_ambiguous=False, region=[{"x": 0, "y": 0}], **of,
        )  # fmt: skip
        tx.add(reading)
        world.add("reading", side.whose, reading.id)


async def _add_listing_photo(service: Service, world: World, side: _Side) -> None:
    batch_id = world.things["batch", side.whose]
    key = await photos.open_case(service.database, side.seller, batch_id, ring=service.ring, new=1)
    received = await receive_photos(service.store, service.workshop, key, [BytesIO(photo())])
    async with service.database.begin() as tx:
        (file_id,) = await photos.attach(tx, side.seller, batch_id, received, retention_days=1, now=await tx.now())
    world.add("listing_photo", side.whose, file_id)


async def _add_packing_photo(service: Service, world: World, side: _Side) -> None:
    order_id = world.things["order", side.whose]
    key = await packing.open_order(service.database, side.seller, order_id, ring=service.ring, new=1)
    received = await receive_photos(service.store, service.workshop, key, [BytesIO(photo())])
    async with service.database.begin() as tx:
        await packing.attach(tx, side.seller, order_id, received, retention_days=1, now=await tx.now())
    world.add("packing_photo", side.whose, received[0].id)


async def _add_challenges(database: Database, world: World, side: _Side) -> None:
    """A photo asked of each side of the case, which nobody has opened."""
    case_id = world.things["complaint", side.whose]
    async with database.begin() as tx:
        now = await tx.now()
        for asked, kind in (("buyer", "challenge"), ("seller", "challenge_of_seller")):
            made = await challenges.ask(tx, side.mediator, case_id, NewChallenge(asked, "The label."), now=now)  # type: ignore[arg-type]  # one of its words
            world.add(kind, side.whose, made.id)


async def _add_form(service: Service, world: World, side: _Side, case_id: UUID) -> None:
    """A form by which the buyer may bring a file, and has brought none."""
    desk = evidence.Desk(service.database, service.store, service.workshop, service.ring, service.settings)
    prepared = await uploads.prepare_form(desk, side.buyer, case_id, Promise())
    async with service.database.begin() as tx:
        opened = await uploads.open_form(tx, side.buyer, case_id, prepared, ring=service.ring, now=await tx.now())
    world.add("upload", side.whose, opened.id)


async def _add_report_of_a_mediator(database: Database, world: World) -> None:
    for role, account in world.for_commons.items():
        async with database.begin() as tx:
            actor = await person_actor(tx, account.person_id)
            data = NewReport(kind="batch_dossier", subject_id=world.things["batch", Whose.OWN])
            report = await request_report(tx, actor, data, now=await tx.now())
            world.add(f"report_of_{role}", Whose.OWN, report.id)


def photo() -> bytes:
    """A small PNG."""
    out = BytesIO()
    Image.new("RGB", (8, 8), (220, 30, 30)).save(out, "PNG")
    return out.getvalue()
