"""Step 5: nobody disputes; the window passes, and the worker pays the seller by itself."""

from datetime import datetime, timedelta

from service.core.errors import Unavailable
from service.db import clock
from service.samples.driver.stage import MAKER, Json, Stage, Step, ensure_that, money

MARGIN = timedelta(minutes=1)


def release(stage: Stage, step: Step) -> None:
    """Move the demonstration's clock past the window's end, and wait for the sweep."""
    seller, known = stage.person(MAKER), stage.known
    hold = seller.get(f"/holds/{known.quiet_hold_id}")
    ends_at = datetime.fromisoformat(hold["window_ends_at"])
    step.tell("undisputed hold", hold["id"], f"{hold['state']} until {hold['window_ends_at']}")
    if not stage.settings.owner_database_url:
        raise Unavailable(
            "clock_not_ours", "the demonstration's clock is the owner role's to move, and it is not known"
        )
    by = ends_at - stage.now() + MARGIN
    offset = clock.shift(stage.settings.owner_database_url, by)
    step.tell(
        "the clock is moved",
        "fairhold_now()",
        f"by the owner role of this demonstration database, {by.days} days on; {offset} in all",
    )

    def released() -> Json | None:
        found: Json = seller.get(f"/holds/{known.quiet_hold_id}")
        return found if found["state"] == "released" else None

    ended = stage.wait("the worker released the payment", released)
    parts = ended["parts"]
    ensure_that(parts["buyer"]["amount_minor"] == 0, "the seller was paid in full, less the fee")
    step.tell(
        "released by the worker", ended["id"], f"{money(parts['seller'])} to the seller, {money(parts['fee'])} fee"
    )
    step.facts |= {
        "hold_state": ended["state"],
        "seller_minor": parts["seller"]["amount_minor"],
        "fee_minor": parts["fee"]["amount_minor"],
        "clock_moved_seconds": int(by.total_seconds()),
    }
