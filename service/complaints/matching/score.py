"""What each field says for each candidate, in log-odds, with a reason that pages translate.

Words weigh by how few of the candidates share them, so the words that tell candidates apart decide. Everything is
symmetric in script, width and case; a cleaner field never scores lower by itself, because each step towards equality
(two wrong characters, one, look-alikes only, equal) adds a contribution that training keeps at zero or above.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from service.complaints.matching.facts import Candidate, FieldScore, Key, Query, Scored
from service.complaints.matching.lot_readings import Reading, Source, readings_of
from service.complaints.matching.normalise import Name, gtin14, name
from service.complaints.matching.words import Vocabulary
from service.core.lots import fold_lot

PURCHASE_DAYS_MAX = 400  # a purchase this far from the only known date of a batch still fits
_WITNESS = {Source.FIELD: "field", Source.BARCODE: "field", Source.NARRATIVE: "text", Source.LOOSE: "text"}


def score(query: Query, candidates: Sequence[Candidate], weights: Mapping[str, float]) -> list[Scored]:
    """Return the candidates with their field scores, best first; equal totals are ordered by the batch's id.

    `weights` are log-odds by feature name ("lot.equal", ...); a feature without a weight counts nothing.
    """
    asked = _Asked(query, candidates)
    scored = [_score_one(asked, candidate, weights) for candidate in candidates]
    return sorted(scored, key=lambda one: (-one.total, str(one.candidate.batch_id)))


_Part = tuple[float | None, Mapping[str, float], str, Mapping[str, str | int]]


class _Asked:
    """The query's side, made once: readings of the lot, names, and the weights of words among the candidates."""

    def __init__(self, query: Query, candidates: Sequence[Candidate]) -> None:
        self.query = query
        self.readings = readings_of(query)
        self.gtin = gtin14(query.gtin)
        self.product = name(query.product_text)
        self.seller = name(f"{query.brand_text} {query.seller_text}".strip())
        self.narrative = name(query.narrative[:1_000])
        self.vocabulary = Vocabulary(
            told=self.product.terms | self.seller.terms | self.narrative.terms,
            documents={str(one.product_id): candidate_name(one).terms | seller_name(one).terms for one in candidates},
        )
        self.names_scored: dict[tuple[str, Key, Key], _Part] = {}


def candidate_name(candidate: Candidate) -> Name:
    """Return the comparable form of brand and names together."""
    return name(" ".join(text for text in (candidate.brand, candidate.name_en, candidate.name_zh) if text))


def seller_name(candidate: Candidate) -> Name:
    """Return the comparable form of seller and brand together."""
    return name(" ".join(text for text in (candidate.seller_name, candidate.brand) if text))


_Scorer = Callable[[_Asked, Candidate], _Part]


def _once_a_product(field: str, part: _Scorer) -> _Scorer:
    """The lots of one product of one seller share names: score those once a query."""

    def remembered(asked: _Asked, candidate: Candidate) -> _Part:
        key = (field, candidate.product_id, candidate.seller_id)
        if key not in asked.names_scored:
            asked.names_scored[key] = part(asked, candidate)
        return asked.names_scored[key]

    return remembered


def _score_one(asked: _Asked, candidate: Candidate, weights: Mapping[str, float]) -> Scored:
    fields: list[FieldScore] = []
    features: dict[str, float] = {}
    for field, part in _PARTS.items():
        value, own, reason, facts = part(asked, candidate)
        contribution = sum(amount * weights.get(f"{field}.{key}", 0.0) for key, amount in own.items())
        fields.append(FieldScore(field, value, contribution, reason, facts))
        features.update({f"{field}.{key}": amount for key, amount in own.items()})
    return Scored(candidate, tuple(fields), sum(one.contribution for one in fields), features)


def _lot(asked: _Asked, candidate: Candidate) -> _Part:
    codes = [code for code in (candidate.lot_code, candidate.maker_lot_code) if code]
    if not asked.readings or not codes:
        return None, {}, "lot_not_told", {}
    fits = [(*_lot_fit(reading, code), reading, code) for reading in asked.readings for code in codes]
    level, reason, reading, code = max(fits, key=lambda fit: fit[0])
    by_witness = dict.fromkeys(("field", "text"), 0)
    for fit_level, _, fit_reading, _ in fits:
        witness = _WITNESS.get(fit_reading.source, "field")
        by_witness[witness] = max(by_witness[witness], fit_level)
    length = len(fold_lot(code))
    features = {
        "near": float(level >= 1),
        "one": float(level >= 2),
        "same": float(level >= 3),
        "equal": float(level >= 4),
        "two_witnesses": float(min(by_witness.values()) >= 3),
        "long": float(level >= 3) * min(length, 10) / 10,
    }
    facts: dict[str, str | int] = {"told": reading.written, "registered": code, "source": reading.source.value}
    return (0.0, 0.3, 0.6, 0.95, 1.0)[level], features, reason, facts


def _lot_fit(reading: Reading, code: str) -> tuple[int, str]:
    """Return the step (0 to 4) and the reason; only equal codes count from a joined or unlabelled reading."""
    folded = fold_lot(code)
    if reading.folded == folded:
        if reading.source is Source.SPLIT:
            return 3, "lot_equal_joined"
        return (4, "lot_equal") if reading.written == _compact(code) else (3, "lot_equal_folded")
    if reading.source in (Source.SPLIT, Source.LOOSE) or min(len(reading.folded), len(folded)) < 4:
        return 0, "lot_differs"
    distance = OSA.distance(reading.folded, folded, score_cutoff=2)
    if distance == 1:
        swapped = sorted(reading.folded) == sorted(folded)
        return 2, "lot_neighbours_swapped" if swapped else "lot_one_character_differs"
    if distance == 2:
        return 1, "lot_two_characters_differ"
    if reading.folded in folded or folded in reading.folded:
        return 1, "lot_partly_equal"
    return 0, "lot_differs"


@lru_cache(maxsize=100_000)
def _compact(code: str) -> str:
    return "".join(letter for letter in code.upper() if letter.isalnum())


def _gtin(asked: _Asked, candidate: Candidate) -> _Part:
    registered = gtin14(candidate.gtin)
    if not asked.gtin or not registered:
        return None, {}, "gtin_not_told", {}
    if asked.gtin == registered:
        return 1.0, {"equal": 1.0}, "gtin_equal", {"told": asked.gtin}
    return 0.0, {"differs": 1.0}, "gtin_differs", {"told": asked.gtin, "registered": registered}


def _product(asked: _Asked, candidate: Candidate) -> _Part:
    registered = candidate_name(candidate)
    if not registered.key or not (asked.product.key or asked.narrative.key):
        return None, {}, "name_not_told", {}
    similarity = fuzz.token_set_ratio(asked.product.key, registered.key) / 100
    ordered = fuzz.partial_ratio(asked.product.key, registered.key) / 100 if asked.product.key else 0.0
    known = registered.terms | seller_name(candidate).terms
    told = asked.product.terms
    features = {
        "similar": similarity,
        "ordered": ordered,
        "told_found": asked.vocabulary.told_found(told, known),
        "name_found": asked.vocabulary.name_found(registered.terms, told | asked.seller.terms | asked.narrative.terms),
        "name_found_in_name": asked.vocabulary.name_found(registered.terms, told),
        "told_found_in_text": asked.vocabulary.told_found(asked.narrative.terms, known),
    }
    value = max(similarity, (features["told_found"] + features["name_found"]) / 2)
    reason = "name_equal" if asked.product.key == registered.key else _grade("name", value)
    return value, features, reason, {"percent": round(value * 100)}


def _seller(asked: _Asked, candidate: Candidate) -> _Part:
    registered = seller_name(candidate)
    if not registered.key or not (asked.seller.key or asked.product.key):
        return None, {}, "seller_not_told", {}
    found = asked.vocabulary.name_found(registered.terms, asked.seller.terms | asked.product.terms)
    if not asked.seller.key:
        return None, {"found": found}, "seller_not_told", {}
    similarity = fuzz.token_set_ratio(asked.seller.key, registered.key) / 100
    told_found = asked.vocabulary.told_found(asked.seller.terms, registered.terms | candidate_name(candidate).terms)
    value = max(similarity, told_found)
    features = {"found": found, "similar": similarity, "told_found": told_found}
    return value, features, _grade("seller", value), {"percent": round(value * 100)}


def _strength(asked: _Asked, candidate: Candidate) -> _Part:
    told = asked.product.strengths or asked.narrative.strengths
    registered = candidate_name(candidate).strengths
    if not told or not registered:
        return None, {}, "strength_not_told", {}
    shared = len(told & registered) / len(told)
    reason = "strength_equal" if shared == 1 else "strength_partly_equal" if shared else "strength_differs"
    return shared, {"shared": shared}, reason, {}


def _date(asked: _Asked, candidate: Candidate) -> _Part:
    bought = asked.query.purchase_date
    span = _time_on_sale(candidate)
    if bought is None or span is None:
        return None, {}, "date_not_told", {}
    fits = span[0] <= bought <= span[1]
    facts = {"bought": bought.isoformat(), "from": span[0].isoformat(), "to": span[1].isoformat()}
    return float(fits), {"fits": float(fits)}, "date_fits" if fits else "date_outside", facts


def _time_on_sale(candidate: Candidate) -> tuple[date, date] | None:
    """When a batch can have been bought: from making to expiry, or a year and a bit around the only known date."""
    slack = timedelta(days=PURCHASE_DAYS_MAX)
    first = candidate.made_on or (candidate.registered_on - slack if candidate.registered_on else None)
    last = candidate.expires_on or (candidate.registered_on + slack if candidate.registered_on else None)
    if first is None and last is None:
        return None
    return first or date.min, last or date.max


def _order(asked: _Asked, candidate: Candidate) -> _Part:
    query = asked.query
    if query.order_batch_id is None and query.order_product_id is None and query.order_seller_id is None:
        return None, {}, "order_not_told", {}
    same = {
        "batch": query.order_batch_id == candidate.batch_id,
        "product": query.order_product_id == candidate.product_id,
        "seller": query.order_seller_id == candidate.seller_id,
    }
    features = {key: float(fits) for key, fits in same.items()}
    best = next((key for key, fits in same.items() if fits), None)
    value = {"batch": 1.0, "product": 0.7, "seller": 0.3, None: 0.0}[best]
    return value, features, f"order_same_{best}" if best else "order_differs", {}


def _grade(field: str, value: float) -> str:
    if value >= 0.9:
        return f"{field}_very_similar"
    if value >= 0.7:
        return f"{field}_similar"
    return f"{field}_little_similar" if value >= 0.4 else f"{field}_differs"


_PARTS: dict[str, _Scorer] = {
    "lot": _lot,
    "gtin": _gtin,
    "product": _once_a_product("product", _product),
    "seller": _once_a_product("seller", _seller),
    "strength": _once_a_product("strength", _strength),
    "date": _date,
    "order": _order,
}
