"""JSON routes about keeping and erasing what a case holds."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from service.complaints import keeping, queries
from service.complaints.keeping_rules import NOTE_MAX, ReleaseReason
from service.complaints.keeping_schemas import KeepingView, NewErasure, NewLegalHold
from service.core.actor import Actor
from service.db.session import Tx
from service.files.sealing import KeyRing

CaseId = FromPath[UUID]
TxOf = NamedDependency[Tx]
ActorOf = NamedDependency[Actor]
Reason = Annotated[ReleaseReason, QueryParameter(name="reason", description="Why it is let go.")]
Note = Annotated[str, QueryParameter(name="note", max_length=NOTE_MAX, description="For example a file number.")]


class Keeping(Controller):
    """What a case holds: held by law, or erased."""

    path = "/complaints/{complaint_id:uuid}"
    tags = ("Evidence",)

    @get("/keeping", opt={"allow": "complaints.read_keeping"}, summary="Is a case held or erased?")
    async def one(self, complaint_id: CaseId, tx: TxOf, actor: ActorOf) -> KeepingView:
        """Get whether what the case holds is held or erased, and every order about it with its reason."""
        return await queries.get_keeping(tx, actor, complaint_id)

    @post("/erasure", opt={"allow": "complaints.erase"}, summary="Erase what a case holds")
    async def erase(
        self, complaint_id: CaseId, data: JSONBody[NewErasure], tx: TxOf, actor: ActorOf
    ) -> Response[KeepingView]:
        """Destroy the key of the case's files and delete its words, for ever. A legal hold prevents it.

        The course of the case, its amounts and times, and the hashes of its files stay.
        """
        await keeping.erase(tx, actor, complaint_id, data, now=await tx.now())
        return await _kept(tx, actor, complaint_id)

    @post("/legal-hold", opt={"allow": "complaints.hold_evidence"}, summary="Hold what a case holds")
    async def hold(
        self,
        complaint_id: CaseId,
        data: JSONBody[NewLegalHold],
        tx: TxOf,
        actor: ActorOf,
        ring: NamedDependency[KeyRing],
    ) -> Response[KeepingView]:
        """Keep everything against erasure until it is let go. The parties do not learn of it."""
        await keeping.hold(tx, actor, complaint_id, data, ring=ring, now=await tx.now())
        return await _kept(tx, actor, complaint_id)

    @delete("/legal-hold", opt={"allow": "complaints.hold_evidence"}, summary="Let go what a case holds")
    async def let_go(self, complaint_id: CaseId, reason: Reason, tx: TxOf, actor: ActorOf, note: Note = "") -> None:
        """Let it be erased again; nothing is erased by that alone."""
        await keeping.let_go(tx, actor, complaint_id, reason=reason, note=note, now=await tx.now())


async def _kept(tx: Tx, actor: Actor, complaint_id: UUID) -> Response[KeepingView]:
    await tx.flush()  # the view is read from the database
    view = await queries.get_keeping(tx, actor, complaint_id)
    return Response(view, status_code=201, headers={"Location": f"/api/v1/complaints/{complaint_id}/keeping"})
