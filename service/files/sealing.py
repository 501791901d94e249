"""Encryption of stored files: a data key per case, and a sealed format that can be streamed.

The data key (32 random bytes) is wrapped by the service's master secret and bound to its case. Who destroys the wrapped
key has erased every file of the case, wherever copies lie.

Sealed bytes, version 1: version (1 byte), salt (16), nonce prefix (7), then chunks of 64 KiB of plain text, each
AES-256-GCM with its 16-byte tag. The file's key is HKDF-SHA256 of data key and salt. A chunk's nonce is the prefix, a
counter of four bytes and a last-chunk flag (Hoang, Reyhanitabar, Rogaway, Vizár: STREAM, 2015), so that chunks cannot
be left out, swapped, or cut off at the end. The header is part of what each chunk authenticates.
"""

import hashlib
import secrets
from typing import BinaryIO
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from service.core.errors import Unavailable, ensure

CHUNK_BYTES = 65_536
KEY_BYTES = 32
SECRET_BYTES_MIN = 32
_VERSION = 1
_SALT_BYTES = 16
_PREFIX_BYTES = 7
_HEADER_BYTES = 1 + _SALT_BYTES + _PREFIX_BYTES
_TAG_BYTES = 16
_NONCE_BYTES = 12
_READ_BYTES_MAX = 4 * CHUNK_BYTES
_WRAP_VERSION = b"\x01"
_WRAPPED_BYTES = len(_WRAP_VERSION) + _NONCE_BYTES + KEY_BYTES + _TAG_BYTES


class BytesChanged(Unavailable):
    """Stored bytes are not what was stored: changed, cut off, or of another file. Its code: "stored_file_damaged"."""

    def __init__(self, message: str) -> None:
        super().__init__("stored_file_damaged", message)


class KeyRing:
    """Makes, wraps and unwraps the data keys of cases with the service's master secret."""

    def __init__(self, secret: str) -> None:
        material = secret.encode()
        if len(material) < SECRET_BYTES_MIN:
            raise ValueError(f"the master secret needs at least {SECRET_BYTES_MIN} bytes")
        self._wrapping = AESGCM(_hkdf(material, salt=None, info=b"fairhold case keys v1"))

    def new_key(self) -> bytes:
        """Return a new random data key."""
        return secrets.token_bytes(KEY_BYTES)

    def wrap(self, data_key: bytes, case_id: UUID) -> bytes:
        """Return the data key, encrypted and bound to `case_id`; this is what may be stored."""
        ensure(len(data_key) == KEY_BYTES, "a data key has 32 bytes")
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _WRAP_VERSION + nonce + self._wrapping.encrypt(nonce, data_key, _WRAP_VERSION + case_id.bytes)

    def unwrap(self, wrapped: bytes, case_id: UUID) -> bytes:
        """Return the data key of `case_id`.

        Raises `Unavailable` ("file_key_unreadable") if the master secret or the case is not the one it was wrapped for.
        """
        version, nonce, sealed = wrapped[:1], wrapped[1 : 1 + _NONCE_BYTES], wrapped[1 + _NONCE_BYTES :]
        ensure(len(wrapped) == _WRAPPED_BYTES, "a wrapped key has its fixed length")
        try:
            return self._wrapping.decrypt(nonce, sealed, version + case_id.bytes)
        except InvalidTag as error:
            raise Unavailable("file_key_unreadable", "the key of this case does not open with this secret") from error


class Sealer:
    """Seals one file piece by piece, and hashes plain and stored bytes on the way."""

    def __init__(self, data_key: bytes, aad: bytes) -> None:
        salt, prefix = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_PREFIX_BYTES)
        header = bytes((_VERSION,)) + salt + prefix
        self._chunks = _Chunks(data_key, header, aad)
        self._waiting = bytearray()
        self._unsent_header = header
        self._plain, self._stored = hashlib.sha256(), hashlib.sha256()
        self.plain_bytes = 0
        self.stored_bytes = 0

    @property
    def sha256_plain(self) -> bytes:
        """The SHA-256 of the plain bytes so far."""
        return self._plain.digest()

    @property
    def sha256_stored(self) -> bytes:
        """The SHA-256 of the sealed bytes given out so far."""
        return self._stored.digest()

    def update(self, plain: bytes) -> bytes:
        """Take plain bytes; return the sealed bytes that are ready."""
        self._plain.update(plain)
        self.plain_bytes += len(plain)
        self._waiting += plain
        out = bytearray(self._unsent_header)
        self._unsent_header = b""
        while len(self._waiting) > CHUNK_BYTES:  # a full chunk waits until it is known not to be the last
            out += self._chunks.seal(bytes(self._waiting[:CHUNK_BYTES]), last=False)
            del self._waiting[:CHUNK_BYTES]
        return self._given(out)

    def finish(self) -> bytes:
        """Return the last sealed bytes; call it once."""
        out = bytearray(self._unsent_header)
        self._unsent_header = b""
        out += self._chunks.seal(bytes(self._waiting), last=True)
        self._waiting.clear()
        return self._given(out)

    def _given(self, out: bytearray) -> bytes:
        sealed = bytes(out)
        self._stored.update(sealed)
        self.stored_bytes += len(sealed)
        return sealed


class Unsealer:
    """Opens one sealed file piece by piece. Nothing is given out that was not authenticated."""

    def __init__(self, data_key: bytes, aad: bytes) -> None:
        self._data_key, self._aad = data_key, aad
        self._chunks: _Chunks | None = None
        self._waiting = bytearray()
        self._plain = hashlib.sha256()

    @property
    def sha256_plain(self) -> bytes:
        """The SHA-256 of the plain bytes given out so far."""
        return self._plain.digest()

    def update(self, stored: bytes) -> bytes:
        """Take sealed bytes; return the plain bytes that are ready. Raises `BytesChanged`."""
        self._waiting += stored
        out = bytearray()
        if self._chunks is None and len(self._waiting) >= _HEADER_BYTES:
            self._chunks = _Chunks(self._data_key, bytes(self._waiting[:_HEADER_BYTES]), self._aad)
            del self._waiting[:_HEADER_BYTES]
        whole = CHUNK_BYTES + _TAG_BYTES
        while self._chunks is not None and len(self._waiting) > whole:
            out += self._chunks.open(bytes(self._waiting[:whole]), last=False)
            del self._waiting[:whole]
        return self._given(out)

    def finish(self) -> bytes:
        """Return the last plain bytes; raises `BytesChanged` if the file was cut off. Call it once."""
        if self._chunks is None:
            raise BytesChanged("sealed bytes are shorter than their header")
        return self._given(bytearray(self._chunks.open(bytes(self._waiting), last=True)))

    def _given(self, out: bytearray) -> bytes:
        plain = bytes(out)
        self._plain.update(plain)
        return plain


class SealingReader:
    """A readable stream that gives the sealed form of another one; memory stays at a few chunks."""

    def __init__(self, source: BinaryIO, sealer: Sealer) -> None:
        self._source, self._sealer = source, sealer
        self._ready = bytearray()
        self._has_ended = False

    def read(self, size: int) -> bytes:
        """Return up to `size` sealed bytes, a few chunks at most, and b"" after the end."""
        size = min(size, _READ_BYTES_MAX)
        while len(self._ready) < size and not self._has_ended:
            plain = self._source.read(CHUNK_BYTES)
            self._ready += self._sealer.update(plain) if plain else self._sealer.finish()
            self._has_ended = not plain
        out = bytes(self._ready[:size])
        del self._ready[:size]
        return out


def encrypt(data_key: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Return `plaintext` sealed under `data_key`, bound to `aad`."""
    sealer = Sealer(data_key, aad)
    return sealer.update(plaintext) + sealer.finish()


def decrypt(data_key: bytes, sealed: bytes, aad: bytes) -> bytes:
    """Return the plain bytes; raises `BytesChanged` if one bit of the bytes, the key or `aad` differs."""
    unsealer = Unsealer(data_key, aad)
    return unsealer.update(sealed) + unsealer.finish()


def sealed_size(plain_bytes: int) -> int:
    """Return how many bytes the sealed form of `plain_bytes` has."""
    chunks = max(1, -(-plain_bytes // CHUNK_BYTES))
    return _HEADER_BYTES + plain_bytes + chunks * _TAG_BYTES


class _Chunks:
    """The cipher of one file: counts its chunks and marks the last."""

    def __init__(self, data_key: bytes, header: bytes, aad: bytes) -> None:
        if header[0] != _VERSION:
            raise BytesChanged("sealed bytes have an unknown version")
        salt, self._prefix = header[1 : 1 + _SALT_BYTES], header[1 + _SALT_BYTES :]
        self._cipher = AESGCM(_hkdf(data_key, salt=salt, info=b"fairhold sealed file v1"))
        self._aad = header + aad
        self._counter = 0

    def seal(self, plain: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(last=last), plain, self._aad)

    def open(self, sealed: bytes, *, last: bool) -> bytes:
        try:
            return self._cipher.decrypt(self._nonce(last=last), sealed, self._aad)
        except InvalidTag as error:
            raise BytesChanged("sealed bytes do not verify") from error

    def _nonce(self, *, last: bool) -> bytes:
        nonce = self._prefix + self._counter.to_bytes(4, "big") + bytes((last,))
        self._counter += 1
        return nonce


def _hkdf(material: bytes, *, salt: bytes | None, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(material)
