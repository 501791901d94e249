"""What the API says of the matcher: the model in force, and how it does."""

from datetime import datetime
from typing import Annotated

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class DriftView(msgspec.Struct, frozen=True):
    """What a model did in the last `days`; an empty `version` stands for all of them together."""

    version: Annotated[str, msgspec.Meta(examples=["2026-11-22.1"])]
    days: Annotated[int, msgspec.Meta(examples=[7])]
    tried: int
    unmatched: int
    unmatched_share: Share | None
    links: int
    overridden: int
    overridden_share: Share | None


class MatchingView(msgspec.Struct, frozen=True):
    """The model in force, what its report lets one expect, and what came of it.

    `newest_links` are the newest automatic links, of which `overridden` were changed by people; above
    `overridden_max` there is an alert. `drift` was counted at `counted_at`, and not yet where that is null.
    """

    version: Annotated[str, msgspec.Meta(examples=["2026-11-22.1"])]
    origin: Annotated[str, msgspec.Meta(examples=["shipped"])]
    made_at: datetime | None
    deployed_at: datetime | None
    unmatched_expected: Share | None
    overridden_expected: Share
    newest_links: int
    overridden: int
    overridden_max: int
    counted_at: datetime | None
    drift: list[DriftView]
