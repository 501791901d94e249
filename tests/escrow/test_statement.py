"""The provider's statement against our books: every kind of operation and chargebacks, both ways."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from service.core.ids import new_id
from service.core.money import Money
from service.core.wire import Kind
from service.escrow import actions
from service.escrow.actions.notices import apply_notice
from service.escrow.gateway import HttpGateway
from service.escrow.guarding import reconcile_ledger
from service.escrow.statement import read_statement
from tests.conftest import Clock, DatabaseUrls
from tests.escrow.asking import carry_out
from tests.escrow.moves import OPERATOR, Moves
from tests.escrow.sealed import superuser
from tests.escrow.test_guarding import alerts
from tests.escrow.world import World
from tests.sandbox.running import SECRET, Sandbox, capture

NAME = "cb_1"


class Books:
    """Ours and the provider's. Its notices reach nobody: what it did we know only if the test says so."""

    def __init__(self, world: World, sandbox: Sandbox, gateway: HttpGateway) -> None:
        self.world, self.sandbox, self.gateway = world, sandbox, gateway
        self.moves = Moves(world)

    async def captured(self, amount_minor: int = 10_000) -> UUID:
        """Let the provider capture a payment, and release its hold to the seller; return the capture."""
        payment_id = await self.world.request(Money(amount_minor, "CNY"), batch_id=self.world.batch_id)
        await self.carry_out(payment_id)
        await self.world.deliver(await self.world.value("SELECT id FROM hold WHERE payment_id = :id", id=payment_id))
        return payment_id

    async def carry_out(self, payment_id: UUID) -> None:
        assert await carry_out(self.world, self.gateway, payment_id) == "done"

    async def bank_takes(self, capture_id: UUID | str, amount_minor: int, name: str = NAME) -> None:
        """Let the payer's bank take money back at the provider."""
        body = json.dumps({"chargeback": name, "amount_minor": amount_minor, "reason": "not_received"}).encode()
        path = f"/provider/v1/captures/{capture_id}/chargebacks"
        answer = self.sandbox.call("POST", path, body, now=await self.world.value("SELECT fairhold_now()"))
        assert answer.status_code == 201, answer.text

    async def broken(self) -> Mapping[str, Any]:
        """Reconcile; return the broken rules, each with how often."""
        await reconcile_ledger({}, database=self.world.database, gateway=self.gateway)
        live = await alerts(self.world)
        assert set(live) <= {"reconciliation_failed"}
        return dict(live["reconciliation_failed"].facts["rules"]) if live else {}

    async def lines(self) -> list[tuple[str, str, int]]:
        found = await self.world.value(
            "SELECT coalesce(jsonb_agg(jsonb_build_array(kind, state, amount_minor) ORDER BY position), '[]')"
            " FROM statement_line"
        )
        return [tuple(each) for each in found]


@pytest.fixture
def books(world: World, sandbox: Sandbox, gateway: HttpGateway) -> Books:
    return Books(world, sandbox, gateway)


async def test_every_kind_of_operation_is_on_the_statement_and_in_our_books(books: Books) -> None:
    moves, world = books.moves, books.world
    first, second = await books.captured(), await books.captured(4_000)
    await world.waive(await world.value("SELECT id FROM hold WHERE payment_id = :id", id=first))
    async with world.database.begin() as tx:
        deposit = await actions.request_deposit(tx, OPERATOR, world.seller_id, Money(5_000, "CNY"), now=await tx.now())
    await books.carry_out(deposit.id)
    await books.carry_out(await moves.withdraw(2_000))
    await books.carry_out(await moves.pay_out(3_000))
    hold_id = await world.value("SELECT id FROM hold WHERE payment_id = :id", id=second)
    source_id = new_id()
    await world.settle(await world.claim(hold_id, 1_500, source_id), 1_500, source_id)
    await books.carry_out(await world.value("SELECT id FROM payment WHERE kind = 'refund'"))
    await books.bank_takes(second, 700)
    assert await moves.charge_back(second, 700, name=NAME) == "applied"
    assert await books.broken() == {}
    assert sorted(await books.lines()) == [
        ("capture", "done", 4_000),
        ("capture", "done", 5_000),
        ("capture", "done", 10_000),
        ("chargeback", "done", 700),
        ("payout", "done", 2_000),
        ("payout", "done", 3_000),
        ("refund", "done", 1_500),
    ]
    for kind in ("capture", "deposit", "deposit_return", "payout", "refund"):
        assert await world.value("SELECT count(*) FROM payment WHERE kind = :kind AND state = 'done'", kind=kind) >= 1


async def test_a_chargeback_that_only_the_provider_knows_may_be_on_its_way_for_a_day(
    books: Books, clock: Clock
) -> None:
    capture_id = await books.captured()
    await books.bank_takes(capture_id, 2_500)
    assert await books.broken() == {}
    clock.forward(timedelta(hours=23))
    assert await books.broken() == {}
    clock.forward(timedelta(hours=2))
    assert await books.broken() == {"statement_is_in_chargebacks": 1}
    await books.moves.charge_back(capture_id, 2_500, name=NAME)
    assert await books.broken() == {}


async def queued(world: World) -> list[str]:
    found = await world.value(
        "SELECT coalesce(jsonb_agg(args ->> 'notice_id' ORDER BY id), '[]') FROM procrastinate_jobs"
        " WHERE task_name = 'escrow.apply_notice'"
    )
    return list(found)


@pytest.mark.parametrize("is_told_late", [False, True])
async def test_a_chargeback_whose_notice_was_lost_is_applied_from_the_statement_once(
    books: Books, is_told_late: bool
) -> None:
    world, capture_id = books.world, await books.captured()
    await books.bank_takes(capture_id, 2_500)
    for _ in range(2):
        assert await books.broken() == {}
    assert await queued(world) == [f"statement:{NAME}"]
    if is_told_late:
        assert await books.moves.charge_back(capture_id, 2_500, name=NAME) == "applied"
    for _ in range(2):
        async with world.database.begin() as tx:
            await apply_notice(tx, f"statement:{NAME}", now=await tx.now())
    outcome = "no_change" if is_told_late else "applied"
    assert await world.value("SELECT array_agg(outcome) FROM gateway_notice") == [outcome]
    assert await world.value("SELECT array_agg(reason) FROM chargeback") == ["not_received"]
    assert await world.balances() == {"gateway": -7_500, "held": 7_500}
    assert await books.broken() == {}


async def test_a_line_that_fits_nothing_of_ours_or_that_we_know_is_not_applied(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = str(await books.captured())
    await books.moves.charge_back(known, 2_500, name=NAME)
    lines: list[dict[str, Any]] = [
        {"client_id": known},  # we know its name
        {"client_id": "nobody", "chargeback": "cb_2"},
        {"client_id": str(new_id()), "chargeback": "cb_3"},
        {"client_id": known, "chargeback": "cb_4", "currency": "EUR"},
        {"client_id": known, "chargeback": "cb_5", "amount_minor": 10_001},
        {"client_id": known, "chargeback": "cb_6", "amount_minor": 0},
    ]
    page = {"lines": [], "last": 9, "chargebacks": [LINE | each for each in lines]}
    told = saying(page, monkeypatch)
    assert await read_statement(books.world.database, told)
    assert await queued(books.world) == []
    assert await books.world.value("SELECT count(*) FROM gateway_notice") == 0
    await told.close()


async def test_a_chargeback_that_only_we_know_is_found_at_once(books: Books) -> None:
    capture_id = await books.captured()
    await books.moves.charge_back(capture_id, 2_500, name=NAME)
    assert await books.broken() == {"chargeback_is_on_statement": 1}
    await books.bank_takes(capture_id, 2_500)
    assert await books.broken() == {}


@pytest.mark.parametrize("theirs", [2_499, 2_501])
async def test_amounts_that_differ_are_found_from_both_sides_at_once(books: Books, theirs: int) -> None:
    capture_id = await books.captured()
    await books.bank_takes(capture_id, theirs)
    await books.moves.charge_back(capture_id, 2_500, name=NAME)
    assert await books.broken() == {"chargeback_is_on_statement": 1, "statement_is_in_chargebacks": 1}


async def test_a_chargeback_of_another_capture_is_not_ours(books: Books) -> None:
    ours, other = await books.captured(), await books.captured()
    await books.bank_takes(other, 2_500)
    await books.moves.charge_back(ours, 2_500, name=NAME)
    assert await books.broken() == {"chargeback_is_on_statement": 1, "statement_is_in_chargebacks": 1}


async def test_a_chargeback_of_a_strangers_capture_is_found_at_once(books: Books, sandbox: Sandbox) -> None:
    sandbox.ask(Kind.CAPTURE, capture("stranger"), now=await books.world.value("SELECT fairhold_now()"))
    await books.bank_takes("stranger", 100)
    assert await books.broken() == {"statement_is_in_payments": 1, "statement_is_in_chargebacks": 1}


async def test_the_same_chargeback_twice_on_the_statement_is_found(books: Books, urls: DatabaseUrls) -> None:
    capture_id = await books.captured()
    for name in (NAME, "cb_2"):
        await books.bank_takes(capture_id, 1_000, name)
        await books.moves.charge_back(capture_id, 1_000, name=name)
    assert await books.broken() == {}
    with superuser(urls.admin) as admin:
        admin.execute(
            "INSERT INTO statement_line SELECT position + 100, client_id, provider_id, kind, state, currency,"
            " amount_minor, ended_at, read_at FROM statement_line WHERE provider_id = 'cb_2'"
        )
    assert await books.broken() == {"statement_has_each_once": 1}


async def test_what_breaks_a_chargeback_stops_paying_and_a_clean_run_lets_it_go_on(books: Books) -> None:
    capture_id = await books.captured()
    await books.moves.charge_back(capture_id, 2_500, name=NAME)
    assert await books.broken() == {"chargeback_is_on_statement": 1}
    assert (await alerts(books.world))["reconciliation_failed"].stops_sweep
    await books.bank_takes(capture_id, 2_500)
    await books.broken()
    assert await alerts(books.world) == {}


async def test_chargebacks_are_read_over_pages_once_each(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.escrow.gateway.LINES_PAGE_MAX", 2)
    for number in range(3):
        capture_id = await books.captured()
        await books.bank_takes(capture_id, 100 + number, f"cb_{number}")
        await books.moves.charge_back(capture_id, 100 + number, name=f"cb_{number}")
    for _ in range(2):
        assert await books.broken() == {}
        assert [amount for kind, _, amount in await books.lines() if kind == "chargeback"] == [100, 101, 102]


class Told:
    """A provider whose statement is one page that the test wrote."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def __call__(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=self.page)


def saying(page: Any, monkeypatch: pytest.MonkeyPatch) -> HttpGateway:
    made = HttpGateway("http://127.0.0.1:9/provider", SECRET)
    monkeypatch.setattr(made, "_client", httpx.AsyncClient(transport=httpx.MockTransport(Told(page))))
    return made


async def test_a_provider_that_lists_no_chargebacks_is_not_asked_about_ours(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture_id = await books.captured()
    await books.moves.charge_back(capture_id, 2_500, name=NAME)
    whole = books.sandbox.call("GET", "/provider/v1/lines", now=await books.world.value("SELECT fairhold_now()")).json()
    del whole["chargebacks"]
    older = saying(whole, monkeypatch)
    assert await read_statement(books.world.database, older)
    books.gateway, kept = older, books.gateway
    monkeypatch.setattr(older, "_client", httpx.AsyncClient(transport=httpx.MockTransport(Told({"lines": []}))))
    assert await books.broken() == {}
    books.gateway = kept
    assert await books.broken() == {"chargeback_is_on_statement": 1}
    await older.close()


LINE = {
    "chargeback": "cb_1", "client_id": "x", "amount_minor": 1, "currency": "CNY", "reason": "fraud",
    "at": "2026-11-22T08:00:00.000000Z",
}  # fmt: skip


@pytest.mark.parametrize(
    "change", [{"at": "yesterday"}, {"amount_minor": 10**19}, {"amount_minor": "1"}, {"chargeback": None}]
)
async def test_a_page_with_a_line_that_says_nothing_sensible_is_not_read(
    books: Books, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    wrong = saying({"lines": [], "last": 1, "chargebacks": [LINE | change]}, monkeypatch)
    assert not await read_statement(books.world.database, wrong)
    assert await books.lines() == []
    right = saying({"lines": [], "last": 1, "chargebacks": [LINE]}, monkeypatch)
    assert await read_statement(books.world.database, right)
    assert await books.lines() == [("chargeback", "done", 1)]
    await wrong.close()
    await right.close()
