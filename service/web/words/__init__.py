"""The phrase book: every code that a page may say, with its text in English (the key of both catalogues).

Codes are `group.code`: `error.*` refusals of the domain, `event.*` the timeline, `state.*` what something is now (with
icon and tone), `kind.*` and `option.*` choices, `reason.*` explanations, `turn.*` and `expiry.*` promises.
"""

from collections.abc import Mapping
from types import MappingProxyType

from service.web.words.choices import CHOICES
from service.web.words.errors import ERRORS
from service.web.words.events import EVENTS
from service.web.words.labels import LABELS
from service.web.words.places import PLACES
from service.web.words.readings import READINGS
from service.web.words.reasons import REASONS
from service.web.words.states import LOOKS, STATES, Look
from service.web.words.turns import TURNS

Text = str | tuple[str, str]

_BOOKS = (ERRORS, EVENTS, STATES, CHOICES, REASONS, TURNS, LABELS, READINGS, PLACES)
PHRASES: Mapping[str, Text] = MappingProxyType({code: text for book in _BOOKS for code, text in book.items()})
_FALLBACKS = {"error": "error.unknown", "event": "event.other"}


def text_of(code: str) -> Text:
    """Return the English text of a code. An unknown error or event has a general text; any other is a `KeyError`."""
    found = PHRASES.get(code)
    if found is not None:
        return found
    fallback = _FALLBACKS.get(code.split(".", 1)[0])
    if fallback is None:
        raise KeyError(code)
    return PHRASES[fallback]


def look_of(code: str) -> Look:
    """Return the tone and icon of a state's code; a state without one is calm and has none."""
    return LOOKS.get(code, Look("", ""))
