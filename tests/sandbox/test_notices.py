"""Notices reach a listener: signed, in doubles, in the wrong order, and after a kill."""

import contextlib
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from service.core.errors import Unauthenticated
from service.core.signatures import verify_message
from service.core.wire import FAIRHOLD_NOW, Kind, format_instant
from service.sandbox.app import PROVIDER_FILE
from tests.sandbox.running import NOW, SECRET, Listener, Sandbox, capture, payout, wait_until


def test_a_notice_is_signed_as_of_fairholds_time(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.ask(Kind.CAPTURE, capture())
    (heard,) = listener.wait_for(1)
    assert heard.path == "/api/v1/inbound/gateway"
    assert verify_message(SECRET, heard.headers, heard.body, now=NOW) == heard.json["id"]
    assert heard.json == {
        "id": heard.json["id"],
        "kind": "capture",
        "client_id": "cap-1",
        "state": "done",
        "amount_minor": 36_000,
        "currency": "CNY",
        "at": format_instant(NOW),
        "reason": None,
    }
    with pytest.raises(Unauthenticated):
        verify_message(SECRET, heard.headers, heard.body, now=NOW + timedelta(hours=1))


def test_duplicates_come_twice_under_the_same_id(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.switch(duplicate_notices=True)
    sandbox.ask(Kind.CAPTURE, capture())
    first, second = listener.wait_for(2)
    assert first.json["id"] == second.json["id"] == first.headers["webhook-id"]
    assert first.body == second.body
    sandbox.switch()
    sandbox.ask(Kind.CAPTURE, capture("cap-2"))
    assert [heard.json["client_id"] for heard in listener.wait_for(3)] == ["cap-1", "cap-1", "cap-2"]


def test_reordering_tells_the_end_before_the_beginning(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.switch(reorder_notices=True, delay_ms=100)
    sandbox.ask(Kind.CAPTURE, capture())
    assert [heard.json["state"] for heard in listener.wait_for(2)] == ["done", "pending"]


def test_a_lone_notice_is_sent_though_reordering_waits_for_company(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.switch(reorder_notices=True)
    sandbox.ask(Kind.CAPTURE, capture())
    assert listener.wait_for(1)[0].json["state"] == "done"


def test_a_dropped_notice_never_comes_and_the_status_still_tells(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.switch(drop_notices=True)
    sandbox.ask(Kind.CAPTURE, capture())
    with contextlib.closing(sqlite3.connect(sandbox.folder / PROVIDER_FILE)) as books:
        wait_until(lambda: books.execute("SELECT count(*) FROM outbox").fetchone() == (0,))
    assert sandbox.status(Kind.CAPTURE, "cap-1").json()["state"] == "done"
    sandbox.switch()
    sandbox.ask(Kind.PAYOUT, payout("pay-1", 5))
    assert [heard.json["client_id"] for heard in listener.wait_for(1)] == ["pay-1"]


def test_a_refused_notice_is_sent_again_under_the_same_id(sandbox: Sandbox, listener: Listener) -> None:
    listener.answers = [(500, {}), (302, {"location": "/elsewhere"}), (503, {})]
    sandbox.ask(Kind.CAPTURE, capture())
    heard = listener.wait_for(4)
    assert {each.path for each in heard} == {"/api/v1/inbound/gateway"}
    assert len({each.headers["webhook-id"] for each in heard}) == 1


def test_a_stale_sender_takes_fairholds_time_from_the_refusal(sandbox: Sandbox, listener: Listener) -> None:
    later = NOW + timedelta(days=11)
    listener.answers = [(401, {FAIRHOLD_NOW: format_instant(later)})]
    sandbox.ask(Kind.CAPTURE, capture())
    first, second = listener.wait_for(2)
    assert verify_message(SECRET, second.headers, second.body, now=later) == first.headers["webhook-id"]


def test_a_killed_sandbox_keeps_its_books_and_sends_what_was_waiting(tmp_path: Path, listener: Listener) -> None:
    listener.close()
    again = Listener()
    sandbox = Sandbox(tmp_path / "kept", listener.url)
    try:
        key = sandbox.http.get("/carrier/v1/keys").json()
        sandbox.switch("carrier", delay_ms=7)
        sandbox.switch(delay_ms=600_000)
        pending = sandbox.ask(Kind.CAPTURE, capture("cap-2")).json()
        sandbox.switch(refuse_next=1)
        failed = sandbox.ask(Kind.CAPTURE, capture()).json()
        sandbox.kill()
        sandbox.callback_base_url = again.url
        sandbox.start()
        told = {(heard.json["client_id"], heard.json["state"]) for heard in again.wait_for(2)}
        assert told == {("cap-2", "pending"), ("cap-1", "failed")}
        assert sandbox.ask(Kind.CAPTURE, capture()).json() == failed
        assert sandbox.status(Kind.CAPTURE, "cap-2").json() == pending
        assert sandbox.call("GET", "/carrier/v1/switches").json()["delay_ms"] == 7
        assert sandbox.call("GET", "/provider/v1/switches").json()["refuse_next"] == 0
        assert sandbox.http.get("/carrier/v1/keys").json() == key
    finally:
        sandbox.close()
        again.close()


@pytest.mark.parametrize("switch", ["forge_notices", "stale_notices"])
def test_forged_and_stale_notices_fail_the_check_until_the_switch_is_off(
    sandbox: Sandbox, listener: Listener, switch: str
) -> None:
    listener.answers = [(401, {})]
    sandbox.switch("provider", **{switch: True})
    sandbox.ask(Kind.CAPTURE, capture())
    (wrong,) = listener.wait_for(1)
    with pytest.raises(Unauthenticated) as raised:
        verify_message(SECRET, wrong.headers, wrong.body, now=NOW)
    assert raised.value.code == {"forge_notices": "signature_wrong", "stale_notices": "signature_stale"}[switch]
    sandbox.switch()
    right = listener.wait_for(2)[-1]
    assert verify_message(SECRET, right.headers, right.body, now=NOW) == wrong.headers["webhook-id"]


def test_a_wrong_notice_is_rightly_signed_and_says_another_amount(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.switch(wrong_notices=True)
    sandbox.ask(Kind.CAPTURE, capture())
    (heard,) = listener.wait_for(1)
    assert verify_message(SECRET, heard.headers, heard.body, now=NOW) == heard.json["id"]
    assert heard.json["amount_minor"] == 36_001
