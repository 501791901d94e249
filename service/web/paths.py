"""Every address of a page, in one place: templates link with these, handlers route and redirect with them."""

from urllib.parse import quote

HOME = "/"
SIGN_IN = "/sign-in"
SIGN_OUT = "/sign-out"
REGISTER = "/register"
HELP = "/help"
HELP_PRIVACY = "/help/privacy"
HELP_ACCESSIBILITY = "/help/accessibility"
HELP_HELD = "/help/held-payments"
CHECK = "/check"
STATUS = "/status"

MINE = "/my"
CLAIM_ORDER = "/my/claim-order"
FILE = "/file"

SELLER_INBOX = "/seller/inbox"
SELLER_BATCHES = "/seller/batches"
SELLER_BATCH_NEW = "/seller/batches/new"
SELLER_IMPORT = "/seller/batches/import"
SELLER_ORDERS = "/seller/orders"
SELLER_MONEY = "/seller/money"

MEDIATOR_CASES = "/mediator/cases"
MEDIATOR_NEXT = "/mediator/next"
MEDIATOR_TRIAGE = "/mediator/triage"
MEDIATOR_SIGNALS = "/mediator/signals"

REGULATOR = "/regulator"
REGULATOR_SEARCH = "/regulator/search"
REGULATOR_REPORTS = "/regulator/reports"

OPERATOR = "/operator"


def static(name: str) -> str:
    """A file that browsers may keep."""
    return f"/static/{name}"


def sign_in(then: str) -> str:
    """The sign-in page, which goes on to `then`."""
    return f"{SIGN_IN}?next={quote(then, safe='')}"


def language(code: str, then: str) -> str:
    """The switch: sets the language and goes back to `then`."""
    return f"/language/{code}?next={quote(then, safe='')}"


def filing(draft_id: object, step: str) -> str:
    """One question of a draft: order, problem, harm, product, story, photos, batch, wanted, contact, check, sent."""
    return f"{FILE}/{draft_id}/{step}"


def draft_photo_removal(draft_id: object, evidence_id: object) -> str:
    """POST: take a photo out of a draft."""
    return f"{FILE}/{draft_id}/photos/{evidence_id}/removal"


def draft_reading(draft_id: object, reading_id: object, step: str) -> str:
    """POST: take over what was read on a photo of a draft, and go back to the question."""
    return f"{FILE}/{draft_id}/readings/{reading_id}/{step}"


def receipt(order_id: object) -> str:
    """GET asks, POST confirms that the goods came (`waive=yes` releases the payment at once)."""
    return f"/my/orders/{order_id}/receipt"


def case(reference: str, part: str = "") -> str:
    """A buyer's case; part: reply, evidence, withdrawal, escalation, acceptance, appeal, challenges, batch."""
    return f"/cases/{reference}" + (f"/{part}" if part else "")


def case_reading(reference: str, reading_id: object) -> str:
    """POST: take over what was read on a photo of a case."""
    return case(reference, f"readings/{reading_id}")


def evidence(evidence_id: object, kind: str = "view") -> str:
    """A file of a case; kind: view or small, the pictures that people see, or original."""
    return f"/evidence/{evidence_id}/{kind}"


def listing_photo(file_id: object, kind: str = "view") -> str:
    """A photo that a seller shows of a batch; kind: view or small."""
    return f"/listing-photos/{file_id}/{kind}"


def seller_case(reference: str, part: str = "") -> str:
    """A seller's case; part: answer, effect, return, acceptance, appeal, challenges."""
    return f"/seller/cases/{reference}" + (f"/{part}" if part else "")


def shipment(order_id: object) -> str:
    """GET the ship form, POST ships."""
    return f"{SELLER_ORDERS}/{order_id}/shipment"


def packing(order_id: object) -> str:
    """POST: add packing photos to an order that was not sent yet."""
    return f"{SELLER_ORDERS}/{order_id}/packing-photos"


def mediator_case(reference: str, part: str = "") -> str:
    """A mediator's case; part: ruling, effect, question, assignment, challenges."""
    return f"{MEDIATOR_CASES}/{reference}" + (f"/{part}" if part else "")


def triage(reference: str) -> str:
    """GET shows a complaint that waits for a person, POST decides its batch and seller."""
    return f"{MEDIATOR_TRIAGE}/{reference}"


def signal(signal_id: object, part: str = "") -> str:
    """A signal; part: confirmation, lift."""
    return f"{MEDIATOR_SIGNALS}/{signal_id}" + (f"/{part}" if part else "")


def regulator_batch(batch_id: object) -> str:
    """A batch with figures, chart and trace."""
    return f"{REGULATOR}/batches/{batch_id}"


def regulator_case(reference: str) -> str:
    """A case as regulators read it; each look is recorded."""
    return f"{REGULATOR}/complaints/{reference}"


def product_batches(product_id: object) -> str:
    """The batches of a product, among the regulator's search."""
    return f"{REGULATOR_SEARCH}?kind=batches&of={product_id}"


def batch_complaints(batch_id: object) -> str:
    """The complaints of a batch, among the regulator's search."""
    return f"{REGULATOR_SEARCH}?kind=complaints&of={batch_id}"


def report_pdf(report_id: object) -> str:
    """The signed file."""
    return f"{REGULATOR_REPORTS}/{report_id}/pdf"


def public_batch(batch_id: object) -> str:
    """What anybody may know about a batch."""
    return f"/batches/{batch_id}"


def public_status(reference: str) -> str:
    """Where a complaint stands, without names or words."""
    return f"{STATUS}?reference={quote(reference)}"
