"""Draw a dossier as PDF/A-3u: tagged, with its data attached, and the same bytes for the same facts."""

import hashlib
import io
from typing import Final, Literal

import pydyf  # type: ignore[import-untyped] # it ships no types
from weasyprint import CSS, HTML, Attachment
from weasyprint.document import Document
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from reports import charts
from reports.data import dump_csv, dump_json, dump_money_csv
from reports.facts import DossierFacts, Language
from reports.fonts import han_path
from reports.pages import PHOTOS_SHOWN_MAX, page_values
from reports.photos import for_paper
from reports.words import Speech

Paper = Literal["A4", "Letter"]

_SCHEME: Final = "dossier:"
_PAPER_CSS: Final[dict[Paper, str]] = {
    "A4": "",
    "Letter": "@page dossier { size: Letter; } .front { height: 279.4mm; }",
}


class _Shelf(URLFetcher):  # type: ignore[misc] # WeasyPrint ships no types
    """Hands out what this package put there, and nothing else: no file and no network, whatever a text may say."""

    def __init__(self, things: dict[str, tuple[bytes, str]]) -> None:
        super().__init__(allowed_protocols=())
        self._things = things

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:  # noqa: ARG002 - as its base
        """Return one of the shelf's things; raises `ValueError` for any other address."""
        if url not in self._things:
            raise ValueError("a dossier loads nothing from outside")
        body, kind = self._things[url]
        return URLFetcherResponse(url, body, {"Content-Type": kind})


def render_dossier(facts: DossierFacts, language: Language, paper: Paper = "A4") -> bytes:
    """Return the dossier as PDF bytes: PDF/A-3u, tagged, dossier.json, dossier.csv and money.csv attached as its data.

    Equal facts give equal bytes on machines with the same fonts and libraries: dates come from `as_of`, the file's
    identifier from the facts. Signing is a later step.
    """
    speech = Speech(language)
    things: dict[str, tuple[bytes, str]] = {f"{_SCHEME}font/han": (han_path().read_bytes(), "font/otf")}
    sources: dict[str, str] = {}
    for number, photo in enumerate(facts.photos[:PHOTOS_SHOWN_MAX]):
        picture = for_paper(photo.image) if photo.image else None
        if picture is not None:
            sources[photo.code] = f"{_SCHEME}photo/{number}"
            things[sources[photo.code]] = (picture, "image/jpeg")
    shelf = _Shelf(things)
    page = charts.environment().get_template("dossier.html").render(**page_values(facts, speech, sources))
    json_data = dump_json(facts)
    fonts = FontConfiguration()
    sheet = (charts.TEMPLATES / "fairhold.css").read_text(encoding="utf-8") + _PAPER_CSS[paper]
    pdf: bytes = HTML(string=page, base_url=_SCHEME, url_fetcher=shelf).write_pdf(
        finisher=_name_data_once,
        font_config=fonts,
        stylesheets=[CSS(string=sheet, base_url=_SCHEME, url_fetcher=shelf, font_config=fonts)],
        pdf_variant="pdf/a-3u",
        pdf_tags=True,
        pdf_identifier=_identifier(json_data, sources, things, f"{language} {paper}"),
        attachments=[  # by name, as the file's name tree must be sorted
            _attachment("dossier.csv", dump_csv(facts), speech.say("attached_csv"), facts, shelf),
            _attachment("dossier.json", json_data, speech.say("attached_json"), facts, shelf),
            _attachment("money.csv", dump_money_csv(facts), speech.say("attached_money"), facts, shelf),
        ],
    )
    return pdf


def _name_data_once(_: Document, pdf: pydyf.PDF) -> None:
    """Take the second mention of each attachment out of the catalogue: WeasyPrint 70 lists associated files twice."""
    pdf.catalog["AF"] = pydyf.Array(dict.fromkeys(pdf.catalog["AF"]))


def _identifier(json_data: bytes, sources: dict[str, str], things: dict[str, tuple[bytes, str]], edition: str) -> str:
    """Derive the file's identifier from all that goes into it."""
    digest = hashlib.sha256(json_data + edition.encode())
    for code in sorted(sources):
        digest.update(things[sources[code]][0])
    return digest.hexdigest()[:32]


def _attachment(name: str, data: bytes, description: str, facts: DossierFacts, shelf: _Shelf) -> Attachment:
    return Attachment(
        file_obj=io.BytesIO(data),
        url_fetcher=shelf,
        name=name,
        description=description,
        created=facts.as_of,
        modified=facts.as_of,
        relationship="Data",
    )
