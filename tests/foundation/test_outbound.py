"""What others answer has limits: size, time, packing, redirects."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from service import outbound
from service.outbound import ANSWER_BYTES_MAX, NoAnswer

PIECE = b"x" * 65_536


@asynccontextmanager
async def answering(head: str, body: Iterable[bytes], pause: float = 0.0) -> AsyncIterator[str]:
    """A server that answers everything so; the address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n".encode())
        try:
            for piece in body:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
        except ConnectionError:
            pass  # the client has had enough
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_an_answer_of_the_greatest_size_is_read_whole_and_one_more_byte_is_no_answer() -> None:
    async with outbound.client() as client:
        for size in (ANSWER_BYTES_MAX, ANSWER_BYTES_MAX + 1):
            async with answering("200 OK", [b"x" * size]) as address:
                if size == ANSWER_BYTES_MAX:
                    assert len((await client.get(address)).content) == size
                else:
                    with pytest.raises(NoAnswer, match="more than 1000000 bytes"):
                        await client.get(address)


async def test_an_answer_that_never_ends_is_no_answer() -> None:
    async with outbound.client() as client, answering("200 OK", iter(lambda: PIECE, b"")) as address:
        with pytest.raises(NoAnswer, match="more than 1000000 bytes"):
            await client.get(address)


async def test_an_answer_that_trickles_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "WHOLE_ANSWER_SECONDS", 0.2)
    async with outbound.client() as client, answering("200 OK", iter(lambda: b"x", b""), pause=0.02) as address:
        with pytest.raises(NoAnswer, match=r"more than 0\.2 s"):
            await client.get(address)


async def test_a_packed_answer_is_not_taken() -> None:
    async with (
        outbound.client() as client,
        answering("200 OK\r\nContent-Encoding: gzip", [b"\x1f\x8b"]) as address,
    ):
        with pytest.raises(NoAnswer, match="packed"):
            await client.get(address)


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    async with outbound.client() as client, answering("302 Found\r\nLocation: http://127.0.0.1:9/", []) as address:
        assert (await client.get(address)).status_code == 302
