"""The questions of a complaint in their order, and where an unfinished draft goes on. Pure."""

from service.complaints.schemas import ComplaintView
from service.core.errors import NotFound
from service.web import paths
from service.web.views.filing import Step

_WITH_ORDER = ("problem", "harm", "story", "photos", "batch", "wanted", "contact", "check")
_WITHOUT_ORDER = ("problem", "harm", "product", "story", "photos", "batch", "wanted", "contact", "check")
QUESTIONS = frozenset(_WITHOUT_ORDER)
LAST = "check"


def steps_of(case: ComplaintView) -> tuple[str, ...]:
    """Return the questions after the first, which asks for the order."""
    return _WITHOUT_ORDER if case.order_id is None else _WITH_ORDER


def place_of(case: ComplaintView, step: str) -> Step:
    """Return where the filer stands: about a minute a question."""
    steps = steps_of(case)
    number = _index(case, step) + 2
    return Step(number, len(steps) + 1, len(steps) + 1 - number)


def _index(case: ComplaintView, step: str) -> int:
    """Return a question's place among those of this draft; raises `NotFound`: an order says which goods they are."""
    steps = steps_of(case)
    if step not in steps:
        raise NotFound("path_unknown", "this draft has no such question")
    return steps.index(step)


def first_place() -> Step:
    """Return where the filer stands before there is a draft."""
    total = len(_WITH_ORDER) + 1
    return Step(1, total, total - 1)


def path_before(case: ComplaintView, step: str) -> str:
    """Return the question before; before the first of a draft there are my orders and cases."""
    steps = steps_of(case)
    place = _index(case, step)
    return paths.filing(case.id, steps[place - 1]) if place else paths.MINE


def path_after(case: ComplaintView, step: str) -> str:
    """Return the question after."""
    return paths.filing(case.id, steps_of(case)[_index(case, step) + 1])


def first_open(case: ComplaintView) -> str:
    """Return the question that a draft which was put aside goes on with: the first without its answer."""
    told = case.told
    answered = {
        "problem": case.kind is not None,
        "harm": case.harm is not None,
        "product": bool(told and told.product_text),
        "story": bool(case.narrative) or case.kind == "withdrawal",
        "photos": bool(case.evidence) or case.wanted is not None,
        "batch": case.batch_id is not None or case.wanted is not None,
        "wanted": case.wanted is not None,
        "contact": case.contact is not None and bool(case.contact.email or case.contact.phone),
    }
    return next((step for step in steps_of(case) if not answered.get(step, False)), LAST)
