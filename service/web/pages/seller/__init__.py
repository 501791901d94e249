"""Pages of the sellers."""

from service.web.pages.seller import answer, goods, inbox, money, orders
from service.web.pages.seller.inbox import count_inbox as counts

HANDLERS = [handler for module in (inbox, answer, goods, orders, money) for handler in module.HANDLERS]
__all__ = ["HANDLERS", "counts"]
