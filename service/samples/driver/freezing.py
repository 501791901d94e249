"""Step 6: the third independent verified buyer's complaint freezes the batch's scope, later holds too."""

from service.samples.driver.complaining import await_matching
from service.samples.driver.ordering import open_order, pay, place
from service.samples.driver.stage import MAKER, Json, Person, Stage, Step, ensure_that


def freeze(stage: Stage, step: Step) -> None:
    """Two more buyers complain; then look at holds of the batch that nobody complained about."""
    known, platform = stage.known, stage.person("platform")
    agent_id = str(stage.person("seller").account.seller_id)
    others = [place(stage, 11, batch_id=known.batch_id), place(stage, 12, batch_id=known.batch_id, seller_id=agent_id)]
    for order, who in zip(others, ("the maker", "an agent"), strict=True):
        held = pay(stage, order["id"])
        step.tell("another open hold", order["platform_ref"], f"sold by {who}; frozen: {held['hold']['is_frozen']}")
    for place_of_buyer in (1, 2):
        buyer = stage.person("buyer", place_of_buyer)
        order = open_order(stage, buyer, 20 + place_of_buyer)
        reference = _complain(stage, buyer, order["id"])
        step.tell(
            f"verified buyer {place_of_buyer + 1} complains", reference, f"{buyer.account.name}, linked to {known.lot}"
        )
    signal = stage.wait("the circuit breaker froze the batch", lambda: _frozen_signal(stage))
    numbers = signal["frozen_numbers"]
    step.tell(
        "scope frozen", signal["id"],
        f"{numbers['buyers']} independent buyers of {numbers['units']} units: lower bound {numbers['low']:.1f}"
        f" above {numbers['limit']:.1f} in 1,000",
    )  # fmt: skip
    for order in others:
        stage.wait("the other holds are frozen", lambda order=order: _is_frozen(platform, order["id"]))  # type: ignore[misc]  # the default binds
        step.tell("its other hold", order["platform_ref"], "frozen")
    late = place(stage, 13, batch_id=known.batch_id)
    held = pay(stage, late["id"])
    ensure_that(held["hold"]["is_frozen"], "a hold that is funded later is frozen from the start")
    step.tell("a hold funded a moment later", late["platform_ref"], "frozen from the start")
    status = stage.person(MAKER).get(f"/batches/{known.batch_id}")["status"]
    step.tell("batch status", known.lot, status)
    step.facts |= {
        "signal_id": signal["id"], "buyers": numbers["buyers"], "low": numbers["low"], "limit": numbers["limit"],
        "frozen_orders": [order["platform_ref"] for order in (*others, late)], "batch_status": status,
    }  # fmt: skip


def _complain(stage: Stage, buyer: Person, order_id: str) -> str:
    told = {
        "order_id": order_id,
        "kind": "unsafe",
        "harm": "discomfort",
        "product_text": "Suyun Hydrating Sheet Mask",
        "lot_text": stage.known.lot,
        "narrative": "It burned and left red spots for a day. 敷了十分钟脸发烫。",
        "wanted": "none",
    }
    draft = buyer.post("/complaints", told)
    sent = buyer.post(f"/complaints/{draft['id']}/submission")
    linked = await_matching(stage, buyer, draft["id"])
    ensure_that(linked["batch_id"] == stage.known.batch_id, "the complaint was linked to the batch")
    reference: str = sent["reference"]
    return reference


def _frozen_signal(stage: Stage) -> Json | None:
    found = stage.person("regulator").get("/signals", batch_id=stage.known.batch_id)["data"]
    return next((signal for signal in found if signal["frozen_at"] is not None), None)


def _is_frozen(platform: Person, order_id: str) -> bool | None:
    return True if platform.get(f"/orders/{order_id}")["hold"]["is_frozen"] else None
