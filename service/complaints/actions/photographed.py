"""What photos of complaints say, as the matcher reads it. Ranks as `finding`.

Only the buyer's own photos speak: a seller could hold a link back with a photo of another lot. What the buyer or a
mediator took over is told; the rest is what photos seem to say.
"""

from typing import Any, Final

from sqlalchemy import Row

from service.core.lots import fold_lot

SURE_PERCENT_MIN: Final = 30
"""A code without a label that stands beside a date has 40 % of how sure its letters are."""
SAID_MAX: Final = 16
SAID = f"""
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('kind', r.kind, 'value', r.value, 'source', r.source, 'use', r.accepted_as)
        ORDER BY r.accepted_at DESC NULLS LAST, r.is_ambiguous, r.confidence_percent DESC, r.kind, r.value) AS said
    FROM (
        SELECT r.* FROM complaint own
        JOIN complaint_reading r ON r.complaint_id = own.id
        JOIN complaint_evidence e ON e.file_id = r.file_id
        WHERE (own.id = c.id OR (own.merged_into_id = c.id AND own.submitted_at IS NULL))
            AND e.side = 'buyer' AND r.kind IN ('lot', 'gtin')
            AND (r.accepted_as IS NOT NULL OR r.confidence_percent >= {SURE_PERCENT_MIN})
            AND NOT EXISTS (SELECT FROM complaint_evidence_removal x WHERE x.file_id = r.file_id)
        ORDER BY r.accepted_at DESC NULLS LAST, r.is_ambiguous, r.confidence_percent DESC, r.kind, r.value
        LIMIT {SAID_MAX}
    ) r
) photos ON true
"""  # noqa: S608 - made of constants
"""Joins `photos.said` to complaint `c`: what was taken over first, the newest of it, then the surest."""
_LATER = frozenset({"addition", "note"})


def photo_facts(told: Row[Any]) -> dict[str, Any]:
    """Return those fields of a `Query` that photos have a say in, of a row with `SAID`.

    The lot that was taken over last is the one that is told. In a draft it went into the field, and is told for as long
    as the buyer left it there; of what was sent the field stays, and the later word counts.
    """
    said: list[dict[str, Any]] = told.said or []
    lots = [each for each in said if each["kind"] == "lot"]
    gtins = [each["value"] for each in said if each["kind"] == "gtin"]
    known = fold_lot(told.lot_text)
    facts: dict[str, Any] = {"lot_text": told.lot_text, "gtin": told.gtin}
    taken = next((each for each in lots if _is_taken(each, known)), None)
    if taken is not None:
        is_print = taken["source"] == "ocr"
        if taken["use"] in _LATER or not is_print:
            facts["printed_lot" if is_print else "barcode_lot"] = taken["value"]
        if fold_lot(taken["value"]) != known:
            known, facts["lot_text"] = fold_lot(taken["value"]), ""
    if not told.gtin:
        facts["gtin"] = next((each["value"] for each in said if each["kind"] == "gtin" and each["use"] in _LATER), "")
    photo_lots = tuple(dict.fromkeys(each["value"] for each in lots))
    if any(fold_lot(each) != known for each in photo_lots):  # else they say nothing new
        facts["photo_lots"] = photo_lots
    if not facts["gtin"]:
        facts["photo_gtins"] = tuple(dict.fromkeys(gtins))
    return facts


def _is_taken(said: dict[str, Any], known: str) -> bool:
    """Whether somebody says that a photo's lot is the one: in words, or by what stands in the draft's field."""
    return said["use"] in _LATER or (said["use"] == "lot_text" and fold_lot(said["value"]) == known)
