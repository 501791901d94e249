r"""The two catalogues. The .po files are the source; they are compiled in memory at start, so nothing can be stale.

To bring them up to date after a text changed (from the root of the repository):
    pybabel extract -F service/web/babel.cfg -k N_ -k NN_:1,2 --no-location --sort-output \
        -o /tmp/messages.pot service/web
    pybabel update -i /tmp/messages.pot -d service/web/locales -N --ignore-obsolete
English texts are the message ids themselves; a test fails while a Chinese one is missing.
"""

from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from service.web.language import Language

LOCALES = Path(__file__).parent / "locales"
DOMAIN = "messages"


def read(language: Language) -> Catalog:
    """Return the catalogue of a language as it stands in its .po file."""
    path = LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    with path.open("rb") as source:
        return read_po(source, locale=language, domain=DOMAIN, abort_invalid=True)


def load(language: Language) -> GNUTranslations:
    """Return the compiled catalogue of a language; untranslated messages fall back to English."""
    compiled = BytesIO()
    write_mo(compiled, read(language))
    compiled.seek(0)
    return GNUTranslations(compiled)
