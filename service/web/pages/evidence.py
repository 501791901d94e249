"""Photos and documents: shown after a permission check, each view an event; added to a case that was sent."""

from pathlib import PurePath
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.complaints import evidence
from service.complaints.limits import Counter
from service.complaints.queries import case_of_file
from service.core.actor import Actor
from service.core.errors import Invalid, NotFound
from service.db.session import Database, Tx
from service.files.images import ImageWorkshop
from service.files.intake import Received
from service.files.kinds import FILE_BYTES_MAX, FILES_PER_COMPLAINT_MAX
from service.files.posted import contents
from service.files.reading import Part, Ticket
from service.files.sealing import KeyRing
from service.files.store import Store
from service.orders import packing
from service.settings import Settings
from service.web import paths
from service.web.language import Language
from service.web.pages.area import as_buyer
from service.web.pages.buyer import READ, SEND
from service.web.pages.cases import add_words, own_case
from service.web.pages.casework import photos
from service.web.pages.naming import goods_of
from service.web.pages.pictures import file_part, shown
from service.web.pages.shell import REFUSALS, Draw, Page, ShellOf, missing
from service.web.views.base import View
from service.web.views.buyer import AddEvidence
from service.web.views.parts import EMPTY_FORM, Form

PHOTO_FIELDS = {"files": "photos", "text": "words"}


@get("/evidence/{file_id:uuid}/{kind:str}", opt={"allow": "web.evidence"})
async def show(
    file_id: FromPath[UUID],
    kind: FromPath[str],
    actor: NamedDependency[Actor],
    database: NamedDependency[Database],
    store: NamedDependency[Store],
    ring: NamedDependency[KeyRing],
) -> Response[bytes]:
    """Return a photo without its metadata, or an original to whoever may have it. Each look is recorded first."""
    part = file_part(kind)
    async with database.begin() as tx:
        ticket = await _ticket(tx, actor, file_id, part, ring)
    return await shown(store, ticket)


async def _ticket(tx: Tx, actor: Actor, file_id: UUID, part: Part, ring: KeyRing) -> Ticket:
    """Return a ticket for a file of a case; for a packing photo that no case shows, as its order's seller or staff."""
    now = await tx.now()
    try:
        case_id = await case_of_file(tx, actor, file_id)
    except NotFound:
        order_id = await packing.order_of_photo(tx, file_id)
        if order_id is None:
            raise
        return await packing.open_photo(tx, actor, order_id, file_id, part, ring=ring, now=now)
    return await evidence.open_evidence(tx, actor, case_id, file_id, part, ring=ring, now=now)


class Intake:
    """Takes photos in, with no transaction open, for the buyer's forms."""

    def __init__(
        self,
        database: Database,
        store: Store,
        workshop: ImageWorkshop,
        ring: KeyRing,
        settings: Settings,
        counter: Counter,
    ) -> None:
        self.counter = counter
        self._desk = evidence.Desk(database, store, workshop, ring, settings)
        self.retention_days = settings.evidence_retention_days

    async def receive(self, actor: Actor, case_id: UUID, files: list[UploadFile]) -> list[Received]:
        """Count the files and return them as they were taken in, all or none.

        A refusal names the file as the person knows it.
        """
        await self.counter.count("files", len(files))
        try:
            return await evidence.take_in(self._desk, actor, case_id, contents(files))
        except Invalid as error:
            place = error.facts.get("file")
            if not isinstance(place, int):
                raise
            name = PurePath(files[place].filename or "").name[:80]
            raise Invalid(error.code, error.message, **{**error.facts, "name": name}) from error


def provide_intake(
    database: NamedDependency[Database],
    store: NamedDependency[Store],
    workshop: NamedDependency[ImageWorkshop],
    ring: NamedDependency[KeyRing],
    settings: NamedDependency[Settings],
    counter: NamedDependency[Counter],
) -> Intake:
    """Return what takes photos in."""
    return Intake(database, store, workshop, ring, settings, counter)


IntakeOf = NamedDependency[Intake]


@get("/cases/{reference:str}/evidence", opt=READ)
async def ask(reference: FromPath[str], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]) -> Page:
    """Ask for photos and words."""
    return await shell.page(await _page(tx, actor, reference, shell.language)(EMPTY_FORM))


@post("/cases/{reference:str}/evidence", opt=SEND, request_max_body_size=evidence.UPLOAD_BYTES_MAX)
async def add(
    reference: FromPath[str],
    shell: ShellOf,
    tx: NamedDependency[Tx],
    actor: NamedDependency[Actor],
    intake: IntakeOf,
    database: NamedDependency[Database],
) -> Page:
    """Add photos, words, or both."""
    form, files = await shell.form(), await shell.files("photos")
    draw, buyer = _page(tx, actor, reference, shell.language), as_buyer(actor)
    words = "\n".join(each for each in (form.value("caption").strip(), form.value("words").strip()) if each)
    if not files and not words:
        return await shell.wrong(missing(Form(form.values), photos="error.file_missing"), draw)
    try:
        await shell.replay(form, database)
        if words:
            await intake.counter.count("entries")
        async with database.begin() as short:
            case_id = (await own_case(short, actor, reference)).id
        received = await intake.receive(buyer, case_id, files) if files else []
        await shell.take(form)
        if received:
            days = intake.retention_days
            await evidence.attach(tx, buyer, case_id, received, retention_days=days, now=await tx.now())
        await add_words(tx, buyer, case_id, words)
    except REFUSALS as error:
        return await shell.refused(error, form, draw, PHOTO_FIELDS)
    return shell.go(paths.case(reference), done="done.evidence")


def _page(tx: Tx, actor: Actor, reference: str, language: Language) -> Draw:
    async def draw(form: Form) -> View:
        case = await own_case(tx, actor, reference)
        return AddEvidence(
            case.reference,
            await goods_of(tx, case, language),
            photos(case.evidence, "buyer", "seller"),
            case.takes_files,
            FILES_PER_COMPLAINT_MAX,
            FILE_BYTES_MAX,
            form,
        )

    return draw


HANDLERS: list[Any] = [show, ask, add]
