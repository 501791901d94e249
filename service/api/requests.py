"""What is refused of every JSON body before a handler sees it: other media types, deep nesting, NUL, loose types."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import ClientException, HTTPException, ValidationException

from service.core.actor import Actor

BODY = "data"
"""The parameter that handlers take a body by; it names the body as a whole where no field can be named."""
_JSON = "application/json"
_PLACE = re.compile(r" - at `\$\.?(.+)`$")


class StrictRequest(Request[Actor, Any, State]):
    """A request whose JSON body is what it says it is, and holds only texts that the database can store."""

    async def json(self) -> Any:
        """Return the body in the handler's type, where it names one: a number in quotes is no number.

        Answers 415 for another media type, 400 for what is too deep or not UTF-8, 422 naming the field that is wrong.
        No media type at all is taken for JSON, as small clients send none.
        """
        named = self.content_type[0].lower()
        if named and named != _JSON and not named.endswith("+json"):
            raise HTTPException(status_code=415, detail="the body is application/json")
        try:
            found = await super().json()
        except RecursionError as error:  # of the decoder alone: anywhere else it is a bug of ours
            raise ClientException(detail="the body is nested too deeply") from error
        except UnicodeDecodeError as error:
            raise ClientException(detail="the body is not UTF-8") from error
        refuse_nul(_texts(found))
        wanted = self.route_handler.parsed_fn_signature.parameters.get(BODY)
        return found if wanted is None else _converted(found, wanted.annotation)


async def refuse_nul_in_query(request: Request[Any, Any, Any]) -> None:
    """Refuse a query with a NUL before anything else looks at it."""
    refuse_nul(request.query_params.multi_items())


def refuse_nul(texts: Iterable[tuple[str, str]]) -> None:
    """Answer 422 naming each place whose text has a NUL, which PostgreSQL stores nowhere."""
    wrong = [{"key": place, "message": "Expected text without NUL"} for place, text in texts if "\0" in text]
    if wrong:
        raise ValidationException(detail="a text holds a NUL", extra=wrong)


def _converted(found: object, wanted: Any) -> Any:
    """Return the body as its struct. The framework alone would take "1" for 1, and "null" for null."""
    try:
        return msgspec.convert(found, wanted)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        message = str(error).split(" - at ", maxsplit=1)[0]
        extra = [{"key": place[1] if place else BODY, "message": message}]
        raise ValidationException(detail="the body does not fit", extra=extra) from error


def _texts(body: object) -> Iterator[tuple[str, str]]:
    """Give each text of a decoded body with its place, without recursion: the body may be deep."""
    waiting: list[tuple[str, object]] = [("", body)]
    while waiting:
        place, part = waiting.pop()
        if isinstance(part, str):
            yield place or BODY, part
        elif isinstance(part, dict):
            waiting += [(f"{place}.{name}" if place else str(name), value) for name, value in part.items()]
        elif isinstance(part, list):
            waiting += [(f"{place}[{number}]", value) for number, value in enumerate(part)]
