"""The locked files of reports: put once, read back and checked. Never called while a transaction is open."""

import hashlib
from datetime import datetime

from service.files.reading import log_damage
from service.files.sealing import BytesChanged
from service.files.store import Bucket, Store
from service.reporting.actions import StoredReport


async def put_report(store: Store, name: str, pdf: bytes, *, until: datetime) -> str:
    """Store a PDF so that nobody can delete it before `until`; the version's id. Again with the same bytes: the same.

    Raises `Unavailable` if S3 does not answer or did not lock.
    """
    return await store.put_locked(Bucket.REPORTS, name, pdf, until)


async def read_report(store: Store, stored: StoredReport) -> bytes:
    """Return the PDF; raises `BytesChanged` if it is not what was stored, `Unavailable` if S3 does not answer."""
    pdf = await store.read(Bucket.REPORTS, stored.object_name, stored.version_id)
    if hashlib.sha256(pdf).hexdigest() != stored.pdf_sha256:
        damage = BytesChanged("the report is not what was stored")
        log_damage(damage, Bucket.REPORTS, stored.object_name, stored.version_id, file_name=stored.file_name)
        raise damage
    return pdf
