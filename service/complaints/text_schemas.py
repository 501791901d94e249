"""What a typed text may be, for all requests about complaints."""

from typing import Annotated, Final

import msgspec

from service.complaints.rules import TEXT_MAX

NO_NUL: Final = r"^[^\x00]*$"  # PostgreSQL stores no NUL
SAYS: Final = r"^[^\x00]*[^\s\x00][^\x00]*$"
"""More than spaces."""

Short = Annotated[str, msgspec.Meta(max_length=300, pattern=NO_NUL)]
Code = Annotated[str, msgspec.Meta(max_length=120, pattern=NO_NUL)]
Place = Annotated[str, msgspec.Meta(max_length=100, pattern=NO_NUL, examples=["330100"])]
Story = Annotated[str, msgspec.Meta(max_length=TEXT_MAX, pattern=NO_NUL)]
Said = Annotated[str, msgspec.Meta(min_length=1, max_length=TEXT_MAX, pattern=SAYS)]
