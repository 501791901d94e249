"""Photos of a case, and readings of them as the job writes them."""

from typing import Any

import httpx
from sqlalchemy import text

from service.core.ids import new_id
from service.db.session import Database
from tests.complaints.attaching import form, png
from tests.world import Account

_LOOKED_AT = text(
    "INSERT INTO complaint_photo_reading (file_id, tenant_id, complaint_id, engine, width_px, height_px, others, at)"
    " SELECT file_id, tenant_id, complaint_id, 'test', 800, 600, '[]', fairhold_now() FROM complaint_evidence"
    " WHERE file_id = :file_id ON CONFLICT DO NOTHING"
)
_SAID = text(
    "INSERT INTO complaint_reading (id, tenant_id, complaint_id, file_id, kind, value, text, source,"
    " confidence_percent, is_ambiguous, region)"
    " SELECT :id, tenant_id, complaint_id, file_id, :kind, :value, :value, :source, :percent, :doubt, '[]'"
    " FROM complaint_evidence WHERE file_id = :file_id"
)
_TOLD = text(
    "INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, at, facts)"
    " SELECT uuidv7(), 'complaint.photo_read', 'complaint', complaint_id, tenant_id, fairhold_now(),"
    " jsonb_build_object('file_id', file_id, 'count', 1) FROM complaint_evidence WHERE file_id = :file_id"
)


async def add_photo(client: httpx.AsyncClient, case_id: str, by: Account, content: bytes | None = None) -> str:
    """Add a photo to a case, and return its file's id."""
    path, files = f"/api/v1/complaints/{case_id}/evidence", form(content or png())
    answer = await client.post(path, files=files, headers=by.by_key)
    assert answer.status_code == 201, answer.text
    return str(answer.json()[-1]["file_id"])


async def says(database: Database, file_id: str, value: str, **told: Any) -> str:
    """Write that a photo says a lot (or another `kind`), with the event; the reading's id."""
    values = {"id": str(new_id()), "kind": "lot", "value": value, "source": "ocr", "percent": 90, "doubt": False}
    async with database.begin() as tx:
        await tx.execute(_LOOKED_AT, {"file_id": file_id})
        await tx.execute(_SAID, {**values, "file_id": file_id, **told})
        await tx.execute(_TOLD, {"file_id": file_id})
    return str(values["id"])
