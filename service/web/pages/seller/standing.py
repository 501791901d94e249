"""Whether a shop may sell: the note at the top of its pages when it may not."""

from service.core.actor import Actor
from service.db.session import Tx
from service.sellers.queries import suspension_of
from service.web.pages.seller.orders import own_shop
from service.web.phrase import say
from service.web.views.seller import Suspended


async def suspended(tx: Tx, actor: Actor) -> Suspended | None:
    """Return since when and why the shop that an actor works for is suspended, if it is."""
    found = await suspension_of(tx, actor, own_shop(actor))
    if found.since is None:
        return None
    return Suspended(found.since, say(f"suspension.{found.reason}"))
