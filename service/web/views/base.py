"""What every page is given besides its own view."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from service.web import paths
from service.web.language import Language, other
from service.web.phrase import Phrase

Area = Literal["nobody", "buyer", "seller", "mediator", "regulator", "operator", "platform"]


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation: where it leads, its phrase, and which count stands behind it."""

    path: str
    label: str
    count: str = ""


NAVIGATION: Mapping[Area, tuple[Place, ...]] = {
    "nobody": (),
    "buyer": (),
    "seller": (
        Place(paths.SELLER_INBOX, "nav.inbox", "inbox"),
        Place(paths.SELLER_BATCHES, "nav.batches"),
        Place(paths.SELLER_ORDERS, "nav.orders"),
        Place(paths.SELLER_MONEY, "nav.money"),
    ),
    "mediator": (
        Place(paths.MEDIATOR_CASES, "nav.cases"),
        Place(paths.MEDIATOR_TRIAGE, "nav.triage", "triage"),
        Place(paths.MEDIATOR_SIGNALS, "nav.signals", "signals"),
    ),
    "regulator": (
        Place(paths.REGULATOR, "nav.overview"),
        Place(paths.REGULATOR_SEARCH, "nav.search"),
        Place(paths.REGULATOR_REPORTS, "nav.reports"),
    ),
    "operator": (Place(paths.OPERATOR, "nav.health"),),
    "platform": (),  # they work over the API
}


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame around a page. `path` is the request's path with its query; `form_key` is new for every rendering.

    Forms send `form_key` back: the handler uses it as the idempotency key, so that a double tap is one act.
    """

    language: Language
    path: str
    now: datetime
    area: Area = "nobody"
    name: str = ""
    csrf_token: str = ""
    form_key: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    done: Phrase | None = None  # what the last action did, said once at the top of the next page

    @property
    def navigation(self) -> tuple[Place, ...]:
        """The entries of this area's navigation."""
        return NAVIGATION[self.area]

    @property
    def other_language(self) -> Language:
        """The language that the switch offers."""
        return other(self.language)

    @property
    def switch_path(self) -> str:
        """Where the language switch leads."""
        return paths.language(self.other_language, self.path)

    def stands_at(self, place: Place) -> bool:
        """Whether the page is the place or lies under it, and no longer entry fits better."""
        fitting = [p.path for p in self.navigation if self._under(p.path)]
        return bool(fitting) and max(fitting, key=len) == place.path

    def _under(self, path: str) -> bool:
        here = self.path.split("?", 1)[0]
        return here == path or here.startswith(path + "/")


@dataclass(frozen=True, slots=True)
class View:
    """The root of all view models; `template` is the file that draws it."""

    template: ClassVar[str]
