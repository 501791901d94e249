"""Query parameters that every list shares, with their limits: for signatures of handlers."""

from typing import Annotated

from litestar.params import QueryParameter

from service.db.pages import LIMIT_MAX

MARK_LENGTH_MAX = 400
SEARCH_LENGTH_MAX = 200
WORD_LENGTH_MAX = 40

Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="How many rows a page has at most.")]
After = Annotated[
    str | None,
    QueryParameter(max_length=MARK_LENGTH_MAX, description="The mark that the page before gave as `meta.next`."),
]
Search = Annotated[
    str | None, QueryParameter(name="q", max_length=SEARCH_LENGTH_MAX, description="What to look for, in any language.")
]
Status = Annotated[
    str | None, QueryParameter(name="status", max_length=WORD_LENGTH_MAX, description="Only those with this status.")
]
State = Annotated[
    str | None, QueryParameter(name="state", max_length=WORD_LENGTH_MAX, description="Only those in this state.")
]
