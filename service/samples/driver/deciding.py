"""Step 4: they disagree; a mediator rules 30 % to the buyer; both accept; the ledger shows what moved."""

from service.samples.driver.ordering import PRICE_MINOR
from service.samples.driver.stage import MAKER, Json, Stage, Step, ensure_that, money

BUYER_PERCENT = 30
_REASONS = (
    "The photos show an intact seal and a sour product. The mask could be used in part, so the buyer gets 30 % back."
)


def decide(stage: Stage, step: Step) -> None:
    """Answer, escalate, assign, rule, accept."""
    known, buyer = stage.known, stage.person("buyer")
    seller, mediator = stage.person(MAKER), stage.person("mediator")
    case = buyer.get(f"/complaints/{known.complaint_id}")
    step.tell("frozen since the claim", known.hold_id, f"{case['hold']['state']}, {money(case['hold']['amount'])}")
    path = f"/complaints/{known.complaint_id}"
    seller.post(f"{path}/answer", {"decision": "refuse", "text": "We tested this lot and found nothing wrong."})
    step.tell("seller refuses", case["reference"], "the buyer may ask for a mediator")
    dispute = buyer.post(f"{path}/escalation")
    step.tell("buyer escalates", dispute["id"], dispute["state"])
    taken = mediator.post(f"/disputes/{dispute['id']}/assignment", {})
    step.tell("mediator takes it", mediator.account.name, taken["state"])
    share = {"amount_minor": PRICE_MINOR * BUYER_PERCENT // 100, "currency": "CNY"}
    ruled = mediator.post(f"/disputes/{dispute['id']}/ruling", {"buyer": share, "reasons": _REASONS})
    step.tell(
        "ruling", f"{BUYER_PERCENT} % to the buyer", f"{money(ruled['ruling']['buyer'])} of {money(ruled['held'])}"
    )
    buyer.post(f"/disputes/{dispute['id']}/acceptance")
    final = seller.post(f"/disputes/{dispute['id']}/acceptance")
    step.tell("both accept", dispute["id"], final["state"])
    _show_ledger(stage, step, final["state"])


def _show_ledger(stage: Stage, step: Step, state: str) -> None:
    hold = stage.wait("the provider has paid the buyer's part back", lambda: _refunded(stage))
    moved = {line["code"]: line["amount"]["amount_minor"] for line in hold["ledger"]}
    for line in hold["ledger"]:
        step.tell(
            f"ledger: {line['code']}", line["debit_account"], f"→ {line['credit_account']} {money(line['amount'])}"
        )
    accounts = _balances(hold["ledger"])
    held = sum(minor for account, minor in accounts.items() if account.startswith("held:"))
    ensure_that(sum(accounts.values()) == 0 and held == 0, "the ledger sums to zero and the hold is drained")
    step.tell("sum", f"{len(accounts)} accounts", "zero; nothing is left in the hold")
    step.facts |= {
        "dispute_state": state,
        "hold_state": hold["state"],
        "moved": moved,
        "sum_minor": sum(accounts.values()),
    }


def _refunded(stage: Stage) -> Json | None:
    hold = stage.person("mediator").get(f"/holds/{stage.known.hold_id}")
    return hold if any(line["code"] == "refund_paid" for line in hold["ledger"]) else None


def _balances(ledger: list[Json]) -> dict[str, int]:
    balances: dict[str, int] = {}
    for line in ledger:
        minor = line["amount"]["amount_minor"]
        balances[line["debit_account"]] = balances.get(line["debit_account"], 0) - minor
        balances[line["credit_account"]] = balances.get(line["credit_account"], 0) + minor
    return balances
