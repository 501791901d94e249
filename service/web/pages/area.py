"""Which part of the pages somebody is in, and where their own part begins."""

from collections.abc import Mapping
from dataclasses import replace

from service.core.actor import Actor, Role
from service.web import paths
from service.web.views.base import Area

_AREAS: Mapping[Role, Area] = {  # a person of several roles starts in the first that they hold
    Role.SUPERVISOR: "mediator",
    Role.MEDIATOR: "mediator",
    Role.REGULATOR: "regulator",
    Role.OPERATOR: "operator",
    Role.SELLER: "seller",
    Role.PLATFORM: "platform",
    Role.BUYER: "buyer",
}
_HOMES: Mapping[Area, str] = {
    "nobody": paths.HOME,
    "buyer": paths.MINE,
    "seller": paths.SELLER_INBOX,
    "mediator": paths.MEDIATOR_CASES,
    "regulator": paths.REGULATOR,
    "operator": paths.OPERATOR,
    "platform": paths.HELP,
}
_BEGINNINGS: tuple[tuple[str, Area], ...] = (
    ("/seller/", "seller"),
    ("/mediator/", "mediator"),
    (paths.REGULATOR, "regulator"),
    (paths.OPERATOR, "operator"),
    (paths.MINE, "buyer"),
    (paths.FILE, "buyer"),
    ("/cases/", "buyer"),
)


def areas_of(actor: Actor) -> list[Area]:
    """Return the areas that somebody may enter, their own first."""
    return [area for role, area in _AREAS.items() if actor.has(role)]


def area_of(actor: Actor, path: str) -> Area:
    """Return the area that a page is shown in: the path's, if the actor has it, else the actor's own."""
    if actor.person_id is None:
        return "nobody"
    own = areas_of(actor)
    for beginning, area in _BEGINNINGS:
        if path.startswith(beginning) and area in own:
            return area
    return own[0] if own else "buyer"


def home_of(actor: Actor) -> str:
    """Return the page where somebody's work begins."""
    own = areas_of(actor)
    return _HOMES[own[0] if own else "nobody"]


def as_buyer(actor: Actor) -> Actor:
    """Return the actor with nothing but the buyer's rights, so that their buyer's pages show their own things only."""
    return replace(actor, grants=frozenset(grant for grant in actor.grants if grant.role is Role.BUYER))


def safe_next(path: str | None) -> str | None:
    """Return an address of our own to go on to, or None: no other site, no control characters, nothing long."""
    if not path or len(path) > 1_000 or not path.isprintable() or "\\" in path:
        return None
    return path if path.startswith("/") and not path.startswith("//") else None
