"""What tests of photos with a one-time code do again and again: ask, open, send the photo."""

from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.complaints.conftest import Cases
from tests.files.pictures import quarters, saved
from tests.world import Account

PHOTO = saved(quarters(80, 60), "PNG")
ASKED = {"side": "buyer", "text": "The label, with the lot code."}
MINUTE = timedelta(minutes=1)


async def ask(cases: Cases, case_id: str, by: Account | None = None, **told: str) -> httpx.Response:
    return await cases.send(f"/{case_id}/challenges", {**ASKED, **told}, by=by or cases.mediator)


async def asked(cases: Cases, case_id: str, **told: str) -> str:
    answer = await ask(cases, case_id, **told)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def opened(cases: Cases, case_id: str, challenge_id: str, by: Account | None = None) -> dict[str, Any]:
    return await cases.ok(f"/{case_id}/challenges/{challenge_id}/opening", by=by)


async def send_photo(
    cases: Cases, case_id: str, challenge_id: str, photo: bytes = PHOTO, by: Account | None = None
) -> httpx.Response:
    return await cases.client.post(
        f"/api/v1/complaints/{case_id}/challenges/{challenge_id}/photo",
        files={"photo": ("a.png", photo, "image/png")},
        headers=(by or cases.buyer).by_key,
    )


async def one(cases: Cases, case_id: str, by: Account | None = None) -> dict[str, Any]:
    """The only challenge of a case, as somebody sees it."""
    (found,) = await cases.get(f"/{case_id}/challenges", by=by)
    return dict(found)


def at(told: str) -> datetime:
    return datetime.fromisoformat(told)
