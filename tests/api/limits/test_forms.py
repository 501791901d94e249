"""The pages' forms with what no browser sends: a page that says so in the reader's language, and nothing moves."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from urllib.parse import quote_plus

import httpx
import psycopg
import pytest
from litestar.routes import HTTPRoute

from service.accounts.guards import CSRF_COOKIE, SESSION_COOKIE
from service.core.actor import Role
from service.db.session import driver_url
from tests.api.limits.conftest import Ground
from tests.web.browsing import words
from tests.world import Whose

BUYER, SELLER, MEDIATOR, REGULATOR = Role.BUYER, Role.SELLER, Role.MEDIATOR, Role.REGULATOR
NUL, LONE_HALF, NOT_UTF8, LONG = "%00", "%ED%A0%80", "%FF%FE", "a" * 50_000
_WRONG: Mapping[str, tuple[str, ...]] = {
    "text": (NUL, LONG),
    "any": (NUL,),
    "choice": ("nobody_knows_this", NUL, LONG, "%20"),
    "id": ("an id", "0", NUL, LONG, "00000000-0000-7000-8000-000000000000"),
    "amount": ("abc", "-1", "1e5", "1.234", "9" * 40, "9" * 5_000, "%D9%A1%20", NUL, LONG),
    "date": ("yesterday", "2026-13-01", "2026-02-30", "0000-00-00", "10000-01-01", NUL, LONG),
    "number": ("abc", "0", "-1", "1.5", "9" * 30, NUL, LONG),
    "code": ("!", "a%0Ab", NUL, LONG),
}
_SURVIVED = (LONE_HALF, NOT_UTF8, "%F0%9F%98%80", "%E2%80%AE", "%", "%zz", "&&==&")
"""Octets that are no text: kept as what they can be read as, or refused, but never an error of ours."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A form: who sends it, what is right in it, and what kind each field is of; `{complaint}` is a reference."""

    role: Role | None
    right: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)


_PRODUCT = {
    "product": "Mask",
    "brand": "Suyun",
    "shop": "Shop",
    "lot": "A1",
    "gtin": "",
    "bought_on": "",
    "channel": "",
}
_GOODS = {
    "product": "Soap", "brand": "B", "gtin": "", "category": "cosmetics", "lot": "LOT-9", "maker_lot": "",
    "made_on": "", "expires_on": "", "units": "",
}  # fmt: skip
_GOODS_KINDS = {
    "product": "text", "brand": "text", "gtin": "code", "category": "choice", "lot": "text", "maker_lot": "text",
    "made_on": "date", "expires_on": "date", "units": "number",
}  # fmt: skip
FORMS: Mapping[str, Sent] = {
    "/sign-in": Sent(None, {"email": "a@example.com", "password": "x"}, {"email": "any", "password": "any"}),
    "/register": Sent(
        None,
        {"email": "new@example.com", "name": "New", "password": "a longer phrase"},
        {"email": "code", "name": "text", "password": "text"},
    ),
    "/sign-out": Sent(Role.OPERATOR),  # whose session no other test needs
    "/file": Sent(BUYER, {"order": "none"}, {"order": "id"}),
    "/file/{draft}/problem": Sent(BUYER, {"problem": "damaged"}, {"problem": "choice"}),
    "/file/{draft}/harm": Sent(BUYER, {"harm": "none"}, {"harm": "choice"}),
    "/file/{orderless}/product": Sent(
        BUYER,
        _PRODUCT,
        {
            **dict.fromkeys(("product", "brand", "shop", "lot"), "text"),
            "gtin": "code",
            "bought_on": "date",
            "channel": "choice",
        },
    ),
    "/file/{draft}/story": Sent(BUYER, {"story": "Sour."}, {"story": "text"}),
    "/file/{draft}/batch": Sent(BUYER, {"batch": "unsure", "lot": "A1"}, {"batch": "id", "lot": "text"}),
    "/file/{draft}/wanted": Sent(
        BUYER, {"wanted": "part_refund", "amount": "1.00"}, {"wanted": "choice", "amount": "amount"}
    ),
    "/file/{draft}/contact": Sent(
        BUYER, {"email": "a@example.com", "phone": "+8613800138000"}, {"email": "code", "phone": "code"}
    ),
    "/file/{draft}/check": Sent(BUYER, {}, {"true": "any"}),
    "/file/{draft}/photos": Sent(BUYER, {"add": "1"}, {"add": "any"}),
    "/my/claim-order": Sent(BUYER, {"code": "7K3M-9QXT-42AB"}, {"code": "code"}),
    "/my/orders/{order}/receipt": Sent(BUYER, {"answer": "nothing"}, {"answer": "choice"}),
    "/cases/{complaint}/reply": Sent(
        BUYER,
        {"reply": "talk", "words": "No.", "offer_id": "00000000-0000-7000-8000-000000000000"},
        {"reply": "choice", "offer_id": "id", "words": "text"},
    ),
    "/cases/{complaint}/batch": Sent(BUYER, {"batch": "00000000-0000-7000-8000-000000000000"}, {"batch": "id"}),
    "/cases/{complaint}/withdrawal": Sent(BUYER, {}, {"sure": "any"}),
    "/cases/{complaint}/escalation": Sent(BUYER, {"words": "More."}, {"words": "text"}),
    "/cases/{complaint}/acceptance": Sent(BUYER, {}, {"any": "any"}),
    "/cases/{complaint}/evidence": Sent(BUYER, {"words": ""}, {"words": "text"}),
    "/cases/{complaint}/challenges/{challenge}/photo": Sent(BUYER, {}, {"photo": "any"}),
    "/seller/cases/{complaint}/challenges/{challenge_of_seller}/photo": Sent(SELLER, {}, {"photo": "any"}),
    "/seller/cases/{complaint}/answer": Sent(
        SELLER,
        {"offer": "part", "amount": "1.00", "words": "So."},
        {"offer": "choice", "amount": "amount", "words": "text"},
    ),
    "/seller/cases/{complaint}/acceptance": Sent(SELLER, {}, {"any": "any"}),
    "/seller/money": Sent(SELLER, {"amount": "1.00", "currency": "CNY"}, {"amount": "amount", "currency": "choice"}),
    "/seller/batches/new": Sent(SELLER, _GOODS, _GOODS_KINDS),
    "/seller/batches/import": Sent(SELLER, {}, {"file": "any"}),
    "/seller/orders/{order}/shipment": Sent(
        SELLER,
        {"batch": "", "carrier": "sandbox", "tracking_number": "SB-12345"},
        {"batch": "id", "carrier": "code", "tracking_number": "code"},
    ),
    "/seller/orders/{order}/packing-photos": Sent(SELLER, {}, {"photos": "any"}),
    "/mediator/cases/{complaint}/challenges": Sent(
        MEDIATOR,
        {"asked_side": "buyer", "asked_text": "The label."},
        {"asked_side": "choice", "asked_text": "text"},
    ),
    "/mediator/cases/{complaint}/challenges/{challenge}/judgement": Sent(
        MEDIATOR, {"verdict": "in_frame"}, {"verdict": "choice"}
    ),
    "/mediator/next": Sent(MEDIATOR, {}, {"any": "any"}),
    "/mediator/cases/{disputed}/assignment": Sent(MEDIATOR, {}, {"any": "any"}),
    "/mediator/cases/{disputed}/ruling": Sent(
        MEDIATOR,
        {"outcome": "part", "amount": "1.00", "reasons": "So."},
        {"outcome": "choice", "amount": "amount", "reasons": "text"},
    ),
    "/mediator/triage/{complaint}": Sent(
        MEDIATOR, {"batch": "none", "next": "close", "reasons": "So."}, {"reasons": "text"}
    ),
    "/mediator/signals/{signal}/confirmation": Sent(MEDIATOR, {}, {"any": "any"}),
    "/mediator/signals/{signal}/lift": Sent(MEDIATOR, {"reason": "no_risk"}, {"reason": "choice"}),
    "/regulator/reports": Sent(
        REGULATOR,
        {"kind": "batch_dossier", "subject": "LOT-1", "language": "en"},
        {"kind": "choice", "language": "choice", "subject": "text"},
    ),
}
NOT_WALKED = {
    "/seller/cases/{reference:str}/effect": "a part of a page that shows what typed words would do; sends nothing",
    "/mediator/cases/{reference:str}/effect": "as above",
    "/file/{draft_id:uuid}/photos/{file_id:uuid}/removal": "its form has no fields",
    "/file/{draft_id:uuid}/readings/{reading_id:uuid}/{step:str}": "a button in forms of the questions, walked there",
    "/cases/{reference:str}/readings/{reading_id:uuid}": "a button in the form of the batch, walked there",
    "/cases/{reference:str}/challenges/{challenge_id:uuid}/opening": "its form has no fields",
    "/seller/cases/{reference:str}/challenges/{challenge_id:uuid}/opening": "its form has no fields",
    "/mediator/cases/{reference:str}/challenges/{challenge_id:uuid}/withdrawal": "its form has no fields",
}
_PLACE = re.compile(r"\{\w+(:\w+)?\}")


def test_every_form_is_walked(ground: Ground) -> None:
    posted = {
        route.path
        for route in ground.app.routes
        if isinstance(route, HTTPRoute) and "POST" in route.methods and not route.path.startswith("/api/")
    }
    steps = {path for path in FORMS if path.startswith("/file/{")} - {
        "/file/{draft}/check",
        "/file/{draft}/photos",
    }
    walked = {_PLACE.sub("{}", path) for path in FORMS if path not in steps} | {"/file/{}/{}"}
    assert {_PLACE.sub("{}", path) for path in posted - set(NOT_WALKED)} == walked


@pytest.mark.parametrize("path", sorted(FORMS))
async def test_what_no_browser_sends_is_refused_in_the_readers_language(path: str, ground: Ground) -> None:
    form, before, failures = FORMS[path], ground.rows(), []
    async with browser_of(form.role, ground) as client:
        languages = cycle(("en", "zh"))
        for body in wrong_forms(form):
            language = next(languages)
            answer = await send(client, placed(path, ground), body, language)
            if not is_refused(answer, language, is_open=form.role is None):
                failures.append(f"{language} {body[:150]}: {answer.status_code} {answer.headers.get('location', '')}")
        assert failures == []
    assert unlike(before, ground.rows()) <= {"attempt"}


@pytest.mark.parametrize("path", sorted(FORMS))
async def test_octets_that_are_no_text_never_break_a_page(path: str, ground: Ground) -> None:
    form = FORMS[path]
    async with browser_of(form.role, ground) as client:
        token = client.cookies[CSRF_COOKIE]
        for octets in _SURVIVED:
            answer = await send(client, placed(path, ground), f"{octets}={octets}&nobody_knows_this={octets}", "zh")
            assert answer.status_code < 500, octets
        for media_type in ("application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x"):
            headers = {"content-type": media_type, "x-csrf-token": token}
            answer = await client.post(placed(path, ground), content=b"\xff\x00{", headers=headers)
            assert answer.status_code < 500, media_type
            assert "text/html" in answer.headers["content-type"], media_type


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_draft_about_an_order_has_no_question_about_its_goods(method: str, ground: Ground) -> None:
    before = ground.rows()
    async with browser_of(BUYER, ground) as client:
        path = placed("/file/{draft}/product", ground)
        token = {"_csrf_token": client.cookies[CSRF_COOKIE]}
        answer = await client.request(method, path, data=_PRODUCT | token if method == "POST" else None)
    assert answer.status_code == 404
    assert ground.rows() == before


def wrong_forms(form: Sent) -> Iterator[str]:
    """Give forms that are right but for one field."""
    for name, kind in form.kinds.items():
        for value in _WRONG[kind]:
            others = "".join(f"&{each}={quote_plus(text)}" for each, text in form.right.items() if each != name)
            yield f"{name}={value}{others}"


def browser_of(role: Role | None, ground: Ground) -> httpx.AsyncClient:
    """A client with its own cookies: somebody's session, and the token of a page that was read."""
    transport = httpx.ASGITransport(app=ground.app, raise_app_exceptions=False)  # type: ignore[arg-type]  # two spellings of ASGI
    client = httpx.AsyncClient(transport=transport, base_url="http://testserver.local")
    client.cookies.set(CSRF_COOKIE, ground.csrf_token)
    if role is not None:
        account = ground.world.for_commons.get(role) if role is MEDIATOR else None
        client.cookies.set(SESSION_COOKIE, (account or ground.world.account(role)).session_token)
    return client


async def send(client: httpx.AsyncClient, path: str, body: str, language: str) -> httpx.Response:
    """Send a form as it stands, percent signs and all."""
    client.cookies.set("fairhold_language", language)
    return await client.post(
        path,
        content=f"_csrf_token={client.cookies[CSRF_COOKIE]}&{body}".encode(),
        headers={"content-type": "application/x-www-form-urlencoded", "accept": "text/html"},
    )


def is_refused(answer: httpx.Response, language: str, *, is_open: bool) -> bool:
    """Whether a page came that refuses what was typed (not who sent it), in this language, in words."""
    said = words(answer.text.partition('<main id="main"')[2].partition("</main>")[0])
    return (
        answer.status_code in {404, 409, 413, 422, 401 if is_open else 422}
        and f'<html lang="{language}' in answer.text
        and "error." not in said
        and bool(re.search("[\u4e00-\u9fff]" if language == "zh" else "[a-z]", said))
    )


def placed(path: str, ground: Ground) -> str:
    """The path with things of ours in it."""
    things = ground.world.things
    for kind in ("draft", "orderless", "order", "signal", "challenge", "challenge_of_seller"):
        path = path.replace(f"{{{kind}}}", str(things[kind, Whose.OWN]))
    if "{complaint}" in path or "{disputed}" in path:
        with psycopg.connect(driver_url(ground.owner_url)) as owner:
            case_id = things["complaint", Whose.OWN]
            if "{disputed}" in path:
                found = owner.execute("SELECT complaint_id FROM dispute WHERE id = %s", [things["dispute", Whose.OWN]])
                [[case_id]] = found.fetchall()
            [[reference]] = owner.execute("SELECT reference FROM complaint WHERE id = %s", [case_id]).fetchall()
        path = path.replace("{complaint}", reference).replace("{disputed}", reference)
    return path


def unlike(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    """The tables that changed."""
    return {name for name in after if before.get(name) != after[name]}
