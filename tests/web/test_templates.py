"""Every page with its samples, in both languages: sound HTML, no style or script within, labelled, translated."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from service.web import paths
from service.web.language import TAGS, Language
from service.web.render import Pages
from service.web.views.base import Area, Frame, View
from service.web.views.filing import AskStory
from service.web.views.parts import Form
from tests.web import samples
from tests.web.sample_parts import NOW, step

PAGES = Pages()
VIEWS = samples.all_views()
VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
HOMES: dict[Area, str] = {
    "nobody": "/",
    "buyer": paths.MINE,
    "seller": paths.SELLER_INBOX,
    "mediator": paths.MEDIATOR_CASES,
    "regulator": paths.REGULATOR,
    "operator": paths.OPERATOR,
}
REFUSED_FORMS = [name for name, (_, view) in VIEWS.items() if getattr(getattr(view, "form", None), "errors", ())]
CASES = [(name, language) for name in VIEWS for language in TAGS]


class Element:
    """An element of a parsed page."""

    def __init__(self, tag: str, attributes: dict[str, str], parent: "Element | None") -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children: list[Element] = []
        self.words = ""

    def all(self, tag: str = "") -> "Iterator[Element]":
        for child in self.children:
            if not tag or child.tag == tag:
                yield child
            yield from child.all(tag)

    def text(self) -> str:
        return self.words + " ".join(child.text() for child in self.children)

    def within(self, tag: str) -> "Element | None":
        at = self.parent
        while at is not None and at.tag != tag:
            at = at.parent
        return at


class Tree(HTMLParser):
    """A strict reader: what is opened must be closed, in order, and no attribute stands twice."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.root = self.at = Element("", {}, None)
        self.feed(html)
        self.close()
        assert self.at is self.root, f"<{self.at.tag}> is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"<{tag}> has an attribute twice"
        element = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.children.append(element)
        if tag not in VOID:
            self.at = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.at.children.append(Element(tag, {name: value or "" for name, value in attrs}, self.at))

    def handle_endtag(self, tag: str) -> None:
        assert self.at.tag == tag, f"</{tag}> closes <{self.at.tag}>"
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.words += data


def frame(area: Area, language: Language) -> Frame:
    return Frame(language, HOMES[area], NOW, area, "Name", "csrf-token", "form-key", {"inbox": 4})


def page(name: str, language: Language) -> tuple[str, Element, View]:
    area, view = VIEWS[name]
    html = PAGES.page(view, frame(area, language))
    return html, Tree(html).root, view


@pytest.mark.parametrize(("name", "language"), CASES)
def test_a_page_is_sound_html_with_one_heading_a_title_and_its_language(name: str, language: Language) -> None:
    html, root, _ = page(name, language)
    assert html.startswith("<!doctype html>")
    assert next(root.all("html")).attributes["lang"] == TAGS[language]
    assert len(list(root.all("h1"))) == 1
    title = next(root.all("title")).text()
    assert title.endswith(" · Fairhold")
    assert len(title) > len(" · Fairhold")
    ids = [element.attributes["id"] for element in root.all() if "id" in element.attributes]
    assert len(ids) == len(set(ids)), f"ids stand twice: {sorted(i for i in ids if ids.count(i) > 1)}"
    assert not re.search(r"\bNone\b(?! of)", root.text())
    assert "<!--sprite-->" not in html


@pytest.mark.parametrize(("name", "language"), CASES)
def test_a_page_keeps_to_the_content_policy(name: str, language: Language) -> None:
    _, root, _ = page(name, language)
    for element in root.all():
        assert element.tag != "style"
        assert "style" not in element.attributes
        assert not [name for name in element.attributes if name.startswith("on")]
        if element.tag == "script":
            assert element.attributes["src"].startswith("/static/")
            assert element.text() == ""
        for name_ in ("src", "href", "action", "formaction"):
            assert re.match(r"(/|#|\?|$)", element.attributes.get(name_, "")), element.attributes


@pytest.mark.parametrize(("name", "language"), CASES)
def test_every_control_has_a_label_and_every_reference_within_the_page_its_target(
    name: str, language: Language
) -> None:
    _, root, _ = page(name, language)
    ids = {element.attributes.get("id") for element in root.all()}
    labelled = {label.attributes.get("for") for label in root.all("label")}
    for control in (e for e in root.all() if e.tag in ("input", "select", "textarea")):
        if control.attributes.get("type") == "hidden":
            continue
        assert control.within("label") or control.attributes.get("id") in labelled, control.attributes
        assert control.attributes.get("name"), control.attributes
    for element in root.all():
        targets = [
            element.attributes.get("for", ""),
            *element.attributes.get("aria-describedby", "").split(),
            element.attributes.get("aria-labelledby", ""),
        ]
        link = element.attributes.get("href", "")
        targets += [link[1:]] if link.startswith("#") else []
        assert {target for target in targets if target} <= ids, element.attributes
    for image in root.all("img"):
        assert "alt" in image.attributes
    for button in (b for b in root.all("button")):
        assert button.text().strip()


@pytest.mark.parametrize(("name", "language"), CASES)
def test_every_posting_form_carries_the_token_and_a_key_of_its_own(name: str, language: Language) -> None:
    _, root, _ = page(name, language)
    for form in root.all("form"):
        sent = {i.attributes.get("name"): i.attributes.get("value") for i in form.all("input")}
        if form.attributes["method"] == "post":
            assert sent["_csrf_token"] == "csrf-token"
            assert sent["_form_key"] == "form-key"
        else:
            assert "_csrf_token" not in sent
        if any(i.attributes.get("type") == "file" for i in form.all("input")):
            assert form.attributes["enctype"] == "multipart/form-data"


@pytest.mark.parametrize("name", REFUSED_FORMS)
@pytest.mark.parametrize("language", TAGS)
def test_a_refused_form_says_so_first_names_each_field_and_keeps_what_was_typed(name: str, language: Language) -> None:
    html, root, view = page(name, language)
    form = view.form  # type: ignore[attr-defined]  # chosen above for having one
    assert next(root.all("title")).text().startswith("Error: " if language == "en" else "错误：")
    summary = next(e for e in root.all("div") if e.attributes.get("class") == "errors")
    assert "autofocus" in summary.attributes
    assert len(list(summary.all("li"))) == len(form.errors)
    ids = {element.attributes.get("id") for element in root.all()}
    for error in form.errors:
        if error.name != "form":
            assert f"{error.name}-error" in ids
    for value in form.values.values():
        assert value.replace("<", "&lt;").replace(">", "&gt;") in html


@pytest.mark.parametrize(("name", "language"), CASES)
def test_the_sprite_holds_the_icons_that_the_page_uses_and_no_others(name: str, language: Language) -> None:
    html, root, _ = page(name, language)
    used = set(re.findall(r'<use href="#i-([a-z]+)"', html))
    assert {symbol.attributes["id"].removeprefix("i-") for symbol in root.all("symbol")} == used


@pytest.mark.parametrize("language", TAGS)
def test_what_people_type_is_never_read_as_html(language: Language) -> None:
    area, _ = VIEWS["file-story"]
    evil = '<script>alert(1)</script><b href="#i-lock">%(amount)s'
    view = AskStory(step=step(4), path="/file/d1/story", back="/my", form=Form({"story": evil}))
    html = PAGES.page(view, frame(area, language))
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert 'id="i-lock"' not in html


def test_the_word_for_the_present_place_in_the_navigation_is_marked_once() -> None:
    _, root, _ = page("seller-inbox", "en")
    here = [a.text() for a in root.all("a") if a.attributes.get("aria-current") == "page"]
    assert here[0].startswith("Inbox 4")
    under = Frame("en", paths.SELLER_BATCH_NEW, NOW, "seller")
    assert [place.path for place in under.navigation if under.stands_at(place)] == [paths.SELLER_BATCHES]


def test_the_fragment_of_an_effect_is_the_include_that_the_page_uses() -> None:
    html, _, view = page("mediator-case", "en")
    part = PAGES.fragment("components/amount_effect.html", view, frame("mediator", "en"))
    assert part.strip() in html


def test_a_page_says_what_was_done_once() -> None:
    done = Frame("zh", "/my", NOW, "buyer", done=samples.DONE)
    root = Tree(PAGES.page(VIEWS["buyer-mine"][1], done)).root
    said = [e.text().strip() for e in root.all("div") if e.attributes.get("role") == "status"]
    assert said == ["已保存，可在“我的订单和案件”中找到。"]
