"""One rendering a language, for all the tests that only read it."""

import io
from collections.abc import Callable

import pytest
from pypdf import PdfReader

from reports.facts import DossierFacts, Language
from reports.render import render_dossier
from tests.reports.suyun import suyun_facts


@pytest.fixture(scope="session")
def suyun() -> DossierFacts:
    return suyun_facts()


@pytest.fixture(scope="session")
def rendered(suyun: DossierFacts) -> Callable[[Language], bytes]:
    """The Suyun dossier in a language, drawn once a session."""
    drawn: dict[Language, bytes] = {}

    def draw(language: Language) -> bytes:
        if language not in drawn:
            drawn[language] = render_dossier(suyun, language)
        return drawn[language]

    return draw


@pytest.fixture(scope="session")
def opened(rendered: Callable[[Language], bytes]) -> Callable[[Language], PdfReader]:
    return lambda language: PdfReader(io.BytesIO(rendered(language)))
