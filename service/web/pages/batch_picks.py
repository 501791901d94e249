"""Batches to pick from, with what speaks for and against each in words."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from service.complaints.match_schemas import BatchSuggestion
from service.web.language import Language
from service.web.pages.casework import name_of
from service.web.phrase import Lot, Phrase, say
from service.web.views.parts import Candidate, Reason
from service.web.words import PHRASES
from service.web.words.reasons import FITTING

LIKELY: Final[Mapping[str, int]] = {"very_likely": 3, "possible": 2, "less_likely": 1}
_PHOTO: Final = "photo"


def candidate(found: BatchSuggestion, language: Language) -> Candidate:
    """Return a batch for a buyer to pick."""
    names_it = any(each["reason"] == "order_names_batch" for each in found.reasons)
    likely = 3 if names_it else LIKELY[found.likelihood]
    told = reasons_of(found.reasons)
    return Candidate(str(found.batch_id), found.lot_code, name_of(found, language), None, likely, told)


def reasons_of(found: Sequence[Mapping[str, Any]]) -> tuple[Reason, ...]:
    """Return those reasons of a match that say something for or against a batch.

    What was read on a photo, and nobody has confirmed, is said so.
    """
    codes = [(_code(each), each.get("facts", {})) for each in found]
    return tuple(
        Reason(_said(code, facts), code in FITTING)
        for code, facts in codes
        if f"reason.{code}" in PHRASES and not code.endswith("_not_told")
    )


def is_by_photo(found: BatchSuggestion) -> bool:
    """Whether an unconfirmed photo has a say in the suggestion."""
    return any(each.get("facts", {}).get("source") == _PHOTO for each in found.reasons)


def _code(reason: Mapping[str, Any]) -> str:
    code = str(reason.get("reason", ""))
    if reason.get("facts", {}).get("source") != _PHOTO or code.startswith("photo_"):
        return code
    if code == "gtin_equal":
        return "photo_gtin_equal"
    return "photo_lot_equal" if code in {"lot_equal", "lot_equal_folded"} else "photo_lot_near"


def _said(code: str, facts: Mapping[str, Any]) -> Phrase:
    if not code.startswith("photo_shows_"):
        return say(f"reason.{code}")
    return say(f"reason.{code}", lot=Lot(str(facts.get("registered", ""))))
