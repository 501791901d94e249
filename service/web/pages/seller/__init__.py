"""Pages of the sellers."""

from service.web.pages.seller import answer, goods, inbox, orders
from service.web.pages.seller.inbox import count_inbox as counts

HANDLERS = [handler for module in (inbox, answer, goods, orders) for handler in module.HANDLERS]
__all__ = ["HANDLERS", "counts"]
