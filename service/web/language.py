"""Which of the two languages a page speaks."""

from typing import Literal, TypeGuard

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
DEFAULT: Language = "en"
TAGS: dict[Language, str] = {"en": "en", "zh": "zh-Hans-CN"}
"""BCP 47 tags for `lang` attributes."""


def is_language(text: str) -> TypeGuard[Language]:
    """Whether `text` is a language that pages are written in."""
    return text in LANGUAGES


def other(language: Language) -> Language:
    """Return the language that the switch offers."""
    return "en" if language == "zh" else "zh"


def choose(cookie: str | None, person: str | None, accept: str | None) -> Language:
    """Return the language for a request: the switch's cookie, else the signed-in person's, else the browser's.

    Every Chinese tag (`zh`, `zh-CN`, `zh-Hant-TW`, `zh_Hans`) means `zh`: Babel's negotiation finds no match for them.
    """
    for wish in (cookie, person):
        if wish and is_language(wish):
            return wish
    for tag in _by_weight(accept or ""):
        head = tag.replace("_", "-").split("-", 1)[0]
        if is_language(head):
            return head
    return DEFAULT


def _by_weight(accept: str) -> list[str]:
    """Return the tags of an Accept-Language header, best first; q=0 and malformed weights are left out."""
    weighed: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept.lower().split(",")[:20]):  # a header may be hostile: 20 tags are plenty
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if tag and 0 < weight <= 1:
            weighed.append((-weight, place, tag.strip()))
    return [tag for _, _, tag in sorted(weighed)]
