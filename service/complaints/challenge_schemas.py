"""Requests and responses about photos with a one-time code."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from service.complaints.challenge_rules import TEXT_MAX, AskedSide, Verdict
from service.complaints.text_schemas import SAYS


class NewChallenge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a mediator asks for: of which side, and what the photo is to show beside the code."""

    side: Annotated[AskedSide, msgspec.Meta(examples=["buyer"])]
    text: Annotated[
        str,
        msgspec.Meta(min_length=1, max_length=TEXT_MAX, pattern=SAYS, examples=["The label with the lot code."]),
    ]


class NewJudgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the code is in the frame, as the mediator sees it."""

    verdict: Annotated[Verdict, msgspec.Meta(examples=["in_frame"])]


class ChallengeView(msgspec.Struct, frozen=True):
    """A photo that a mediator asked for. `status` is asked, opened, answered, expired or withdrawn.

    The asked side opens it until `open_by`, sees the `code` and then sends the photo until `answer_by`. The code is
    null to everybody else, and to mediators until there is a photo. `late_at` is when a photo first came too late.
    `text` is null once it was erased.
    """

    id: UUID
    side: str
    status: str
    text: str | None
    asked_at: datetime
    open_by: datetime
    opened_at: datetime | None
    answer_by: datetime | None
    code: str | None
    late_at: datetime | None
    file_id: UUID | None
    ended_at: datetime | None
    verdict: str | None
    judged_at: datetime | None
