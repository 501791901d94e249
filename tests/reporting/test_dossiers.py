"""A regulator asks for a batch dossier, gets it as a PDF, and the same file again while nothing has changed."""

import hashlib
import io
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from reports.render import render_dossier
from service.app import Service
from service.complaints.actions import answer
from service.complaints.evidence import attach, open_case, receive_all
from service.complaints.schemas import NewAnswer
from service.core.actor import Role
from service.core.errors import Unavailable
from service.core.ids import new_id
from service.escrow.queries import newest_seal
from service.escrow.sealing import seal_next
from service.files.store import Bucket, Store
from service.reporting.actions import begin_report
from service.reporting.gather import Gathered, gather_dossier
from service.reporting.jobs import render
from service.reporting.renderer import Renderer, RenderFailed
from service.reporting.shelf import put_report
from tests.recalls.street import Street
from tests.reports.reading import pressed, text_of
from tests.reports.suyun import suyun_facts
from tests.working import drain_all
from tests.world import Account

Drain = Callable[[], Awaitable[None]]
NAME_ZH = "素芸补水面膜"


class Desk:
    """A client that asks for reports."""

    def __init__(self, street: Street, client: httpx.AsyncClient) -> None:
        self.street, self.client = street, client
        self.regulator = street.world.account(Role.REGULATOR)

    async def ask(self, language: str = "en", by: Account | None = None, **more: Any) -> httpx.Response:
        body = {"kind": "batch_dossier", "subject_id": str(self.street.goods.batch_id), "language": language, **more}
        return await self.client.post("/api/v1/reports", json=body, headers=(by or self.regulator).by_key)

    async def asked(self, language: str = "en", by: Account | None = None) -> str:
        answered = await self.ask(language, by)
        assert answered.status_code == 202, answered.text
        assert answered.headers["Location"] == f"/api/v1/reports/{answered.json()['id']}"
        assert answered.json()["state"] == "requested"
        return str(answered.json()["id"])

    async def get(self, path: str, by: Account | None = None) -> httpx.Response:
        return await self.client.get(f"/api/v1/reports{path}", headers=(by or self.regulator).by_key)

    async def report(self, report_id: str) -> dict[str, Any]:
        return dict((await self.get(f"/{report_id}")).json())


@pytest.fixture
def desk(street: Street, client: httpx.AsyncClient) -> Desk:
    return Desk(street, client)


async def frozen_street(street: Street, drain: Drain) -> list[UUID]:
    """Three complaints, one hold on each order, and the freeze."""
    complaint_ids = [await street.complains(units=2) for _ in range(3)]
    assert await street.evaluate() == "preliminary"
    await drain()
    return complaint_ids


async def test_a_regulator_gets_the_dossier_in_both_languages(street: Street, desk: Desk, drain: Drain) -> None:
    await frozen_street(street, drain)
    ids = {language: await desk.asked(language) for language in ("en", "zh")}
    await drain()
    texts = {}
    for language, report_id in ids.items():
        view = await desk.report(report_id)
        assert (view["state"], view["rows"]) == ("ready", {"complaints": 3, "evidence": 0, "orders": 3})
        pdf = await desk.get(f"/{report_id}/pdf")
        assert (pdf.status_code, pdf.headers["content-type"]) == (200, "application/pdf")
        assert hashlib.sha256(pdf.content).hexdigest() == view["pdf_sha256"]
        assert len(pdf.content) == view["size_bytes"]
        assert view["reference"] in pdf.headers["content-disposition"]
        texts[language] = text_of(pdf.content)
        assert view["reference"] in texts[language]
    assert "SY26J1807" in texts["en"]
    assert "Suyun Hydrating Sheet Mask" in texts["en"]
    assert "CNY 1,440.00" in texts["en"].replace("\xa0", " ")  # three payments of 480.00
    assert "not sealed yet" in texts["en"]
    assert "Three verified buyers from one shop" in texts["en"]
    assert "Complaints above the limit" in texts["en"]
    zh = pressed(texts["zh"])
    for words in (NAME_ZH, "SY26J1807", "¥1,440.00", "尚未封存", "不安全或造成伤害", "货款冻结"):
        assert words in zh


async def test_photos_are_views_and_the_sellers_words_are_in(
    street: Street, desk: Desk, drain: Drain, service: Service
) -> None:
    order_id, buyer = await street.order()
    complaint_id = await street.complain(order_id, buyer)
    actor = await street.actor(buyer)
    picture = io.BytesIO()
    Image.new("RGB", (320, 240), "green").save(picture, "JPEG")
    picture.seek(0)
    key = await open_case(street.database, actor, complaint_id, ring=service.ring, new=1)
    received = await receive_all(service.store, service.workshop, key, [picture])
    async with street.database.begin() as tx:
        await attach(tx, actor, complaint_id, received, retention_days=1, now=await tx.now())
    seller = await street.actor(street.world.account(Role.SELLER))
    async with street.database.begin() as tx:
        now = await tx.now()
        await street_to_seller(tx, complaint_id)
        words = NewAnswer(decision="refuse", text="Our tests show nothing. 检验合格。")
        await answer(tx, seller, complaint_id, words, now=now)
    report_id = await desk.asked()
    await drain()
    pdf = await desk.get(f"/{report_id}/pdf")
    told = text_of(pdf.content)
    assert "Our tests show nothing. 检验合格。" in told
    assert "E-1 Case FH-" in told
    assert (await desk.report(report_id))["rows"]["evidence"] == 1
    people = "name = 'file.viewed' AND actor_id IS NOT NULL"  # the service itself reads labels from the view
    viewed = await street.sql(f"SELECT facts, actor_id FROM event WHERE {people}")
    assert [(row.facts["part"], row.actor_id) for row in viewed] == [("view", desk.regulator.person_id)]
    assert await street.sql("SELECT * FROM report_facts") == []


async def street_to_seller(tx: Any, complaint_id: UUID) -> None:
    """A mediator's triage, in short: the seller has the complaint."""
    await tx.execute(
        text("UPDATE complaint SET status = 'with_seller', reached_at = submitted_at WHERE id = :id"),
        {"id": complaint_id},
    )


async def test_the_same_facts_are_served_from_the_same_stored_file_until_something_changes(
    street: Street, desk: Desk, drain: Drain, clock: Any
) -> None:
    await frozen_street(street, drain)
    first = await desk.asked()
    assert (await desk.ask()).json()["id"] == first  # still being made
    await drain()
    clock.forward(timedelta(seconds=30))
    second = await desk.asked()
    await drain()
    views = [await desk.report(each) for each in (first, second)]
    assert first != second
    for name in ("reference", "as_of", "pdf_sha256", "facts_sha256"):
        assert views[0][name] == views[1][name]
    files = await street.sql("SELECT version_id FROM report_file")
    assert len(files) == 1
    await street.complains()
    third = await desk.asked()
    await drain()
    assert (await desk.report(third))["reference"] != views[0]["reference"]
    assert (await desk.report(third))["rows"]["complaints"] == 4


async def test_the_file_is_locked_and_each_request_and_download_is_an_event(
    street: Street, desk: Desk, drain: Drain, service: Service
) -> None:
    report_id = await desk.asked()
    assert (await desk.get(f"/{report_id}/pdf")).json()["code"] == "report_not_ready"
    await drain()
    for _ in range(2):
        assert (await desk.get(f"/{report_id}/pdf")).status_code == 200
    rows = await street.sql("SELECT name, actor_id FROM event WHERE subject_id = :id ORDER BY seq", id=report_id)
    assert [row.name for row in rows] == ["report.requested", "report.ready", "report.downloaded", "report.downloaded"]
    assert {row.actor_id for row in rows} == {desk.regulator.person_id, None}
    ((name, version),) = await street.sql("SELECT object_name, version_id FROM report_file")
    facts = await service.store.stat(Bucket.REPORTS, name, version)
    assert facts.locked_until is not None


async def test_a_batch_that_nobody_bought_has_a_dossier_too(desk: Desk, drain: Drain) -> None:
    report_id = await desk.asked("zh")
    await drain()
    told = pressed(text_of((await desk.get(f"/{report_id}/pdf")).content))
    assert "没有已核实买家投诉本批次" in told


@pytest.mark.parametrize("role", [Role.BUYER, Role.SELLER, Role.PLATFORM, Role.OPERATOR])
async def test_others_may_not_ask(street: Street, desk: Desk, role: Role) -> None:
    refused = await desk.ask(by=street.world.account(role))
    assert (refused.status_code, refused.json()["code"]) == (403, "role_not_allowed")
    assert await street.sql("SELECT id FROM report") == []


async def test_a_tenants_mediator_may_not_ask_and_that_of_commons_sees_own_only(
    street: Street, desk: Desk, drain: Drain
) -> None:
    refused = await desk.ask(by=street.world.account(Role.MEDIATOR))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_commons_mediator")
    mediator = street.judges[Role.MEDIATOR]
    mine, other = await desk.asked(by=mediator), await desk.asked()
    await drain()
    assert (await desk.get(f"/{mine}/pdf", mediator)).status_code == 200
    assert (await desk.get(f"/{other}/pdf", mediator)).status_code == 404
    assert [each["id"] for each in (await desk.get("", mediator)).json()["data"]] == [mine]
    assert {each["id"] for each in (await desk.get("")).json()["data"]} == {mine, other}
    operator = street.world.account(Role.OPERATOR)
    assert (await desk.get(f"/{other}", operator)).status_code == 200
    assert (await desk.get(f"/{other}/pdf", operator)).status_code == 403


async def test_unknown_batches_and_reports_are_not_found(street: Street, desk: Desk) -> None:
    refused = await desk.ask(subject_id=str(new_id()))
    assert (refused.status_code, refused.json()["code"]) == (404, "batch_not_found")
    for path in (f"/{new_id()}", f"/{new_id()}/pdf"):
        refused = await desk.get(path)
        assert (refused.status_code, refused.json()["code"]) == (404, "report_not_found")
    assert (await desk.ask(kind="novel")).status_code in (400, 422)
    assert await street.sql("SELECT id FROM report") == []


def dead_store() -> Store:
    return Store("127.0.0.1:9", "key", "secret", secure=False, prefix="none")


async def test_while_s3_is_down_it_stays_requested_and_is_made_later_from_the_same_facts(
    street: Street, desk: Desk, drain: Drain, service: Service
) -> None:
    report_id = await desk.asked()
    store = dead_store()
    parts = {
        "database": service.database,
        "settings": service.settings,
        "ring": service.ring,
        "renderer": service.renderer,
    }
    with pytest.raises(Unavailable):
        await render({"report_id": report_id}, store=store, **parts)
    store.close()
    assert (await desk.report(report_id))["state"] == "requested"
    ((reference, stored_at),) = await street.sql("SELECT reference, stored_at FROM report_file")
    assert stored_at is None
    await drain()
    view = await desk.report(report_id)
    assert (view["state"], view["reference"]) == ("ready", reference)


class Broken(Renderer):
    """Cannot draw."""

    async def render(self, *_: Any) -> bytes:
        raise RenderFailed("no ink")


async def test_what_cannot_be_drawn_fails_after_three_tries_and_can_be_asked_for_again(
    street: Street, desk: Desk, drain: Drain, service: Service
) -> None:
    report_id = await desk.asked()
    parts = {"database": service.database, "settings": service.settings, "ring": service.ring, "store": service.store}
    for _ in range(2):
        with pytest.raises(RenderFailed):
            await render({"report_id": report_id}, renderer=Broken(), **parts)
    await render({"report_id": report_id}, renderer=Broken(), **parts)
    view = await desk.report(report_id)
    assert (view["state"], view["failure"]) == ("failed", "render_failed")
    refused = await desk.get(f"/{report_id}/pdf")
    assert (refused.status_code, refused.json()["code"]) == (409, "report_failed")
    again = await desk.asked()
    await drain()
    assert (await desk.report(again))["state"] == "ready"


async def test_a_drawing_that_takes_too_long_is_ended(service: Service) -> None:
    renderer = Renderer(wall_seconds=0.05)
    with pytest.raises(RenderFailed, match="not drawn within"):
        await renderer.render(suyun_facts(), "en", "A4")


async def test_drawing_apart_gives_the_bytes_that_drawing_here_gives(service: Service) -> None:
    facts = suyun_facts()
    assert await service.renderer.render(facts, "zh", "A4") == render_dossier(facts, "zh", "A4")


async def test_a_worker_killed_after_storing_stores_no_second_file(
    street: Street, desk: Desk, drain: Drain, service: Service
) -> None:
    report_id = UUID(await desk.asked())
    async with service.database.begin() as tx:
        draft = await begin_report(
            tx,
            report_id,
            ring=service.ring,
            renderer_version=service.renderer.version,
            public_url=service.settings.public_url,
            now=await tx.now(),
        )
    assert draft is not None
    pdf = await service.renderer.render(draft.facts, draft.language, draft.paper)
    until = draft.as_of + timedelta(days=1)
    version_id = await put_report(service.store, draft.object_name, pdf, until=until)
    await drain()  # the job runs again from the same facts
    rows = await street.sql("SELECT version_id, pdf_sha256 FROM report_file")
    assert [tuple(row) for row in rows] == [(version_id, hashlib.sha256(pdf).hexdigest())]


async def test_what_is_not_made_in_a_day_is_given_up(street: Street, desk: Desk, clock: Any, service: Service) -> None:
    report_id = await desk.asked()
    await street.sql("DELETE FROM procrastinate_jobs RETURNING id")  # its job was lost
    clock.forward(timedelta(days=1, minutes=1))
    await drain_all(service)
    assert (await desk.report(report_id))["failure"] == "render_failed"
    assert (await desk.ask()).status_code == 202


async def test_a_stored_report_is_not_changed_by_any_role(street: Street, desk: Desk, drain: Drain) -> None:
    report_id = await desk.asked()
    await drain()
    before = await desk.report(report_id)
    with pytest.raises(DBAPIError, match="report_kept"):
        await street.sql("UPDATE report_file SET pdf_sha256 = 'other' RETURNING id")
    with pytest.raises(DBAPIError, match="permission denied"):
        await street.sql("DELETE FROM report_file RETURNING id")
    assert await desk.report(report_id) == before


async def test_a_dossier_prints_the_chains_head_and_a_newer_head_alone_makes_no_new_file(
    street: Street, desk: Desk, drain: Drain, service: Service
) -> None:
    await frozen_street(street, drain)
    async with service.database.begin() as tx:
        assert await seal_next(tx, now=await tx.now()) > 0
        seal = await newest_seal(tx)
    assert seal is not None
    async with service.database.begin() as tx:
        gathered = await gather_dossier(
            tx, street.goods.batch_id, prepared_for=desk.regulator.person_id, as_of=await tx.now()
        )
    assert gathered.facts.chain_head == seal.chain_head
    unsealed = Gathered(replace(gathered.facts, chain_head=None), gathered.photo_files)
    assert gathered.sha256 == unsealed.sha256
