"""Where goods were bought, as pages name it: a province of China, or a country."""

from functools import cache
from typing import Final

from babel import Locale

from service.web.language import Language
from service.web.phrase import Phrase, say
from service.web.views.parts import Option
from service.web.words.places import PLACES

_LOCALES: Final = {"en": "en", "zh": "zh_Hans"}
_WITHIN: Final = "place.within"
_NO_COUNTRIES: Final = frozenset("AC CN CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split())
"""Two letters that CLDR has for a part of a country, for several, or for none; China is told by province."""


def places_in(language: Language, chosen: str) -> tuple[Option, ...]:
    """Return the places to choose from: the provinces by their figures, then the countries by their names.

    What was told more exactly than that (through the API) stands first, so that the form does not take it back.
    """
    known = _places(language)
    exact = place_named(chosen, language)
    if exact is None or any(each.value == chosen for each in known):
        return known
    return (Option(chosen, exact), *known)


@cache
def _places(language: Language) -> tuple[Option, ...]:
    provinces = [Option(code.partition(".")[2], say(code)) for code in PLACES if code != _WITHIN]
    names = sorted((name, code) for code, name in _countries(language).items())
    return (*provinces, *(Option(code, say("own_words", text=name)) for name, code in names))


def place_named(bought_in: str, language: Language) -> Phrase | None:
    """Return the name of a place: of its province or country, with its code where that says more."""
    if not bought_in:
        return None
    province = f"place.{bought_in[:2]}0000"
    if province in PLACES:
        return say(province) if province.endswith(bought_in) else say(_WITHIN, place=say(province), code=bought_in)
    name = _countries(language).get(bought_in[:2], bought_in)
    return say("own_words", text=name if len(bought_in) == 2 else f"{name} ({bought_in})")


@cache
def _countries(language: Language) -> dict[str, str]:
    names = Locale.parse(_LOCALES[language]).territories
    return {
        code: name for code, name in names.items() if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES
    }
