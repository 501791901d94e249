"""Pages of the regulators."""

from service.web.pages.regulator import batch, overview, reports, search

HANDLERS = [handler for module in (overview, search, batch, reports) for handler in module.HANDLERS]
