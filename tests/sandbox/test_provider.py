"""The provider over real HTTP: once per key, honest refusals, and failures on command."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from service.core.signatures import secret_from_bytes, sign_message
from service.core.wire import FAIRHOLD_NOW, Kind, encode, format_instant
from tests.sandbox.running import NOW, SECRET, Listener, Sandbox, capture, payout, refund, wait_until


def code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_the_same_key_twenty_times_at_once_is_one_capture(sandbox: Sandbox, listener: Listener) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: sandbox.ask(Kind.CAPTURE, capture()), range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    told = answers[0].json()
    stamp = format_instant(NOW)
    assert told == {
        "id": told["id"],
        "kind": "capture",
        "client_id": "cap-1",
        "state": "done",
        "amount_minor": 36_000,
        "currency": "CNY",
        "reference": "FH-7K3M-9QXT",
        "created_at": stamp,
        "at": stamp,
        "reason": None,
    }
    assert sandbox.lines() == [told]
    sandbox.ask(Kind.CAPTURE, capture("cap-2"))
    assert sorted(heard.json["client_id"] for heard in listener.wait_for(2)) == ["cap-1", "cap-2"]


def test_another_body_or_another_kind_under_the_same_key_is_refused_and_nothing_moves(sandbox: Sandbox) -> None:
    sandbox.ask(Kind.CAPTURE, capture())
    others = [
        replace(capture(), amount_minor=36_001),
        replace(capture(), currency="EUR"),
        replace(capture(), payer="b"),
    ]
    for other in others:
        assert code(sandbox.ask(Kind.CAPTURE, other)) == (422, "idempotency_key_reused")
    assert code(sandbox.ask(Kind.PAYOUT, payout("cap-1", 36_000))) == (422, "idempotency_key_reused")
    assert code(sandbox.ask(Kind.CAPTURE, capture("cap-2"), idempotency_key="cap-3")) == (
        422,
        "idempotency_key_differs",
    )
    assert [line["client_id"] for line in sandbox.lines()] == ["cap-1"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"amount_minor": 0}, "amount_out_of_range"),
        ({"amount_minor": -1}, "amount_out_of_range"),
        ({"amount_minor": 10**15 + 1}, "amount_out_of_range"),
        ({"amount_minor": 10**30}, "amount_out_of_range"),
        ({"amount_minor": 1.5}, "body_malformed"),
        ({"amount_minor": "5"}, "body_malformed"),
        ({"amount_minor": True}, "body_malformed"),
        ({"currency": "XXX"}, "currency_unknown"),
        ({"currency": "cny"}, "currency_unknown"),
        ({"payer": None}, "field_missing"),
        ({"payer": " "}, "field_missing"),
        ({"payee": "x"}, "field_unexpected"),
        ({"original": "x"}, "field_unexpected"),
        ({"reference": "x" * 201}, "field_too_long"),
        ({"client_id": "a/b"}, "client_id_malformed"),
        ({"client_id": "x" * 101}, "field_too_long"),
    ],
)
def test_a_wrong_field_is_refused(shared: Sandbox, change: dict[str, object], expected: str) -> None:
    body = json.loads(encode(capture("never"))) | change
    key = str(body["client_id"])
    answer = shared.call("POST", "/provider/v1/captures", json.dumps(body).encode(), idempotency_key=key)
    assert code(answer) == (422, expected)
    assert shared.lines() == []


def test_broken_bytes_and_unknown_things_have_honest_answers(shared: Sandbox) -> None:
    for body in (b"", b"{", b"[]", b"\xff", b'{"client_id":"\xff"}', b"null"):
        answer = shared.call("POST", "/provider/v1/captures", body, idempotency_key="x")
        assert code(answer) == (422, "body_malformed")
    assert code(shared.call("POST", "/provider/v1/captures", b" " * 20_000)) == (413, "body_too_large")
    assert code(shared.status(Kind.CAPTURE, "nobody")) == (404, "operation_unknown")
    assert code(shared.call("GET", "/provider/v1/charges/x")) == (404, "route_unknown")
    assert code(shared.call("DELETE", "/provider/v1/captures")) == (405, "method_not_allowed")
    assert code(shared.call("PUT", "/provider/v1/switches", b'{"delay_ms": -1}')) == (422, "body_malformed")
    assert code(shared.call("PUT", "/provider/v1/switches", b'{"explode": true}')) == (422, "body_malformed")
    assert code(shared.call("GET", "/provider/v1/lines?after=x")) == (400, "body_malformed")
    assert shared.call("GET", f"/provider/v1/lines?after={10**30}&limit=-1").json() == {
        "lines": [],
        "next": None,
        "last": None,
        "chargebacks": [],
    }
    assert shared.lines() == []


def test_a_forged_signature_is_refused_and_nothing_moves(shared: Sandbox) -> None:
    body = encode(capture())
    forged = sign_message(secret_from_bytes(b"x" * 32), "msg_1", body, now=NOW)
    answer = shared.call("POST", "/provider/v1/captures", body, idempotency_key="cap-1", headers=forged)
    assert code(answer) == (401, "signature_wrong")
    right = sign_message(SECRET, "msg_1", body, now=NOW)
    tampered = {**right, FAIRHOLD_NOW: format_instant(NOW), "idempotency-key": "cap-1"}
    answer = shared.http.post("/provider/v1/captures", content=body.replace(b"36000", b"36001"), headers=tampered)
    assert code(answer) == (401, "signature_wrong")
    assert code(shared.http.get("/provider/v1/lines")) == (401, "now_missing")
    assert code(shared.http.get("/provider/v1/lines", headers={FAIRHOLD_NOW: "x"})) == (422, "instant_malformed")
    unsigned = shared.http.get("/provider/v1/lines", headers={FAIRHOLD_NOW: format_instant(NOW)})
    assert code(unsigned) == (401, "signature_missing")
    assert shared.lines() == []


def test_a_stale_signature_is_judged_by_the_time_that_fairhold_names(shared: Sandbox) -> None:
    body = encode(capture("old"))
    old = sign_message(SECRET, "msg_1", body, now=NOW - timedelta(seconds=301))
    answer = shared.call("POST", "/provider/v1/captures", body, idempotency_key="old", headers=old)
    assert code(answer) == (401, "signature_stale")
    assert shared.lines() == []


def test_refunds_stop_at_the_captured_sum(sandbox: Sandbox) -> None:
    sandbox.ask(Kind.CAPTURE, capture())
    outcomes = [
        sandbox.ask(Kind.REFUND, refund("ref-1", 10_000)),
        sandbox.ask(Kind.REFUND, refund("ref-2", 26_001)),
        sandbox.ask(Kind.REFUND, refund("ref-3", 26_000)),
        sandbox.ask(Kind.REFUND, refund("ref-4", 1)),
        sandbox.ask(Kind.REFUND, refund("ref-5", 1, original="nobody")),
        sandbox.ask(Kind.REFUND, refund("ref-6", 1, original="ref-1")),
        sandbox.ask(Kind.REFUND, refund("ref-7", 1, currency="EUR")),
        sandbox.ask(Kind.REFUND, refund("ref-2", 26_001)),
    ]
    assert [(answer.json()["state"], answer.json()["reason"]) for answer in outcomes] == [
        ("done", None),
        ("failed", "more_than_captured"),
        ("done", None),
        ("failed", "more_than_captured"),
        ("failed", "original_unknown"),
        ("failed", "original_unknown"),
        ("failed", "currency_differs"),
        ("failed", "more_than_captured"),
    ]
    assert sum(each["amount_minor"] for each in sandbox.lines() if each["state"] == "done") == 36_000 + 36_000


def test_refunds_racing_for_the_same_capture_never_exceed_it(sandbox: Sandbox) -> None:
    sandbox.ask(Kind.CAPTURE, capture())
    with ThreadPoolExecutor(10) as pool:
        answers = pool.map(lambda n: sandbox.ask(Kind.REFUND, refund(f"ref-{n}", 9_000)).json()["state"], range(10))
    assert sorted(answers) == ["done"] * 4 + ["failed"] * 6


def test_a_refusal_on_command_is_for_ever_for_its_key(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.switch(refuse_next=1)
    assert sandbox.ask(Kind.CAPTURE, capture()).json()["reason"] == "refused"
    assert sandbox.ask(Kind.CAPTURE, capture()).json()["state"] == "failed"
    assert sandbox.ask(Kind.CAPTURE, capture("cap-2")).json()["state"] == "done"
    told = {(heard.json["client_id"], heard.json["state"], heard.json["reason"]) for heard in listener.wait_for(2)}
    assert told == {("cap-1", "failed", "refused"), ("cap-2", "done", None)}


def test_a_timeout_after_the_work_leaves_it_done(sandbox: Sandbox) -> None:
    sandbox.switch(time_out_after_work=1)
    with pytest.raises(httpx.ReadTimeout):
        sandbox.ask(Kind.CAPTURE, capture(), timeout_s=0.5)
    assert sandbox.status(Kind.CAPTURE, "cap-1").json()["state"] == "done"
    assert sandbox.ask(Kind.CAPTURE, capture()).json()["state"] == "done"
    assert len(sandbox.lines()) == 1


def test_delayed_work_is_pending_and_then_done(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.switch(delay_ms=300)
    first = sandbox.ask(Kind.CAPTURE, capture())
    assert (first.status_code, first.json()["state"]) == (202, "pending")
    early = sandbox.ask(Kind.REFUND, refund("ref-1", 1)).json()
    assert early["state"] == "pending"
    wait_until(lambda: len(sandbox.lines()) == 2)
    assert sandbox.status(Kind.CAPTURE, "cap-1").json()["state"] == "done"
    assert sandbox.status(Kind.REFUND, "ref-1").json()["reason"] == "original_not_done"
    told = {(heard.json["client_id"], heard.json["state"]) for heard in listener.wait_for(4)}
    assert told == {("cap-1", "pending"), ("cap-1", "done"), ("ref-1", "pending"), ("ref-1", "failed")}


def test_while_down_nothing_is_done_and_no_notice_leaves(sandbox: Sandbox, listener: Listener) -> None:
    sandbox.switch(down=True)
    assert code(sandbox.ask(Kind.CAPTURE, capture())) == (503, "down")
    assert code(sandbox.status(Kind.CAPTURE, "cap-1")) == (503, "down")
    sandbox.switch()
    assert code(sandbox.status(Kind.CAPTURE, "cap-1")) == (404, "operation_unknown")
    assert listener.heard == []


def test_the_statement_comes_in_pages(sandbox: Sandbox) -> None:
    for number in range(5):
        sandbox.ask(Kind.PAYOUT, payout(f"pay-{number}", 100 + number))
    seen: list[list[int]] = []
    after: int | None = 0
    while after is not None:
        page = sandbox.call("GET", f"/provider/v1/lines?after={after}&limit=2").json()
        seen.append([line["amount_minor"] for line in page["lines"]])
        after = page["next"]
    assert seen == [[100, 101], [102, 103], [104]]


def test_a_failure_before_the_work_does_nothing_and_one_after_it_has_done_it(
    sandbox: Sandbox, listener: Listener
) -> None:
    sandbox.switch(fail_next=1, fail_after_work=1)
    assert sandbox.ask(Kind.CAPTURE, capture()).status_code == 500
    assert code(sandbox.status(Kind.CAPTURE, "cap-1")) == (404, "operation_unknown")
    assert sandbox.ask(Kind.CAPTURE, capture()).status_code == 500
    assert sandbox.status(Kind.CAPTURE, "cap-1").json()["state"] == "done"
    assert [heard.json["client_id"] for heard in listener.wait_for(1)] == ["cap-1"]


def test_a_wrong_answer_names_another_operation_and_the_books_stay_right(sandbox: Sandbox) -> None:
    sandbox.switch(wrong_answers=2)
    assert sandbox.ask(Kind.CAPTURE, capture()).json()["client_id"] == "cap-1-other"
    assert sandbox.status(Kind.CAPTURE, "cap-1").json()["client_id"] == "cap-1-other"
    assert sandbox.status(Kind.CAPTURE, "cap-1").json()["client_id"] == "cap-1"
    assert [line["client_id"] for line in sandbox.lines()] == ["cap-1"]
