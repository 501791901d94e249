"""Facts as HTML: amounts, times, codes and phrases, each in the element that the stylesheet and readers expect."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, datetime
from gettext import NullTranslations

from markupsafe import Markup, escape

from service.core.money import Money
from service.web import formats
from service.web.language import Language
from service.web.phrase import Fact, Lot, Phrase, Reference
from service.web.words import text_of

_AMOUNT = Markup('<span class="amount">{}</span>')
_LOT = Markup('<span class="lot">{}</span>')
_REFERENCE = Markup('<span class="ref">{}</span>')
_TIME = Markup('<time datetime="{}">{}</time>')


class Speaker:
    """Says facts and phrases in one language."""

    def __init__(self, language: Language, translations: NullTranslations) -> None:
        self.language = language
        self.translations = translations

    def say(self, phrase: Phrase | str) -> Markup:
        """Return a phrase (or the phrase of a bare code) in words, its facts as HTML, all else escaped."""
        spoken = Phrase(phrase) if isinstance(phrase, str) else phrase
        # the text is escaped here, and Markup's % escapes whatever fact is not HTML made by this class
        return escape(self._text(spoken)) % self._facts(spoken, self.fact)

    def plain(self, phrase: Phrase | str) -> str:
        """Return a phrase without any HTML: for labels, titles and attributes."""
        spoken = Phrase(phrase) if isinstance(phrase, str) else phrase
        return self._text(spoken) % self._facts(spoken, self._plain_fact)

    def fact(self, value: Fact) -> Markup:
        """Return a fact as HTML."""
        for kind, wrapped in self._kinds().items():
            if isinstance(value, kind):
                return wrapped(value)
        return escape(value)

    def money(self, amount: Money) -> Markup:
        """Return an amount that never breaks across lines."""
        return _AMOUNT.format(formats.money(amount, self.language))

    def moment(self, when: datetime) -> Markup:
        """Return a moment with its zone."""
        return _TIME.format(formats.machine(when), formats.moment(when, self.language))

    def day(self, when: date | datetime) -> Markup:
        """Return a day."""
        on = when.astimezone(formats.BEIJING).date() if isinstance(when, datetime) else when
        return _TIME.format(formats.machine(on), formats.day(on, self.language))

    def lot(self, code: str) -> Markup:
        """Return a lot code, barcode or hash in mono."""
        return _LOT.format(code)

    def reference(self, reference: str) -> Markup:
        """Return a reference in mono."""
        return _REFERENCE.format(reference)

    @staticmethod
    def _facts(phrase: Phrase, write: Callable[[Fact], str]) -> Mapping[str, str]:
        """Return a phrase's facts in words. An error that came without one must not break the page that explains it."""
        written = {name: write(value) for name, value in phrase.facts.items()}
        return defaultdict(str, written) if phrase.code.startswith("error.") else written

    def _text(self, phrase: Phrase) -> str:
        text = text_of(phrase.code)
        if isinstance(text, str):
            return self.translations.gettext(text) if text else ""
        count = phrase.facts.get("n", 0)
        return self.translations.ngettext(*text, count if isinstance(count, int) else 0)

    def _kinds(self) -> Mapping[type, Callable[..., Markup]]:
        return {
            Lot: self.lot,
            Reference: self.reference,
            Phrase: self.say,
            Money: self.money,
            datetime: self.moment,  # before date, of which it is a kind
            date: self.day,
            int: lambda value: escape(formats.number(value)),
        }

    def _plain_fact(self, value: Fact) -> str:
        if isinstance(value, Phrase):
            return self.plain(value)
        if isinstance(value, Money):
            return formats.money(value, self.language)
        if isinstance(value, datetime):
            return formats.moment(value, self.language)
        if isinstance(value, date):
            return formats.day(value, self.language)
        return formats.number(value) if isinstance(value, int) else value
