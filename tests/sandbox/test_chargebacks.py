"""The sandbox raises a chargeback: a signed notice, once for each name, never above what was captured."""

import sqlite3
from contextlib import closing
from typing import Any

import httpx

from service.core.wire import Kind, format_instant
from service.sandbox.app import PROVIDER_FILE
from tests.sandbox.running import NOW, Listener, Sandbox, capture, refund


def charge_back(sandbox: Sandbox, client_id: str, body: str) -> httpx.Response:
    return sandbox.call("POST", f"/provider/v1/captures/{client_id}/chargebacks", body.encode())


def told_of(listener: Listener, count: int) -> list[dict[str, Any]]:
    return [heard.json for heard in listener.wait_for(count) if heard.json["kind"] == "chargeback"]


def test_a_chargeback_is_told_once_for_each_name(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.ask(Kind.CAPTURE, capture())
    for _ in range(2):
        answer = charge_back(sandbox, "cap-1", '{"chargeback": "cb-1", "amount_minor": 12000, "reason": "fraud"}')
        assert answer.status_code == 201, answer.text
    assert charge_back(sandbox, "cap-1", '{"chargeback": "cb-2", "amount_minor": 1}').status_code == 201
    told = told_of(listener, 3)
    assert [(each["chargeback"], each["client_id"], each["amount_minor"], each["currency"]) for each in told] == [
        ("cb-1", "cap-1", 12_000, "CNY"),
        ("cb-2", "cap-1", 1, "CNY"),
    ]
    assert {heard.headers["webhook-id"] for heard in listener.heard} >= {each["id"] for each in told}


def test_more_than_was_captured_or_an_unknown_capture_is_refused(sandbox: Sandbox) -> None:
    sandbox.ask(Kind.CAPTURE, capture())
    sandbox.ask(Kind.REFUND, refund("ref-1", 6_000))
    assert charge_back(sandbox, "cap-1", '{"chargeback": "a", "amount_minor": 36001}').status_code == 422
    assert charge_back(sandbox, "cap-2", '{"chargeback": "b", "amount_minor": 1}').status_code == 404
    assert charge_back(sandbox, "ref-1", '{"chargeback": "c", "amount_minor": 1}').status_code == 404
    assert charge_back(sandbox, "cap-1", '{"chargeback": "d", "amount_minor": 0}').status_code == 422
    assert charge_back(sandbox, "cap-1", '{"chargeback": "e", "amount_minor": 20000}').status_code == 201
    assert charge_back(sandbox, "cap-1", '{"chargeback": "f", "amount_minor": 16001}').status_code == 422
    assert charge_back(sandbox, "cap-1", '{"chargeback": "g", "amount_minor": 16000}').status_code == 201


def test_what_was_charged_back_cannot_be_refunded_any_more(sandbox: Sandbox) -> None:
    sandbox.ask(Kind.CAPTURE, capture())
    charge_back(sandbox, "cap-1", '{"chargeback": "cb-1", "amount_minor": 30000}')
    refused = sandbox.ask(Kind.REFUND, refund("ref-1", 6_001)).json()
    assert (refused["state"], refused["reason"]) == ("failed", "more_than_captured")
    assert sandbox.ask(Kind.REFUND, refund("ref-2", 6_000)).json()["state"] == "done"


def page(sandbox: Sandbox, after: int = 0, limit: int = 500) -> dict[str, Any]:
    return dict(sandbox.call("GET", f"/provider/v1/lines?after={after}&limit={limit}").json())


def test_the_statement_lists_each_chargeback_once_among_the_operations(sandbox: Sandbox) -> None:
    sandbox.ask(Kind.CAPTURE, capture())
    for _ in range(2):
        charge_back(sandbox, "cap-1", '{"chargeback": "cb-1", "amount_minor": 12000, "reason": "fraud"}')
    sandbox.ask(Kind.REFUND, refund("ref-1", 6_000))
    charge_back(sandbox, "cap-1", '{"chargeback": "cb-2", "amount_minor": 1}')
    told = page(sandbox)
    assert told["chargebacks"] == [
        {"chargeback": name, "client_id": "cap-1", "amount_minor": amount, "currency": "CNY", "reason": "fraud",
         "at": format_instant(NOW)}
        for name, amount in (("cb-1", 12_000), ("cb-2", 1))
    ]  # fmt: skip
    assert [line["client_id"] for line in told["lines"]] == ["cap-1", "ref-1"]
    assert (told["next"], told["last"]) == (None, 4)
    pages: list[list[str]] = []
    after: int | None = 0
    while after is not None:
        found = page(sandbox, after, 1)
        pages.append([each.get("chargeback", each["client_id"]) for each in found["lines"] + found["chargebacks"]])
        assert found["last"] == len(pages)
        after = found["next"]
    assert pages == [["cap-1"], ["cb-1"], ["ref-1"], ["cb-2"]]
    assert page(sandbox, 4) == {"lines": [], "next": None, "last": None, "chargebacks": []}


def test_books_from_before_chargebacks_had_lines_get_them_at_the_end_once(sandbox: Sandbox) -> None:
    sandbox.ask(Kind.CAPTURE, capture())
    for name in ("cb-1", "cb-2"):
        charge_back(sandbox, "cap-1", f'{{"chargeback": "{name}", "amount_minor": 5}}')
    sandbox.ask(Kind.REFUND, refund("ref-1", 6_000))
    sandbox.kill()
    with closing(sqlite3.connect(sandbox.folder / PROVIDER_FILE)) as file, file:
        file.execute("DROP TABLE chargeback_line")
    for _ in range(2):
        sandbox.start()
        told = page(sandbox)
        assert [each["chargeback"] for each in told["chargebacks"]] == ["cb-1", "cb-2"]
        assert told["last"] == 6
        assert [each["chargeback"] for each in page(sandbox, 5)["chargebacks"]] == ["cb-2"]
        sandbox.kill()
    sandbox.start()
