"""Life cycles as tables: (state, action) -> state, who may, event. Nothing else assigns a status."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from service.core.errors import Conflict, Invalid


@dataclass(frozen=True, slots=True)
class Transition:
    """One row: what `action` does from `state`, which parts may do it, and the event that says so."""

    state: str
    action: str
    to: str
    who: frozenset[str]
    event: str


def row(state: str, action: str, to: str, who: str, event: str) -> Transition:
    """Return a transition; `who` is words parted by spaces ("buyer mediator system")."""
    return Transition(state, action, to, frozenset(who.split()), event)


class Lifecycle:
    """A named transition table with one way to ask it."""

    def __init__(self, name: str, initial: str, rows: Iterable[Transition]) -> None:
        table: dict[tuple[str, str], Transition] = {}
        for each in rows:
            if (each.state, each.action) in table:
                raise ValueError(f"{name}: two rows for {each.state} + {each.action}")
            table[each.state, each.action] = each
        self.name = name
        self.initial = initial
        self.table: Mapping[tuple[str, str], Transition] = MappingProxyType(table)
        self.states = tuple(
            dict.fromkeys([initial, *(r.state for r in table.values()), *(r.to for r in table.values())])
        )
        self.actions = tuple(dict.fromkeys(r.action for r in table.values()))

    def next(self, state: str, action: str) -> Transition:
        """Return the row for `action` in `state`; raises `Conflict` ("<name>_state") if there is none."""
        found = self.table.get((state, action))
        if found is None:
            raise Conflict(f"{self.name}_state", f"{action} is not possible while {state}", state=state, action=action)
        return found

    def known(self, state: str, *, field: str = "state") -> str:
        """Return `state`, by which somebody wants to filter; raises `Invalid` ("state_unknown") if there is none."""
        if state not in self.states:
            raise Invalid("state_unknown", f"a {self.name} is never {state}", field=field, states=list(self.states))
        return state

    def open_to(self, state: str, who: Iterable[str]) -> list[Transition]:
        """Return the rows that someone with any of the parts in `who` may take from `state`."""
        parts = frozenset(who)
        return [r for r in self.table.values() if r.state == state and r.who & parts]
