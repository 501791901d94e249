"""The JSON route about photos that look like those of a case."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from service.complaints.likeness_schemas import Likenesses
from service.complaints.likenesses import likenesses
from service.core.actor import Actor
from service.db.session import Tx
from service.files.likeness import REACH_MAX


class Similar(Controller):
    """Photos lifted from listings, and copies in other cases."""

    path = "/complaints/{complaint_id:uuid}/likenesses"
    tags = ("Evidence",)

    @get("/", opt={"allow": "complaints.read_likenesses"}, summary="Find earlier photos that look the same")
    async def found(
        self,
        complaint_id: FromPath[UUID],
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        distance: Annotated[int, QueryParameter(ge=0, le=REACH_MAX)] = REACH_MAX,
    ) -> Likenesses:
        """Get for each photo of the case the earlier photos of cases, listings and packing that it is a copy of.

        A copy differs in at most `distance` of 256 bits. What belongs to tenants that are not yours is only counted.
        """
        return await likenesses(tx, actor, complaint_id, now=await tx.now(), reach=distance)
