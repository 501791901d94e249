"""The switches that make a sandbox misbehave."""

from typing import Annotated

import msgspec

DELAY_MS_MAX = 600_000
COUNT_MAX = 1_000_000


class Switches(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the sandbox fails; the default is to behave. docs/gateway.md says what each does."""

    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=DELAY_MS_MAX)] = 0
    refuse_next: Annotated[int, msgspec.Meta(ge=0, le=COUNT_MAX)] = 0
    time_out_after_work: Annotated[int, msgspec.Meta(ge=0, le=COUNT_MAX)] = 0
    fail_next: Annotated[int, msgspec.Meta(ge=0, le=COUNT_MAX)] = 0
    fail_after_work: Annotated[int, msgspec.Meta(ge=0, le=COUNT_MAX)] = 0
    wrong_answers: Annotated[int, msgspec.Meta(ge=0, le=COUNT_MAX)] = 0
    duplicate_notices: bool = False
    reorder_notices: bool = False
    drop_notices: bool = False
    forge_notices: bool = False
    stale_notices: bool = False
    wrong_notices: bool = False
    down: bool = False
