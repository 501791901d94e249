"""Making reports: the facts are fixed and committed, drawn and stored with no transaction open, then written down."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import structlog

from service.core.errors import Unavailable
from service.db.session import Database, Tx
from service.files.reading import fetch
from service.files.rules import retain_until
from service.files.sealing import BytesChanged, KeyRing
from service.files.store import Store
from service.jobs.queue import Payload
from service.reporting.actions import Draft, begin_report, fail_report, finish_report
from service.reporting.renderer import Renderer, RenderFailed
from service.reporting.rules import is_final
from service.reporting.shelf import put_report
from service.settings import Settings

_log = structlog.get_logger("fairhold.reporting")
_FAILURES: Final[Mapping[type[Exception], str]] = {
    RenderFailed: "render_failed",
    BytesChanged: "evidence_changed",
    Unavailable: "storage_unavailable",
}


async def render(
    payload: Payload, *, database: Database, settings: Settings, store: Store, ring: KeyRing, renderer: Renderer
) -> None:
    """Make a report. Whatever fails outside is tried again with the same facts, and given up in the end with a code."""
    report_id = UUID(payload["report_id"])

    async def begin(tx: Tx) -> Draft | None:
        await tx.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return await begin_report(
            tx,
            report_id,
            ring=ring,
            renderer_version=renderer.version,
            public_url=settings.public_url,
            now=await tx.now(),
        )

    draft = await database.run(begin)
    if draft is None:
        return
    try:
        pdf = await _draw(draft, store, renderer)
        until = retain_until(draft.as_of, settings.evidence_retention_days)
        version_id = await put_report(store, draft.object_name, pdf, until=until)
    except tuple(_FAILURES) as error:
        failure = _FAILURES[type(error)]
        _log.warning("report not made", report_id=str(report_id), failure=failure, tries=draft.tries, error=str(error))
        if not is_final(failure, draft.tries):
            raise
        async with database.begin() as tx:
            await fail_report(tx, report_id, failure=failure, now=await tx.now())
        return
    digest = hashlib.sha256(pdf).hexdigest()
    async with database.begin() as tx:
        await finish_report(
            tx, draft, pdf_sha256=digest, size_bytes=len(pdf), version_id=version_id, now=await tx.now()
        )


async def _draw(draft: Draft, store: Store, renderer: Renderer) -> bytes:
    views = {code: await fetch(store, ticket) for code, ticket in draft.tickets}
    photos = tuple(replace(photo, image=views.get(photo.code)) for photo in draft.facts.photos)
    return await renderer.render(replace(draft.facts, photos=photos), draft.language, draft.paper)


async def give_up(payload: Payload, *, database: Database) -> None:
    """A report was not made in a day: say so, so that it can be asked for again."""
    async with database.begin() as tx:
        await fail_report(tx, UUID(payload["subject_id"]), failure="render_failed", now=await tx.now())


HANDLERS: Mapping[str, Callable[..., Any]] = {"reporting.render": render, "reporting.give_up": give_up}
SUBSCRIPTIONS: Mapping[str, Sequence[str]] = {}
