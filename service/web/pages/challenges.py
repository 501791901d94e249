"""Forms of photos with a one-time code: ask and judge as a mediator, open and answer as the side that was asked."""

from functools import partial
from typing import Any
from uuid import UUID

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.complaints import challenges
from service.complaints.challenge_schemas import NewChallenge, NewJudgement
from service.core.actor import Actor
from service.db.session import Database, Tx
from service.files.images import ImageWorkshop
from service.files.posted import contents
from service.files.receiving import PHOTO_BYTES_MAX, receive_photos
from service.files.sealing import KeyRing
from service.files.store import Store
from service.settings import Settings
from service.web import paths
from service.web.pages.area import as_buyer
from service.web.pages.buyer import SEND as BUYER_SEND
from service.web.pages.cases import drawn
from service.web.pages.casework import find_case
from service.web.pages.mediator.case import CASE as MEDIATOR_CASE
from service.web.pages.mediator.case import SEND as MEDIATOR_SEND
from service.web.pages.mediator.case import case_page as mediators_page
from service.web.pages.seller.answer import CASE as SELLER_CASE
from service.web.pages.seller.answer import SELLER_FORM
from service.web.pages.seller.answer import case_page as sellers_page
from service.web.pages.shell import REFUSALS, Draw, Page, ShellOf, checked, missing
from service.web.pages.sides import verdict_place
from service.web.phrase import say
from service.web.views.parts import FieldError, Form

TxOf = NamedDependency[Tx]
ActorOf = NamedDependency[Actor]
Named = FromPath[str]
Id = FromPath[UUID]
_ASKED = {"side": "asked_side", "text": "asked_text"}
_FIELDS = {**_ASKED, "photo": "photo"}
_BUYER_CASE = "/cases/{reference:str}"
_ONE = "challenges/{challenge_id:uuid}"


class PhotoDesk:
    """Takes the photo of an answer in, with no transaction open."""

    def __init__(self, database: Database, store: Store, workshop: ImageWorkshop, ring: KeyRing, days: int) -> None:
        self._database = database
        self._store = store
        self._workshop = workshop
        self._ring = ring
        self._days = days

    async def answer(
        self, shell: ShellOf, tx: Tx, actor: Actor, reference: str, challenge_id: UUID, *, draw: Draw, back: str
    ) -> Page:
        """Answer with the form's photo, and go back to the case; a refusal stands on the case's page."""
        form, files = await shell.form(), await shell.files("photo")
        try:
            await shell.replay(form, self._database)
            async with self._database.begin() as short:
                case_id = await find_case(short, actor, reference)
            key = await challenges.begin_answer(
                self._database, actor, case_id, challenge_id, ring=self._ring, new=len(files)
            )
            (received,) = await receive_photos(self._store, self._workshop, key, contents(files), field="photo")
            await shell.take(form)
            await challenges.answer(
                tx, actor, case_id, challenge_id, received, retention_days=self._days, now=await tx.now()
            )
        except REFUSALS as error:
            return await shell.refused(error, form, draw, _FIELDS)
        return shell.go(back, done="done.challenge_answered")


def provide_photo_desk(
    database: NamedDependency[Database],
    store: NamedDependency[Store],
    workshop: NamedDependency[ImageWorkshop],
    ring: NamedDependency[KeyRing],
    settings: NamedDependency[Settings],
) -> PhotoDesk:
    """Return what takes the photo of an answer in."""
    return PhotoDesk(database, store, workshop, ring, settings.evidence_retention_days)


DeskOf = NamedDependency[PhotoDesk]


@post(f"{_BUYER_CASE}/{_ONE}/opening", opt=BUYER_SEND)
async def open_as_buyer(reference: Named, challenge_id: Id, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Show the buyer the code."""
    draw = drawn(tx, actor, reference, shell.language)
    return await _open(shell, tx, as_buyer(actor), reference, challenge_id, draw=draw, back=paths.case(reference))


@post(f"{_BUYER_CASE}/{_ONE}/photo", opt=BUYER_SEND, request_max_body_size=PHOTO_BYTES_MAX)
async def answer_as_buyer(
    reference: Named, challenge_id: Id, shell: ShellOf, tx: TxOf, actor: ActorOf, photo_desk: DeskOf
) -> Page:
    """Take the buyer's photo."""
    draw, back = drawn(tx, actor, reference, shell.language), paths.case(reference)
    return await photo_desk.answer(shell, tx, as_buyer(actor), reference, challenge_id, draw=draw, back=back)


@post(f"{SELLER_CASE}/{_ONE}/opening", opt=SELLER_FORM)
async def open_as_seller(reference: Named, challenge_id: Id, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Show the seller the code."""
    draw = partial(sellers_page, tx, actor, reference, shell.language)
    return await _open(shell, tx, actor, reference, challenge_id, draw=draw, back=paths.seller_case(reference))


@post(f"{SELLER_CASE}/{_ONE}/photo", opt=SELLER_FORM, request_max_body_size=PHOTO_BYTES_MAX)
async def answer_as_seller(
    reference: Named, challenge_id: Id, shell: ShellOf, tx: TxOf, actor: ActorOf, photo_desk: DeskOf
) -> Page:
    """Take the seller's photo."""
    draw, back = partial(sellers_page, tx, actor, reference, shell.language), paths.seller_case(reference)
    return await photo_desk.answer(shell, tx, actor, reference, challenge_id, draw=draw, back=back)


@post(f"{MEDIATOR_CASE}/challenges", opt=MEDIATOR_SEND)
async def ask(reference: Named, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Ask a side for a photo with a code."""
    form, draw = await shell.form(), partial(mediators_page, tx, actor, reference, shell.language)
    if (looked_at := missing(form, asked_side="error.choose_one", asked_text="error.asked_text_missing")).errors:
        return await shell.wrong(looked_at, draw)
    try:
        await shell.take(form)
        told = {"side": form.value("asked_side"), "text": form.value("asked_text").strip()}
        case_id = await find_case(tx, actor, reference)
        await challenges.ask(tx, actor, case_id, checked(NewChallenge, told, _ASKED), now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, draw, _FIELDS)
    return shell.go(paths.mediator_case(reference), done="done.challenge_asked")


@post(f"{MEDIATOR_CASE}/{_ONE}/judgement", opt=MEDIATOR_SEND)
async def judge(reference: Named, challenge_id: Id, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Record whether the code is in the frame."""
    form, draw = await shell.form(), partial(mediators_page, tx, actor, reference, shell.language)
    place = verdict_place(challenge_id)
    if not form.value("verdict"):
        gap = FieldError(place, say("error.choose_one"))
        return await shell.wrong(Form(form.values, (gap,)), draw)
    try:
        await shell.take(form)
        told = checked(NewJudgement, {"verdict": form.value("verdict")})
        case_id = await find_case(tx, actor, reference)
        await challenges.judge(tx, actor, case_id, challenge_id, told.verdict, now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, draw, {"verdict": place})
    return shell.go(paths.mediator_case(reference), done="done.challenge_judged")


@post(f"{MEDIATOR_CASE}/{_ONE}/withdrawal", opt=MEDIATOR_SEND)
async def withdraw(reference: Named, challenge_id: Id, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Take a request back."""
    form, draw = await shell.form(), partial(mediators_page, tx, actor, reference, shell.language)
    try:
        await shell.take(form)
        case_id = await find_case(tx, actor, reference)
        await challenges.withdraw(tx, actor, case_id, challenge_id, now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, draw, _FIELDS)
    return shell.go(paths.mediator_case(reference), done="done.challenge_withdrawn")


async def _open(
    shell: ShellOf, tx: Tx, actor: Actor, reference: str, challenge_id: UUID, *, draw: Draw, back: str
) -> Page:
    form = await shell.form()
    try:
        await shell.take(form)
        case_id = await find_case(tx, actor, reference)
        await challenges.open_challenge(tx, actor, case_id, challenge_id, now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, draw, _FIELDS)
    return shell.go(back)


HANDLERS: list[Any] = [open_as_buyer, answer_as_buyer, open_as_seller, answer_as_seller, ask, judge, withdraw]
