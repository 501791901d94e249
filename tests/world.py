"""A small world of two tenants that permission tests walk through: people by role, and things that are whose.

Every domain adds its things in a step of its own (`STEPS`): `world.add("order", Whose.OWN, order.id)` and so on. `OWN`
is what our people have to do with (our buyer's, our seller's, in our tenant), `OTHERS` belongs to other people in the
same tenant, `FOREIGN` to other people in the other tenant.
"""

import functools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from service.accounts.actions import create_api_key, create_person, create_tenant, grant_role
from service.accounts.identity import actor_for_person
from service.accounts.passwords import hash_password
from service.accounts.sign_in import start_session
from service.batches.actions import register_batch, register_product
from service.batches.schemas import NewBatch, NewProduct
from service.complaints.actions import answer, create_draft, submit
from service.complaints.evidence import attach
from service.complaints.schemas import NewAnswer, NewComplaint
from service.complaints.tables import Complaint, ComplaintEntry, Offer
from service.core.actor import COMMONS, SYSTEM, Actor, Role, SignIn
from service.core.ids import new_id
from service.core.money import Money
from service.db.schemas import MoneyView
from service.db.session import Database, Tx
from service.escrow import actions as escrow
from service.escrow.queries import hold_by_reference
from service.files.actions import erase_case_files, open_case_key
from service.files.intake import Derived, Received
from service.files.kinds import Kind
from service.files.sealing import KeyRing
from service.orders.actions import claim_order, issue_claim_code, place_order
from service.orders.schemas import NewOrder
from service.sellers.actions import register_seller
from service.sellers.schemas import NewSeller

PASSWORD = "correct horse battery staple"


class Whose(StrEnum):
    OWN = "own"
    OTHERS = "others"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in, by key and by session."""

    person_id: UUID
    email: str
    key_id: UUID
    key: str
    session_token: str

    @property
    def by_key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def by_session(self) -> dict[str, str]:
        return {"Cookie": f"fairhold_session={self.session_token}"}


@dataclass(slots=True)
class World:
    tenant_ids: dict[Whose, UUID] = field(default_factory=dict)
    accounts: dict[tuple[Role, Whose], Account] = field(default_factory=dict)
    things: dict[tuple[str, Whose], UUID] = field(default_factory=dict)
    for_commons: dict[Role, Account] = field(default_factory=dict)
    """Mediator and supervisor of `commons`, where signals are decided; only in the world of `furnished.py`."""

    def add(self, kind: str, whose: Whose, thing_id: UUID) -> None:
        self.things[kind, whose] = thing_id

    def account(self, role: Role, whose: Whose = Whose.OWN) -> Account:
        return self.accounts[role, whose]

    def thing(self, kind: str, whose: Whose, role: Role) -> UUID:
        """The id of a thing. A person or an API key is the caller's own for OWN, else a buyer's.

        `<kind>_of_<role>` is there where a thing is a role's own in another way than everybody else's.
        """
        if kind in {"person", "api_key"}:
            account = self.account(role if whose is Whose.OWN else Role.BUYER, whose)
            return account.person_id if kind == "person" else account.key_id
        return self.things.get((f"{kind}_of_{role}", whose), self.things[kind, whose])


@functools.cache
def _hash_cell() -> list[str]:
    return []


async def password_hash() -> str:
    """The hash of `PASSWORD`, made once in a test run."""
    cell = _hash_cell()
    if not cell:
        cell.append(await hash_password(PASSWORD))
    return cell[0]


async def make_person(tx: Tx, name: str, *, now: datetime) -> UUID:
    """Add somebody with the address `<name>@example.com` and `PASSWORD`."""
    email = f"{name}@example.com"
    person = await create_person(
        tx, email=email, name=name, language="en", password_hash=await password_hash(), now=now
    )
    return person.id


async def account_of(tx: Tx, person_id: UUID, name: str, tenant_id: UUID, *, now: datetime) -> Account:
    """Give somebody an API key and a session."""
    row, key = await create_api_key(tx, person_id, tenant_id, "test", now=now)
    signed = await start_session(tx, person_id, now=now)
    return Account(person_id, f"{name}@example.com", row.id, key, signed.token)


async def make_account(
    database: Database, name: str, *roles: Role, tenant_id: UUID = COMMONS, key_tenant_id: UUID | None = None
) -> Account:
    """Add somebody with roles (not seller) in one tenant, a key for it and a session; committed."""
    async with database.begin() as tx:
        now = await tx.now()
        person_id = await make_person(tx, name, now=now)
        for role in roles:
            await grant_role(tx, person_id, role, tenant_id, now=now)
        return await account_of(tx, person_id, name, key_tenant_id or tenant_id, now=now)


async def person_actor(tx: Tx, person_id: UUID, sign_in: SignIn = SignIn.SESSION) -> Actor:
    """Somebody as the actions take them."""
    actor = await actor_for_person(tx, person_id, sign_in=sign_in)
    assert actor is not None
    return actor


async def build_world(database: Database) -> World:
    """Make the world, one transaction a step; committed."""
    world = World()
    for step in STEPS:
        async with database.begin() as tx:
            await step(tx, world, await tx.now())
    return world


async def _add_tenants(tx: Tx, world: World, now: datetime) -> None:
    ours, theirs = await create_tenant(tx, "Ours", now=now), await create_tenant(tx, "Theirs", now=now)
    world.tenant_ids = {Whose.OWN: ours, Whose.OTHERS: ours, Whose.FOREIGN: theirs}


async def _add_people(tx: Tx, world: World, now: datetime) -> None:
    for whose in Whose:
        for role in Role:
            if role is Role.SELLER:
                continue
            name = f"{role}-{whose}"
            is_common = role in {Role.BUYER, Role.REGULATOR, Role.OPERATOR}
            tenant_id = COMMONS if is_common else world.tenant_ids[whose]
            person_id = await make_person(tx, name, now=now)
            grant = await grant_role(tx, person_id, role, tenant_id, now=now)
            world.add(f"{role}_person", whose, person_id)
            world.add(f"{role}_grant", whose, grant.id)
            world.accounts[role, whose] = await account_of(tx, person_id, name, tenant_id, now=now)


async def _add_sellers(tx: Tx, world: World, now: datetime) -> None:
    for whose in Whose:
        name = f"seller-{whose}"
        person_id = await make_person(tx, name, now=now)
        data = NewSeller(name=f"Shop {whose}", kind="shop", country="CN")
        seller = await register_seller(tx, await person_actor(tx, person_id), data, now=now)
        world.add("seller", whose, seller.id)
        world.accounts[Role.SELLER, whose] = await account_of(tx, person_id, name, COMMONS, now=now)


async def _add_batches(tx: Tx, world: World, now: datetime) -> None:
    for whose in Whose:
        actor = await person_actor(tx, world.account(Role.SELLER, whose).person_id)
        seller_id = world.things["seller", whose]
        named = NewProduct(seller_id=seller_id, category="cosmetics", brand=f"Brand {whose}", name_en=f"Mask {whose}")
        product = await register_product(tx, actor, named, now=now)
        await tx.flush()  # the batch refers to it
        batch = await register_batch(tx, actor, NewBatch(product_id=product.id, lot_code="LOT-1"), now=now)
        world.add("product", whose, product.id)
        world.add("batch", whose, batch.id)


async def _add_orders(tx: Tx, world: World, now: datetime) -> None:
    for whose in Whose:
        platform = await person_actor(tx, world.account(Role.PLATFORM, whose).person_id)
        order = await place_order(tx, platform, new_order(world, whose), secret="test", now=now)
        await tx.flush()  # the code is for a stored order
        code, _ = await issue_claim_code(tx, platform, order.id, now=now)
        await tx.flush()  # the code is looked up
        await claim_order(tx, await person_actor(tx, world.account(Role.BUYER, whose).person_id), code, now=now)
        world.add("order", whose, order.id)


async def _add_holds(tx: Tx, world: World, now: datetime) -> None:
    """Fund a hold for each seller, buyer and tenant, beside the orders, which stay unpaid."""
    for whose in Whose:
        reference_id = new_id()
        payment = await escrow.request_payment(
            tx,
            tenant_id=world.tenant_ids[whose],
            reference_id=reference_id,
            seller_id=world.things["seller", whose],
            buyer_id=world.account(Role.BUYER, whose).person_id,
            product_id=world.things["product", whose],
            batch_id=world.things["batch", whose],
            amount=Money(48000, "CNY"),
            fee_bps=300,
            now=now,
        )
        await tx.flush()  # the outcome is of a stored payment
        await escrow.record_outcome(tx, payment.id, state="done", now=now)
        hold = await hold_by_reference(tx, reference_id)
        assert hold is not None
        world.add("hold", whose, hold.id)


async def _add_complaints(tx: Tx, world: World, now: datetime) -> None:
    """Send a complaint about each order, refused, with an offer, and with a photo whose bytes were erased."""
    for whose in Whose:
        buyer = await person_actor(tx, world.account(Role.BUYER, whose).person_id)
        told = NewComplaint(
            order_id=world.things["order", whose], kind="damaged", harm="none", narrative="Torn.", wanted="none"
        )
        draft = await create_draft(tx, buyer, told, now=now)
        await tx.flush()  # the complaint is read again
        complaint = await submit(tx, buyer, draft.id, now=now)
        await tx.flush()  # the seller sees it now
        seller = await person_actor(tx, world.account(Role.SELLER, whose).person_id)
        await answer(tx, seller, complaint.id, NewAnswer(decision="refuse", text="It is whole."), now=now)
        world.add("complaint", whose, complaint.id)
        world.add("offer", whose, await _add_offer(tx, complaint, now=now))
        world.add("file", whose, await _add_file(tx, complaint, buyer, now=now))


async def _add_offer(tx: Tx, complaint: Complaint, *, now: datetime) -> UUID:
    """No money is claimed, so no use case would make this offer."""
    whole = {"tenant_id": complaint.tenant_id, "complaint_id": complaint.id}
    entry = ComplaintEntry(id=new_id(), kind="offer", side="seller", at=now, **whole)
    tx.add(entry)
    await tx.flush()  # the offer refers to it
    offer = Offer(
        id=new_id(), entry_id=entry.id, kind="refund", amount_minor=1, currency="CNY", status="open", made_at=now,
        expires_at=now + timedelta(days=7), **whole,
    )  # fmt: skip
    tx.add(offer)
    return offer.id


async def _add_file(tx: Tx, complaint: Complaint, buyer: Actor, *, now: datetime) -> UUID:
    """A file needs no S3 here: it was erased, so nobody who may read it gets further than that."""
    ring = KeyRing("a secret for tests only, long enough to pass")
    key = await open_case_key(tx, ring, tenant_id=complaint.tenant_id, case_id=complaint.id, now=now)
    file = Received(
        id=new_id(), tenant_id=complaint.tenant_id, case_key_id=key.id, object_name=f"none-{complaint.id}",
        kind=Kind.PNG, size_bytes=1, stored_size_bytes=2, sha256_plain=bytes(32), sha256_stored=bytes(32),
        derived=Derived(1, 1, bytes(32), bytes(32), bytes(32), 0), pages=None, put_at_monotonic=time.monotonic(),
    )  # fmt: skip
    await attach(tx, buyer, complaint.id, [file], retention_days=1, now=now)
    await erase_case_files(tx, SYSTEM, complaint.id, now=now)
    return file.id


def new_order(world: World, whose: Whose, platform_ref: str = "REF-1") -> NewOrder:
    """An order in the tenant, of the seller and for the product of `whose`."""
    return NewOrder(
        tenant_id=world.tenant_ids[whose],
        platform_ref=f"{platform_ref}-{whose}",
        seller_id=world.things["seller", whose],
        product_id=world.things["product", whose],
        batch_id=world.things["batch", whose],
        amount=MoneyView(48000, "CNY"),
    )


Step = Callable[[Tx, World, datetime], Awaitable[None]]
STEPS: list[Step] = [_add_tenants, _add_people, _add_sellers, _add_batches, _add_orders, _add_holds, _add_complaints]
