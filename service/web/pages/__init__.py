"""Handlers of the pages: they join templates to the domains' reads and use cases."""

from collections.abc import Mapping
from typing import Any

from litestar import Request, Router
from litestar.di import NamedDependency, Provide

from service.accounts.guards import is_secure
from service.complaints.reports_api import provide_counter
from service.core.actor import Actor
from service.db.requests import Claim
from service.db.session import Tx
from service.settings import Settings
from service.web.pages import (
    assets,
    buyer,
    cases,
    challenges,
    entrance,
    evidence,
    filing,
    likenesses,
    mediator,
    operator,
    public,
    regulator,
    seller,
)
from service.web.pages.refusals import explain, is_for_people
from service.web.pages.shell import Counter, Shell
from service.web.views.base import Area

_MODULES: tuple[Any, ...] = (
    assets,
    entrance,
    public,
    buyer,
    filing,
    cases,
    evidence,
    seller,
    mediator,
    likenesses,
    challenges,
    regulator,
    operator,
)
_COUNTERS: Mapping[Area, Counter] = {"seller": seller.counts, "mediator": mediator.counts}
"""What the numbers behind the entries of an area's navigation are counted by."""


def _provide_shell(
    request: Request[Actor, Any, Any],
    tx: NamedDependency[Tx],
    claim: NamedDependency[Claim],
    settings: NamedDependency[Settings],
) -> Shell:
    return Shell(request, tx, claim, _COUNTERS, is_secure=is_secure(settings))


HANDLERS = [
    Router(
        path="/",
        route_handlers=[handler for module in _MODULES for handler in module.HANDLERS],
        dependencies={
            "shell": Provide(_provide_shell, sync_to_thread=False),
            "counter": Provide(provide_counter, sync_to_thread=False),
            "intake": Provide(evidence.provide_intake, sync_to_thread=False),
            "photo_desk": Provide(challenges.provide_photo_desk, sync_to_thread=False),
        },
        include_in_schema=False,
    )
]

__all__ = ["HANDLERS", "explain", "is_for_people"]
