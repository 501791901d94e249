"""Pages of the mediators and supervisors."""

from service.web.pages.mediator import case, queue, signals, triage
from service.web.pages.mediator.queue import counts

HANDLERS = [handler for module in (queue, case, triage, signals) for handler in module.HANDLERS]
__all__ = ["HANDLERS", "counts"]
