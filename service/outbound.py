"""The one maker of HTTP clients for calls to other systems, with its limits; nothing else in a domain knows httpx.

Nothing here is called while a transaction is open.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from functools import cache
from typing import cast

import httpx

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
WHOLE_ANSWER_SECONDS = 30.0
ANSWER_BYTES_MAX = 1_000_000
CONNECTIONS_MAX = 20
_UNCODED = "identity"

NoAnswer = httpx.HTTPError
"""What a call raises when it gets no (whole) answer: nobody knows whether the other side did the work."""
Client = httpx.AsyncClient


def client() -> httpx.AsyncClient:
    """Return a client that follows no redirects and no proxies of the host, and that nobody can keep busy.

    It gives up after 5 s to connect, 10 s without a word, 30 s of words, and 1 MB; packed answers, which could grow
    beyond that, it neither asks for nor takes.
    """
    limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX)
    return httpx.AsyncClient(
        transport=_Capped(verify=_trusted(), limits=limits, trust_env=False),
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        headers={"Accept-Encoding": _UNCODED},
        follow_redirects=False,
        trust_env=False,
    )


@cache
def _trusted() -> ssl.SSLContext:
    """Return whom all clients trust: to read the list of authorities takes longer than to make the client."""
    return httpx.create_ssl_context(trust_env=False)


class _Capped(httpx.AsyncHTTPTransport):
    """Gives answers whose body ends with `NoAnswer` where it grows too large or comes too slowly."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        if answer.headers.get("Content-Encoding", _UNCODED) != _UNCODED:
            await answer.aclose()
            raise httpx.DecodingError("a packed answer, which was not asked for", request=request)
        answer.stream = _CappedBody(cast("httpx.AsyncByteStream", answer.stream), request)
        return answer


class _CappedBody(httpx.AsyncByteStream):
    def __init__(self, body: httpx.AsyncByteStream, request: httpx.Request) -> None:
        self._body = body
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size, until = 0, asyncio.get_running_loop().time() + WHOLE_ANSWER_SECONDS
        async for piece in self._body:
            size += len(piece)
            if size > ANSWER_BYTES_MAX:
                raise httpx.ReadError(f"an answer of more than {ANSWER_BYTES_MAX} bytes", request=self._request)
            if asyncio.get_running_loop().time() > until:
                raise httpx.ReadTimeout(f"an answer of more than {WHOLE_ANSWER_SECONDS} s", request=self._request)
            yield piece

    async def aclose(self) -> None:
        await self._body.aclose()
