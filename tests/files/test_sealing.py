"""Sealed files open only with their key, their file and every one of their bits."""

import hashlib
import io
import tracemalloc
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.errors import Unavailable
from service.files.sealing import (
    CHUNK_BYTES,
    BytesChanged,
    KeyRing,
    Sealer,
    SealingReader,
    Unsealer,
    decrypt,
    encrypt,
    sealed_size,
)

KEY = bytes(range(32))
CASE = UUID("018f0000-0000-7000-8000-000000000001")
OTHER_CASE = UUID("018f0000-0000-7000-8000-000000000002")
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 5]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_opens_again(size: int) -> None:
    plain = (bytes(range(251)) * (size // 251 + 1))[:size]
    sealed = encrypt(KEY, plain, b"file")
    assert decrypt(KEY, sealed, b"file") == plain
    assert len(sealed) == sealed_size(size)
    assert plain[:1000] not in sealed or size < 16


def test_the_same_bytes_are_never_sealed_alike() -> None:
    assert encrypt(KEY, b"photo", b"file") != encrypt(KEY, b"photo", b"file")


def test_every_single_flipped_bit_is_found() -> None:
    sealed = encrypt(KEY, b"a small file of some forty-odd bytes, plain", b"file")
    for at in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[at // 8] ^= 1 << (at % 8)
        with pytest.raises(BytesChanged):
            decrypt(KEY, bytes(changed), b"file")


@pytest.mark.parametrize("size", [10, CHUNK_BYTES, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 7])
def test_a_file_cut_off_anywhere_is_found(size: int) -> None:
    sealed = encrypt(KEY, bytes(size), b"file")
    whole = CHUNK_BYTES + 16
    cuts = {0, 1, 23, 24, 40, 24 + whole, 24 + whole + 1, len(sealed) - 17, len(sealed) - 16, len(sealed) - 1}
    for cut in sorted(cut for cut in cuts if cut < len(sealed)):
        with pytest.raises(BytesChanged):
            decrypt(KEY, sealed[:cut], b"file")
    with pytest.raises(BytesChanged):
        decrypt(KEY, sealed + b"\x00", b"file")


def test_swapped_chunks_are_found() -> None:
    sealed = encrypt(KEY, bytes(3 * CHUNK_BYTES), b"file")
    whole = CHUNK_BYTES + 16
    first, second = sealed[24 : 24 + whole], sealed[24 + whole : 24 + 2 * whole]
    with pytest.raises(BytesChanged):
        decrypt(KEY, sealed[:24] + second + first + sealed[24 + 2 * whole :], b"file")


def test_another_key_or_another_file_does_not_open() -> None:
    sealed = encrypt(KEY, b"photo", b"view:1")
    with pytest.raises(BytesChanged):
        decrypt(bytes(32), sealed, b"view:1")
    with pytest.raises(BytesChanged):
        decrypt(KEY, sealed, b"view:2")


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200_000), st.integers(1, 150_000), st.integers(1, 150_000))
def test_pieces_of_any_size_give_the_same_bytes_and_hashes(plain: bytes, read_size: int, open_size: int) -> None:
    sealer = Sealer(KEY, b"file")
    reader = SealingReader(io.BytesIO(plain), sealer)
    sealed = b"".join(iter(lambda: reader.read(read_size), b""))
    assert sealer.sha256_plain == hashlib.sha256(plain).digest()
    assert sealer.sha256_stored == hashlib.sha256(sealed).digest()
    assert (sealer.plain_bytes, sealer.stored_bytes) == (len(plain), len(sealed))
    unsealer = Unsealer(KEY, b"file")
    opened = b"".join(unsealer.update(sealed[at : at + open_size]) for at in range(0, len(sealed), open_size))
    assert opened + unsealer.finish() == plain
    assert unsealer.sha256_plain == sealer.sha256_plain


def test_twenty_megabytes_stream_through_a_megabyte_of_memory() -> None:
    class Zeros(io.RawIOBase):
        left = 20_000_000

        def read(self, size: int = -1, /) -> bytes:
            given = min(size, self.left)
            self.left -= given
            return bytes(given)

    sealer, unsealer = Sealer(KEY, b"file"), Unsealer(KEY, b"file")
    tracemalloc.start()
    try:
        reader = SealingReader(Zeros(), sealer)  # type: ignore[arg-type]  # it reads like a file
        opened = 0
        while piece := reader.read(CHUNK_BYTES):
            opened += len(unsealer.update(piece))
        opened += len(unsealer.finish())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert opened == 20_000_000
    assert sealer.stored_bytes == sealed_size(20_000_000)
    assert peak < 1_000_000


def test_a_data_key_opens_for_its_case_only() -> None:
    ring = KeyRing("a secret for tests only, long enough to pass")
    key = ring.new_key()
    wrapped = ring.wrap(key, CASE)
    assert len(key) == 32
    assert key not in wrapped
    assert ring.unwrap(wrapped, CASE) == key
    with pytest.raises(Unavailable) as refusal:
        ring.unwrap(wrapped, OTHER_CASE)
    assert refusal.value.code == "file_key_unreadable"


def test_a_data_key_does_not_open_with_another_secret_or_a_changed_bit() -> None:
    ring = KeyRing("a secret for tests only, long enough to pass")
    wrapped = ring.wrap(ring.new_key(), CASE)
    with pytest.raises(Unavailable):
        KeyRing("another secret for tests, long enough too").unwrap(wrapped, CASE)
    for at in range(len(wrapped) * 8):
        changed = bytearray(wrapped)
        changed[at // 8] ^= 1 << (at % 8)
        with pytest.raises(Unavailable):
            ring.unwrap(bytes(changed), CASE)


def test_a_short_secret_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        KeyRing("short")
