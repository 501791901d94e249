"""No byte of a file leaves without a permission and an event: every route that gives bytes, every module that reads.

The routes are read from the application, so that a new one fails here until somebody says which event records it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from litestar import Litestar, Response
from litestar.routes import HTTPRoute
from sqlalchemy import text

from service.api.router import PREFIX
from service.core.actor import Role
from service.core.ids import new_id
from tests.permissions_table import PERMISSIONS, Outcome, Row
from tests.test_permissions import Stage, stage
from tests.world import Whose

__all__ = ["stage"]

SERVICE = Path(__file__).parents[2] / "service"
VIEWED, DOWNLOADED = "file.viewed", "report.downloaded"
EVIDENCE = f"{PREFIX}/complaints/{{complaint_id}}/evidence/{{file_id}}"
PACKING = f"{PREFIX}/orders/{{order_id}}/packing-photos/{{file_id}}"
LISTING = f"{PREFIX}/batches/{{batch_id}}/photos/{{file_id}}"
GIVES_BYTES = {
    f"{EVIDENCE}/view": VIEWED,
    f"{EVIDENCE}/thumbnail": VIEWED,
    f"{EVIDENCE}/original": VIEWED,
    f"{PACKING}/view": VIEWED,
    f"{PACKING}/thumbnail": VIEWED,
    f"{PACKING}/original": VIEWED,
    f"{LISTING}/view": VIEWED,
    f"{LISTING}/thumbnail": VIEWED,
    f"{PREFIX}/reports/{{report_id}}/pdf": DOWNLOADED,
    "/evidence/{file_id}/{kind}": VIEWED,
    "/listing-photos/{file_id}/{kind}": VIEWED,
    "/regulator/reports/{report_id}/pdf": DOWNLOADED,
    "/static/{name}": None,  # stylesheet, scripts and pictures of our own
}
"""Every route that answers with bytes -> the event that records it. Reports have tests of their own."""
AS_THE_API = {"/evidence/{file_id}/{kind}": f"{EVIDENCE}/view", "/listing-photos/{file_id}/{kind}": f"{LISTING}/view"}
"""Routes of pages -> the route of the API that lets in the same people."""
FILES = sorted(path for path, event in GIVES_BYTES.items() if event == VIEWED)
READS_BYTES = {
    "files/reading.py": "reads for tickets, which are made with their event",
    "files/checking.py": "holds bytes against their hashes, and gives none out",
    "files/likeness_jobs.py": "by a ticket of the system's own",
    "complaints/recognise/work.py": "by a ticket of the system's own",
    "files/showing.py": "by a ticket, for the routes of the API",
    "web/pages/pictures.py": "by a ticket, for the two routes of pages",
    "reporting/jobs.py": "by tickets that were made in the requester's name",
    "reporting/shelf.py": "reads a report, whose download its two callers have recorded",
}
"""Every module that reads stored bytes, and why it may."""
_PLACE = re.compile(r"\{(\w+)\}")


def routes_with_bytes(app: Litestar) -> Iterator[str]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.parsed_fn_signature.return_type.annotation == Response[bytes]:
                    yield route.path_format


def test_every_route_that_gives_bytes_says_which_event_records_it(app: Litestar) -> None:
    assert set(routes_with_bytes(app)) == set(GIVES_BYTES)


def test_stored_bytes_are_read_in_these_modules_alone() -> None:
    found = {
        str(file.relative_to(SERVICE)) for file in SERVICE.rglob("*.py") if reads_bytes(ast.parse(file.read_text()))
    }
    assert found == set(READS_BYTES)


def reads_bytes(module: ast.Module) -> bool:
    """Whether a module calls `fetch` of `files.reading`, or `read` or `stream` of a store."""
    names = {
        alias.asname or alias.name
        for each in ast.walk(module)
        if isinstance(each, ast.ImportFrom) and each.module == "service.files.reading"
        for alias in each.names
        if alias.name == "fetch"
    }
    for call in ast.walk(module):
        if not isinstance(call, ast.Call):
            continue
        if isinstance(call.func, ast.Name) and call.func.id in names:
            return True
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"read", "stream"}:
            owner = call.func.value
            if (isinstance(owner, ast.Name) and owner.id == "store") or (
                isinstance(owner, ast.Attribute) and owner.attr in {"store", "_store"}
            ):
                return True
    return False


def expected(path: str) -> Row:
    return PERMISSIONS["GET " + AS_THE_API.get(path, path).removeprefix(PREFIX)]


async def views(stage: Stage) -> list[tuple[str, str | None]]:
    """Every recorded view: whose file, and by whom."""
    async with stage.service.database.begin() as tx:
        found = await tx.execute(text("SELECT subject_id, actor_id FROM event WHERE name = 'file.viewed' ORDER BY seq"))
        return [(str(row.subject_id), str(row.actor_id)) for row in found]


def address(path: str, row: Row, stage: Stage, whose: Whose | None, role: Role) -> tuple[str, str]:
    """The path with things of `whose` in it (None: things that nobody has), and the file's id."""
    ids = {
        place: str(new_id() if whose is None else stage.world.thing(kind, whose, role))
        for place, kind in row.things.items()
    } | {"kind": "small"}
    return _PLACE.sub(lambda place: ids[place[1]], path), ids["file_id"]


@pytest.mark.parametrize("path", FILES)
async def test_who_may_gets_the_bytes_with_one_event_and_who_may_not_neither(path: str, stage: Stage) -> None:
    row = expected(path)
    async with await stage.client() as client:
        for role in Role:
            for whose in (*Whose, None):
                where, file_id = address(path, row, stage, whose, role)
                account, before = stage.world.account(role), await views(stage)
                answer = await client.get(where, headers=account.by_key)
                added = (await views(stage))[len(before) :]
                outcome = row.guessed if whose is None else row.reaches.get(role, {}).get(whose, Outcome.FORBIDDEN)
                if outcome is Outcome.LET_IN:
                    assert answer.status_code == 200, (where, role, answer.text)
                    assert added == [(file_id, str(account.person_id))], (where, role)
                    assert answer.headers["content-type"].startswith("image/")
                else:
                    assert answer.status_code in {403, 404}, (where, role, answer.status_code)
                    assert added == [], (where, role)
                    assert is_no_picture(answer), (where, role)


@pytest.mark.parametrize("path", FILES)
async def test_nobody_without_a_sign_in_gets_a_byte(path: str, stage: Stage) -> None:
    async with await stage.client() as client:
        before = await views(stage)
        where, _ = address(path, expected(path), stage, Whose.OWN, Role.MEDIATOR)
        answer = await client.get(where, headers={"Accept": "application/json"})
        assert answer.status_code in {303, 401, 403, 404}, answer.status_code
        assert is_no_picture(answer)
        assert await views(stage) == before


@pytest.mark.parametrize("path", FILES)
async def test_no_other_method_gives_the_bytes_without_the_event(path: str, stage: Stage) -> None:
    async with await stage.client() as client:
        where, _ = address(path, expected(path), stage, Whose.OWN, Role.MEDIATOR)
        before = await views(stage)
        for method in ("HEAD", "OPTIONS", "TRACE"):
            answer = await client.request(method, where, headers=stage.world.account(Role.MEDIATOR).by_key)
            assert answer.status_code in {200, 204, 405, 404, 501}, answer.status_code
            assert is_no_picture(answer)
        assert await views(stage) == before


def is_no_picture(answer: httpx.Response) -> bool:
    kind = answer.headers.get("content-type", "")
    return not kind.startswith("image/") and b"WEBP" not in answer.content and b"\x89PNG" not in answer.content
