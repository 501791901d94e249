"""A sample of every page's view model: what the templates are tested and looked at with."""

from service.web.phrase import Phrase, say
from service.web.views.base import Area, View
from tests.web.sample_buyers import buyer_views, entrance_views, filing_views, public_views
from tests.web.sample_mediators import mediator_views
from tests.web.sample_offices import operator_views, regulator_views
from tests.web.sample_sellers import seller_views


def all_views() -> dict[str, tuple[Area, View]]:
    """Return every sample by name with the area that it is shown in."""
    groups: tuple[tuple[Area, dict[str, View]], ...] = (
        ("nobody", entrance_views()),
        ("nobody", public_views()),
        ("buyer", filing_views()),
        ("buyer", buyer_views()),
        ("seller", seller_views()),
        ("mediator", mediator_views()),
        ("regulator", regulator_views()),
        ("operator", operator_views()),
    )
    return {name: (area, view) for area, group in groups for name, view in group.items()}


DONE: Phrase = say("done.saved")
