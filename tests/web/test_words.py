"""The catalogues are complete and current, and every refusal of the service has words in both languages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir

from service.core.errors import Conflict, Invalid
from service.core.money import Money
from service.web import catalogues
from service.web.markup import Speaker
from service.web.phrase import Lot, say
from service.web.views.parts import Form, refusal
from service.web.words import PHRASES, Text, look_of, text_of
from service.web.words.errors import MACHINES_ONLY
from service.web.words.states import STATES

SERVICE = Path(__file__).parents[2] / "service"
APART = ("cli/", "embedded/", "samples/", "sandbox/")  # processes of their own, which answer no page
REFUSALS = frozenset(
    "Invalid Unauthenticated Forbidden NotFound Conflict TooLarge TooMany Unavailable FairholdError".split()
)
PLACES = re.compile(r"%\((\w+)\)s")


def forms(text: Text) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else text


def extracted() -> set[str]:
    """Return the first form of every message in code and templates."""
    options = {"**.html": {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}}
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None, "NN_": (1, 2)}
    found = extract_from_dir(
        SERVICE / "web", [("**.py", "python"), ("**.html", "jinja2")], options_map=options, keywords=keywords
    )
    return {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}


def ids(catalogue: Catalog) -> set[str]:
    return {message.id if isinstance(message.id, str) else message.id[0] for message in catalogue if message.id}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_catalogue_has_exactly_the_texts_of_code_and_templates(language: str) -> None:
    assert language in ("en", "zh")
    here = ids(catalogues.read(language))  # type: ignore[arg-type]  # a Literal, as checked above
    assert (extracted() - here, here - extracted()) == (set(), set())


def test_every_text_is_translated_with_the_same_places_and_full_width_marks() -> None:
    for message in catalogues.read("zh"):
        if not message.id:
            continue
        for said in forms(message.string):
            source = " ".join(forms(message.id))
            assert said, f"not translated: {source}"
            assert not message.fuzzy
            assert set(PLACES.findall(said)) - {"num"} <= set(PLACES.findall(source)), said
            assert set(PLACES.findall(source)) - {"num"} <= set(PLACES.findall(said)), said
            plain = PLACES.sub("", said)
            assert not re.search(r"[一-鿿] ?[,;:?!]|[,;:?!](?=[一-鿿])", plain), f"half-width mark: {said}"
            assert not re.search(r"[一-鿿][A-Za-z0-9]|[A-Za-z0-9][一-鿿]", plain), f"no space: {said}"


def raised() -> Iterator[tuple[str, str]]:
    """Yield (code, where) of every refusal that the service raises with a code written in place."""
    for path in sorted(SERVICE.rglob("*.py")):
        if str(path.relative_to(SERVICE)).startswith(APART):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                if name in REFUSALS:
                    yield first.value, f"{path.relative_to(SERVICE)}:{node.lineno}"
                if name == "Lifecycle":
                    yield f"{first.value}_state", f"{path.relative_to(SERVICE)}:{node.lineno}"


def test_every_refusal_of_the_service_has_words_of_its_own() -> None:
    named = {code.removeprefix("error.") for code in PHRASES if code.startswith("error.")}
    assert named & MACHINES_ONLY == set()
    silent = sorted({f"{code} ({where})" for code, where in raised() if code not in named | MACHINES_ONLY})
    assert silent == []


def test_every_state_has_an_icon_so_that_no_colour_stands_alone() -> None:
    assert [code for code in STATES if not look_of(code).icon] == []


def test_an_unknown_refusal_or_event_has_general_words_and_any_other_unknown_phrase_is_a_mistake() -> None:
    assert text_of("error.never_heard_of") == "This could not be done. Nothing was changed."
    assert text_of("event.never_heard_of") == "An entry was made"
    with pytest.raises(KeyError):
        text_of("state.never_heard_of")


def test_facts_are_written_as_html_and_all_else_is_escaped() -> None:
    speaker = Speaker("zh", catalogues.load("zh"))
    said = speaker.say(say("event.batch.held", lot=Lot("<SY>")))
    assert said == '批次 <span class="lot">&lt;SY&gt;</span> 的全部货款已冻结'
    assert speaker.plain(say("offered.part", amount=Money(24_000, "CNY"))) == "退款 ¥240.00，商品归您。"


def test_the_count_chooses_the_plural() -> None:
    speaker = Speaker("en", catalogues.load("en"))
    assert [speaker.plain(say("fact.photos_count", n=n)) for n in (1, 2)] == ["1 photo", "2 photos"]


def test_a_refusal_stands_beside_the_field_that_it_names_and_survives_missing_facts() -> None:
    form = Form({"amount": "900"}).refused(Invalid("amount_above_payment", field="amount", paid=Money(48_000, "CNY")))
    message = form.error("amount")
    assert message is not None
    speaker = Speaker("en", catalogues.load("en"))
    assert speaker.plain(message) == "The amount is above the payment of CNY\u00a0480.00"
    assert form.value("amount") == "900"
    assert speaker.plain(refusal(Invalid("amount_above_payment"))) == "The amount is above the payment of "
    assert Form().refused(Conflict("never_heard_of")).errors[0].name == "form"
