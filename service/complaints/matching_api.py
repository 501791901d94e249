"""JSON route about the matcher itself."""

from litestar import get
from litestar.di import NamedDependency

from service.complaints.model_schemas import MatchingView
from service.complaints.watching import matching_now
from service.db.session import Tx


@get("/matching", opt={"allow": "matching.read"}, summary="How the matcher does", tags=["Matching"])
async def show_matching(tx: NamedDependency[Tx]) -> MatchingView:
    """Get the model in force and its drift: complaints that it could not place, links that people changed."""
    return await matching_now(tx)
