"""What each page of a dossier says: facts turned into words, figures and drawings for the template."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from markupsafe import Markup

from reports import charts
from reports.facts import DossierFacts, Language, Photo, Rate
from reports.lines import trace_values
from reports.purses import Purse, add_up, purse_values
from reports.words import BEIJING, NAME_EM_MAX, Speech, fit, short_hash, width_em

RATE_ROWS_MAX: Final = 6
PHOTOS_SHOWN_MAX: Final = 24
TEXT_EM_MAX: Final = 2_000
_COVER_EM: Final = (26, 64, 240)  # a name longer than the first is set smaller, than the second smallest, then cut
_HEADER_EM_MAX: Final = 38
_HISTORY_WITH_END_MAX: Final = 8
_ANSWERS_WITH_END_EM_MAX: Final = 400


def title(facts: DossierFacts, speech: Speech) -> str:
    """Return the document's title, as the head of each page has it."""
    product = fit(facts.product.said(speech.language), _HEADER_EM_MAX)
    return f"{speech.say('dossier')} · {product} · {fit(facts.lot_code, _HEADER_EM_MAX / 2)}"


def page_values(facts: DossierFacts, speech: Speech, sources: dict[str, str]) -> dict[str, object]:
    """Return all that the template needs; `sources` gives the address of each picture by evidence number."""
    money = add_up(facts.shops)
    language = speech.language
    return {
        "facts": facts,
        "speech": speech,
        "say": speech.say,
        "zh": language == "zh",
        "title": title(facts, speech),
        "stamp": facts.as_of.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "foot": speech.say(
            "foot",
            as_of=speech.plain_moment(facts.as_of),
            reference=fit(facts.reference, NAME_EM_MAX / 2),
            chain=short_hash(facts.chain_head, 8) if facts.chain_head else speech.say("not_sealed"),
        ),
        "lot": _mono("lot", facts.lot_code),
        "cover": _cover(facts, money, speech),
        "lead": _lead(facts, speech),
        "figures": _figures(facts, money, speech),
        "purses": [purse_values(purse, facts, speech) for purse in money],
        "rate": _rate_values(facts, speech) if facts.rate.days else None,
        "trace": _trace_values(facts, speech) if facts.trace.nodes else None,
        "shop_rates": _shop_rate_values(facts, speech) if facts.shop_rates else None,
        "photos": _photo_values(facts.photos, sources, speech),
        "moves": trace_values(facts.money_lines, speech),
        "kinds": [
            {"name": fit(kind.kind.said(language), NAME_EM_MAX), "complaints": kind.complaints} for kind in facts.kinds
        ],
        "history": [
            {
                "at": change.at,
                "status": fit(change.status.said(language), NAME_EM_MAX),
                "by": fit(change.by.said(language), NAME_EM_MAX),
                "reason": fit(change.reason.said(language), TEXT_EM_MAX),
            }
            for change in facts.status_history
        ],
        "responses": [
            {
                "at": response.at,
                "by": fit(response.by.said(language), NAME_EM_MAX),
                "text": fit(response.text.said(language), TEXT_EM_MAX),
            }
            for response in facts.responses
        ],
        "ends_together": _ends_together(facts, language),
        "code": charts.qr_code(facts.verify_url, speech),
        "address": fit(facts.verify_url.partition("://")[2], NAME_EM_MAX * 2),
    }


def _ends_together(facts: DossierFacts, language: Language) -> bool:
    """Whether the last sections are short enough to stay on one page, so that none stands alone on the last."""
    answered = sum(width_em(response.text.said(language)) for response in facts.responses)
    return len(facts.status_history) <= _HISTORY_WITH_END_MAX and answered <= _ANSWERS_WITH_END_EM_MAX


def _mono(css_class: str, text: str) -> Markup:
    return Markup('<span class="{}">{}</span>').format(css_class, fit(text, NAME_EM_MAX))


def _whole(text: str) -> Markup:
    return Markup('<span class="nobreak">{}</span>').format(text)


def _cover(facts: DossierFacts, money: Sequence[Purse], speech: Speech) -> dict[str, object]:
    name = fit(facts.product.said(speech.language), _COVER_EM[2])
    wide = width_em(name)
    return {
        "name": name,
        "size": "is-very-long" if wide > _COVER_EM[1] else "is-long" if wide > _COVER_EM[0] else "",
        "hold": _hold_words(facts, money, speech),
        "facts": _cover_facts(facts, speech),
    }


def _hold_words(facts: DossierFacts, money: Sequence[Purse], speech: Speech) -> Markup:
    """Say whether payments are on hold, since when, and how much has not been released."""
    held = [speech.money(purse.held_minor, purse.currency) for purse in money if purse.held_minor]
    key = ("on_hold" if facts.held_since else "not_on_hold") + ("" if held else "_none")
    return speech.say(
        key,
        since=speech.moment(facts.held_since) if facts.held_since else "",
        amount=Markup(" + ").join(held),
        payments=speech.count("n_payments", sum(purse.payments_held for purse in money)),
    )


def _cover_facts(facts: DossierFacts, speech: Speech) -> list[tuple[Markup, object]]:
    say, language, join = speech.say, speech.language, speech.say("list_join").join
    rows = [
        speech.count("n_complaints", facts.rows.complaints),
        speech.count("n_evidence", facts.rows.evidence),
        speech.count("n_orders", facts.rows.orders),
    ]
    marks: list[Markup] = []
    if facts.manufacturer_lot:
        marks.append(say("maker_lot", lot=_mono("lot", facts.manufacturer_lot)))
    if facts.gtin:
        marks.append(say("gtin", gtin=_mono("ref", facts.gtin)))
    if facts.made_on:
        marks.append(say("made_on", date=_whole(speech.full_date(facts.made_on))))
    if facts.expires_on:
        marks.append(say("expires_on", date=_whole(speech.full_date(facts.expires_on))))
    makers = list(dict.fromkeys(fit(name.said(language), NAME_EM_MAX) for name in (facts.brand, facts.seller)))
    return [
        (say("prepared_for"), fit(facts.prepared_for.said(language), NAME_EM_MAX * 2)),
        (say("as_of"), speech.moment(facts.as_of)),
        (say("filter"), fit(facts.filter_words.said(language), NAME_EM_MAX * 4)),
        (say("rows"), join(rows)),
        (say("maker"), join(makers)),
        *([(say("batch_marks"), join(marks))] if marks else []),
        (say("report"), _mono("ref", facts.reference)),
        (say("classification"), say(f"class_note_{facts.classification}")),
    ]


def _lead(facts: DossierFacts, speech: Speech) -> Markup:
    """Say the finding in one to three sentences."""
    if not facts.reported.verified_buyers:
        return speech.say("lead_nobody")
    sentences = [
        speech.say(
            "lead_reported",
            buyers=speech.count("n_verified_buyers", facts.reported.verified_buyers, "start"),
            shops=speech.count("n_shops", facts.reported.shops, "inside"),
            days=speech.count("n_days", max(1, facts.reported.span_days), "inside"),
        ).strip()
    ]
    if facts.kinds and facts.rows.complaints:
        most = max(facts.kinds, key=lambda kind: kind.complaints)
        sentences.append(
            speech.say(
                "lead_kind",
                n=speech.spelled(most.complaints, "start"),
                total=speech.number(facts.rows.complaints),
                kind=fit(most.kind.said(speech.language), NAME_EM_MAX),
            )
        )
    if facts.rate.days:
        rate, base = speech.rate(facts.rate.days[-1].estimate), speech.rate(facts.rate.base)
        sentences.append(speech.say("lead_rate", rate=rate, base=base))
    return speech.joined(sentences)


def _figures(facts: DossierFacts, money: Sequence[Purse], speech: Speech) -> list[tuple[Markup, str]]:
    last = facts.rate.days[-1] if facts.rate.days else None
    figures = [
        (speech.say("verified_buyers"), speech.number(facts.reported.verified_buyers)),
        (speech.say("per_thousand"), speech.rate(last.estimate) if last else "–"),
        (_sold_words(facts, speech), speech.number(facts.units_sold)),
    ]
    if len(money) == 1:
        held = speech.figure(money[0].held_minor, money[0].currency)
        return [*figures, (speech.say("held_in", unit=speech.unit(money[0].currency)), held)]
    return [*figures, (speech.say("payments_held"), speech.number(sum(purse.payments_held for purse in money)))]


def _sold_words(facts: DossierFacts, speech: Speech) -> Markup:
    if facts.units_made is None:
        return speech.say("sold")
    return speech.say("sold_of", made=speech.number(facts.units_made))


def _rate_values(facts: DossierFacts, speech: Speech) -> dict[str, object]:
    rate = facts.rate
    held_on = facts.held_since.astimezone(BEIJING).date() if facts.held_since else None
    first_report = next((day.day for day in rate.days if day.verified_buyers), rate.days[0].day)
    since = [day for day in rate.days if day.day >= first_report - timedelta(days=1)]
    passed_key = "rate_passed_held" if rate.passed_on == held_on else "rate_passed"
    key = passed_key if rate.passed_on else "rate_not_passed"
    finding = speech.say(key, day=speech.day(rate.passed_on) if rate.passed_on else "", times=_times_base(rate, speech))
    meaning = speech.say("rate_meaning", percent=rate.interval_percent)
    return {
        "words": speech.joined([meaning, finding]),
        "chart": charts.rate_by_day(rate, held_on, speech),
        "days": since[-RATE_ROWS_MAX:],
        "with_year": rate.days[0].day.year != rate.days[-1].day.year,
    }


def _times_base(rate: Rate, speech: Speech) -> Markup:
    if not rate.base:
        return Markup("")
    times = round(rate.limit / rate.base, 1)
    return speech.say("twice_base") if times == 2 else speech.say("times_base", times=f"{times:g}")


def _trace_values(facts: DossierFacts, speech: Speech) -> dict[str, object]:
    chart, is_folded = charts.trace_tree(facts.trace, speech)
    return {"chart": chart, "is_folded": is_folded}


def _shop_rate_values(facts: DossierFacts, speech: Speech) -> dict[str, object]:
    return {
        "chart": charts.rate_by_shop(facts.shop_rates, facts.rate.base, speech),
        "shown": min(len(facts.shop_rates), charts.SHOPS_CHARTED_MAX),
    }


def _photo_values(photos: Sequence[Photo], sources: dict[str, str], speech: Speech) -> dict[str, object]:
    def values(photo: Photo, digest: str) -> dict[str, object]:
        label = fit(photo.label.said(speech.language), NAME_EM_MAX)
        code = fit(photo.code, NAME_EM_MAX / 2)
        return {"code": code, "label": label, "hash": digest, "source": sources.get(photo.code)}

    return {
        "shown": [values(photo, short_hash(photo.sha256)) for photo in photos[:PHOTOS_SHOWN_MAX]],
        "listed": [values(photo, photo.sha256) for photo in photos[PHOTOS_SHOWN_MAX:]],
    }
