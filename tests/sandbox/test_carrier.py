"""The carrier over real HTTP: records that anybody may check."""

import json
from datetime import timedelta

import msgspec
import pytest

from service.core.errors import Unauthenticated
from service.core.signatures import verify_message, verify_record
from service.core.wire import DeliveryRecord, ParcelRequest, ParcelStatus, SignedDelivery, encode, format_instant
from tests.sandbox.running import NOW, SECRET, Listener, Sandbox

PARCELS = "/carrier/v1/parcels"
LATER = NOW + timedelta(days=2)


def test_a_delivered_parcel_has_a_record_that_the_public_key_verifies(sandbox: Sandbox, listener: Listener) -> None:
    handed = sandbox.call("POST", PARCELS, encode(ParcelRequest("SB-1", "浙江 310000")))
    assert (handed.status_code, handed.json()["record"]["status"]) == (201, "accepted")
    assert sandbox.call("POST", f"{PARCELS}/SB-1/delivery", b"{}", now=LATER).status_code == 200
    body = sandbox.http.get(f"{PARCELS}/SB-1").content  # unsigned: anybody may ask
    keys = {key["key_id"]: key["public_key"] for key in sandbox.http.get("/carrier/v1/keys").json()}
    assert verify_record(msgspec.json.decode(body, type=SignedDelivery), keys) == DeliveryRecord(
        carrier="sandbox",
        tracking_number="SB-1",
        status=ParcelStatus.DELIVERED,
        created_at=format_instant(NOW),
        delivered_at=format_instant(LATER),
        destination_area="浙江 310000",
    )
    for before, after in ((b"SB-1", b"SB-2"), (b"310000", b"310001"), (b"2031-05-04", b"2031-05-03")):
        changed = msgspec.json.decode(body.replace(before, after, 1), type=SignedDelivery)
        with pytest.raises(Unauthenticated):
            verify_record(changed, keys)
    (heard,) = listener.wait_for(1)
    assert heard.path == "/api/v1/inbound/carriers/sandbox"
    assert json.loads(heard.body) == json.loads(body)
    assert "webhook-signature" not in heard.headers
    assert heard.headers["webhook-id"].startswith("nt_")
    with pytest.raises(Unauthenticated):
        verify_message(SECRET, heard.headers, heard.body, now=LATER)


def test_a_parcel_is_handed_over_and_delivered_once(sandbox: Sandbox, listener: Listener) -> None:
    parcel = encode(ParcelRequest("SB-1", "310000"))
    answers = [sandbox.call("POST", PARCELS, parcel), sandbox.call("POST", PARCELS, parcel, now=LATER)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    taken = sandbox.call("POST", PARCELS, encode(ParcelRequest("SB-1", "200000")))
    assert (taken.status_code, taken.json()["code"]) == (409, "tracking_number_taken")
    delivered = [sandbox.call("POST", f"{PARCELS}/SB-1/delivery", now=NOW + timedelta(n)).json() for n in (1, 2)]
    assert delivered[0] == delivered[1]
    sandbox.call("POST", PARCELS, encode(ParcelRequest("SB-2", "310000")))
    sandbox.call("POST", f"{PARCELS}/SB-2/delivery")
    assert sorted(h.json["record"]["tracking_number"] for h in listener.wait_for(2)) == ["SB-1", "SB-2"]


def test_an_old_parcel_may_be_tried_but_not_one_from_the_future(sandbox: Sandbox) -> None:
    old = format_instant(NOW - timedelta(days=30))
    handed = sandbox.call("POST", PARCELS, encode(ParcelRequest("SB-1", "310000", old)))
    assert handed.json()["record"]["created_at"] == old
    future = encode(ParcelRequest("SB-2", "310000", format_instant(LATER)))
    answer = sandbox.call("POST", PARCELS, future)
    assert (answer.status_code, answer.json()["code"]) == (422, "created_in_future")
    assert sandbox.http.get(f"{PARCELS}/SB-2").status_code == 404


def test_unsigned_and_wrong_parcels_are_refused(sandbox: Sandbox) -> None:
    assert sandbox.http.post(PARCELS, content=encode(ParcelRequest("SB-1", "310000"))).status_code == 401
    for number in ("", "S B", "x" * 41, "包裹"):
        assert sandbox.call("POST", PARCELS, encode(ParcelRequest(number, "310000"))).status_code == 422
    assert sandbox.call("POST", PARCELS, encode(ParcelRequest("SB-1", ""))).status_code == 422
    unknown = sandbox.call("POST", f"{PARCELS}/SB-1/delivery")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "parcel_unknown")
    sandbox.switch("carrier", down=True)
    assert sandbox.http.get(f"{PARCELS}/SB-1").status_code == 503
