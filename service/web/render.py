"""Turns a view and a frame into a page. One Jinja environment a language, made once; a page is one call."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from service.web import charts, formats, icons, paths
from service.web.catalogues import load
from service.web.language import LANGUAGES, TAGS, Language
from service.web.markup import Speaker
from service.web.views.base import Frame, View
from service.web.words import PHRASES, look_of

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
_TEMPLATES = _HERE / "templates"
_SPRITE_MARK = "<!--sprite-->"


class Pages:
    """Renders views. Thread-safe after construction; construction reads the catalogues."""

    def __init__(self) -> None:
        speakers = {code: Speaker(code, load(code)) for code in LANGUAGES}
        self._environments = {code: _environment(code, speakers) for code in LANGUAGES}

    def page(self, view: View, frame: Frame) -> str:
        """Return the whole page, with a sprite of the icons that it uses."""
        html = self._draw(view.template, view, frame)
        sprite = self._environments[frame.language].get_template("components/sprite.html")
        return html.replace(_SPRITE_MARK, sprite.render(drawings=icons.used_in(html)), 1)

    def fragment(self, template: str, view: View, frame: Frame) -> str:
        """Return an include that the page itself uses, for htmx; its icons must be on the page already."""
        return self._draw(template, view, frame)

    def _draw(self, template: str, view: View, frame: Frame) -> str:
        return self._environments[frame.language].get_template(template).render(view=view, frame=frame)


def _environment(language: Language, speakers: dict[Language, Speaker]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    # the i18n extension adds this method to the environment, unknown to the type
    environment.install_gettext_translations(speakers[language].translations, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(_filters(language, speakers[language]))
    environment.filters["say_in"] = lambda phrase, code: speakers[code].say(phrase)  # a letter in its reader's language
    environment.globals.update(
        paths=paths,
        look_of=look_of,
        spark=charts.spark,
        static=static_path,
        lang=language,
        tags=TAGS,
    )
    environment.tests["phrase_code"] = PHRASES.__contains__
    return environment


def _filters(language: Language, speaker: Speaker) -> dict[str, Any]:
    return {
        "say": speaker.say,
        "plain": speaker.plain,
        "fact": speaker.fact,
        "money": speaker.money,
        "plain_money": lambda amount: formats.money(amount, language),
        "moment": speaker.moment,
        "plain_moment": lambda when: formats.moment(when, language),
        "day": speaker.day,
        "short_day": lambda when: formats.short_day(when, language),
        "machine": formats.machine,
        "duration": lambda seconds: formats.duration(seconds, language),
        "number": formats.number,
        "size": formats.size,
        "lot": speaker.lot,
        "reference": speaker.reference,
    }


@cache
def static_path(name: str) -> str:
    """Return a static file's address with a mark of its content, so that browsers may keep it for ever."""
    mark = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"{paths.static(name)}?v={mark}"
