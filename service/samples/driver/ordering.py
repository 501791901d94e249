"""Step 2: orders from the platform to the open window, with a sandbox provider and carrier that are processes."""

from datetime import datetime
from typing import Any

import httpx
import msgspec

from service.core.errors import Unavailable
from service.core.ids import new_id
from service.core.signatures import sign_message
from service.core.wire import FAIRHOLD_NOW, PARCELS, SANDBOX_CARRIER, ParcelRequest, encode, format_instant
from service.samples.driver.stage import MAKER, Json, Person, Stage, Step, StepFailed, ensure_that, money
from service.samples.pictures import label_png

AREA = "330100"
PRICE_MINOR = 48_000


def order_and_deliver(stage: Stage, step: Step) -> None:
    """Place two orders; claim, pay, ship and deliver them."""
    known, buyer = stage.known, stage.person("buyer")
    first = place(stage, 1, batch_id=known.batch_id)
    second = place(stage, 2, batch_id=None)
    step.tell("order, batch known", first["platform_ref"], money(first["amount"]))
    step.tell("order, batch not known", second["platform_ref"], money(second["amount"]))
    known.claimed_order_id, known.quiet_order_id = first["id"], second["id"]
    for order in (first, second):
        code = claim(stage, buyer, order["id"])
        step.tell("buyer claims by code", code, f"{buyer.account.name} owns {order['platform_ref']}")
    for order in (first, second):
        held = pay(stage, order["id"])
        step.tell(
            "payment captured", held["hold"]["id"], f"{money(held['hold']['amount'])} held, {held['hold']['state']}"
        )
    pack(stage, step, first["id"])
    for number, order in ((1, first), (2, second)):
        shipped = ship(stage, number, order["id"])
        step.tell("shipped, batch named", shipped["tracking_number"], f"batch {known.lot}")
        ensure_that(shipped["batch_id"] == known.batch_id, "the shipped order names its batch")
        delivered = deliver(stage, shipped)
        ends = delivered["hold"]["window_ends_at"]
        step.tell("carrier's signed proof", delivered["tracking_number"], f"window open until {ends}")
        ensure_that(delivered["hold"]["state"] == "in_window" and ends is not None, "the window is open")
        step.facts |= {f"window_ends_at_{number}": ends, f"hold_id_{number}": delivered["hold"]["id"]}
    known.hold_id, known.quiet_hold_id = step.facts["hold_id_1"], step.facts["hold_id_2"]
    step.facts |= {"order_ids": [first["id"], second["id"]], "amount_minor": PRICE_MINOR}


def place(stage: Stage, number: int, *, batch_id: str | None, seller_id: str | None = None) -> Json:
    """Place an order of 480.00 CNY as the platform; each has a payer, device, address and contact of its own."""
    mark = f"{stage.run}-{number}"
    order: Json = stage.person("platform").post(
        "/orders",
        {
            "tenant_id": str(stage.tenant_id),
            "platform_ref": f"DEMO-{mark}",
            "seller_id": seller_id or stage.known.seller_id,
            "product_id": stage.known.product_id,
            "batch_id": batch_id,
            "amount": {"amount_minor": PRICE_MINOR, "currency": "CNY"},
            "units": 1,
            "destination_area": AREA,
            "payer": f"payer {mark}",
            "device": f"device {mark}",
            "address": f"{number} Lantern Street, {mark}",
            "contact": f"contact {mark}",
        },
    )
    return order


def claim(stage: Stage, buyer: Person, order_id: str) -> str:
    """Give the buyer the platform's code and let them claim the order; return the code."""
    code: str = stage.person("platform").post(f"/orders/{order_id}/claim-code")["code"]
    claimed = buyer.post("/orders/claims", {"code": code})
    ensure_that(claimed["id"] == order_id and claimed["is_claimed"], "the code made the order the buyer's")
    return code


def pay(stage: Stage, order_id: str) -> Json:
    """Ask for the payment, and return the order once the provider captured it into a hold."""
    platform = stage.person("platform")
    platform.post(f"/orders/{order_id}/payment")

    def held() -> Json | None:
        order: Json = platform.get(f"/orders/{order_id}")
        return order if order["status"] == "paid" and order["hold"] is not None else None

    return stage.wait("the provider captured the payment", held)


def pack(stage: Stage, step: Step, order_id: str) -> None:
    """Show, as the seller, what is packed, before the parcel leaves; its hash is what the shipment commits to."""
    files = [("files", ("packed.png", label_png("素芸补水面膜", stage.known.lot), "image/png"))]
    packed = stage.person(MAKER).post(f"/orders/{order_id}/packing-photos", files=files)
    ensure_that(packed["committed_at"] is None, "the order is packed before it is sent")
    stage.known.packed_sha256 = packed["photos"][0]["sha256"]
    step.tell("packing photo kept", stage.known.packed_sha256[:16] + "…", "sealed with the shipment's event")


def ship(stage: Stage, number: int, order_id: str) -> Json:
    """Hand the parcel to the sandbox carrier and record the shipment with its batch, as the platform."""
    tracking_number = f"SB-{stage.run}-{number}"
    _carrier(stage, PARCELS, encode(ParcelRequest(tracking_number, AREA)))
    body = {"carrier": SANDBOX_CARRIER, "tracking_number": tracking_number, "batch_id": stage.known.batch_id}
    shipped: Json = stage.person("platform").post(f"/orders/{order_id}/shipment", body)
    return shipped


def deliver(stage: Stage, order: Json) -> Json:
    """Let the carrier deliver, and bring its signed record; return the order with its open window."""
    proof = _carrier(stage, f"{PARCELS}/{order['tracking_number']}/delivery", b"")
    delivered: Json = stage.person("platform").post(f"/orders/{order['id']}/delivery", {"proof": proof})
    return delivered


def open_order(stage: Stage, buyer: Person, number: int) -> Json:
    """Take an order all the way to its open window; return it."""
    order = place(stage, number, batch_id=stage.known.batch_id)
    claim(stage, buyer, order["id"])
    pay(stage, order["id"])
    return deliver(stage, ship(stage, number, order["id"]))


def _carrier(stage: Stage, path: str, body: bytes) -> Any:
    """Ask the sandbox carrier, signed as of the service's time, and return its JSON."""
    settings, now = stage.settings, stage.now()
    try:
        answer = httpx.post(
            settings.carrier_url + path,
            content=body,
            headers=_signed(settings.gateway_secret, body, now),
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise Unavailable("no_answer", f"the sandbox carrier: {error}") from error
    if answer.is_error:
        raise StepFailed("step_refused", f"the sandbox carrier: {path} gave {answer.status_code} {answer.text}")
    return msgspec.json.decode(answer.content)


def _signed(secret: str, body: bytes, now: datetime) -> dict[str, str]:
    return {
        "content-type": "application/json",
        **sign_message(secret, str(new_id()), body, now=now),
        FAIRHOLD_NOW: format_instant(now),
    }
