"""The chain of seals: blocks of rows, each hashed and joined to the one before; pure, so that it runs offline.

docs/seal.md has the format in words, `sealed.py` the rows' bytes.
"""

import hashlib
import struct
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.core.sealed import TABLES, Sealed, microseconds

FORMAT_VERSION = 1
START_HASH = bytes(32)
"""What the first block's chain hash builds on."""
MARK_BYTES = 4
"""So many bytes of each row's hash are kept beside a block, to say which row is wrong."""

_MAGIC = b"fairhold-seal-1\n"


@dataclass(frozen=True, slots=True)
class Block:
    """What a seal says of its rows: those of transactions from `from_xid` to before `to_xid`. Hashes are 32 bytes."""

    number: int
    ledger_id: UUID
    format_version: int
    from_xid: int
    to_xid: int
    counts: tuple[int, ...]  # in the order of TABLES
    at: datetime
    previous_hash: bytes
    block_hash: bytes
    chain_hash: bytes

    @property
    def row_count(self) -> int:
        """How many rows of all tables it covers."""
        return sum(self.counts)


class BlockHasher:
    """Takes a block's rows in their order, table by table, in bounded memory (4 bytes a row if it keeps marks)."""

    def __init__(self, *, keeps_marks: bool = False) -> None:
        self.counts = dict.fromkeys((table.name for table in TABLES), 0)
        self.marks = bytearray()
        self._keeps_marks = keeps_marks
        self._rows = hashlib.sha256()

    def add(self, table: Sealed, row: bytes) -> None:
        """Take the next row."""
        digest = hashlib.sha256(table.letter + row).digest()
        self._rows.update(digest)
        self.counts[table.name] += 1
        if self._keeps_marks:
            self.marks += digest[:MARK_BYTES]

    def block_hash(self, *, ledger_id: UUID, number: int, from_xid: int, to_xid: int, at: datetime) -> bytes:
        """Return the hash of the block with the rows taken so far."""
        head = struct.pack(">qqqq", number, from_xid, to_xid, microseconds(at))
        counts = struct.pack(">qqq", *self.counts.values())
        return hashlib.sha256(_MAGIC + ledger_id.bytes + head + counts + self._rows.digest()).digest()

    def problem(self, block: Block) -> str | None:
        """Return what is wrong between these rows and what the seal says of them; None if all is well."""
        found = tuple(self.counts.values())
        if found != block.counts:
            told = ", ".join(
                f"{name}s: {have} of {want}"
                for (name, have), want in zip(self.counts.items(), block.counts, strict=True)
                if have != want
            )
            return f"rows are missing or too many ({told})"
        computed = self.block_hash(
            ledger_id=block.ledger_id,
            number=block.number,
            from_xid=block.from_xid,
            to_xid=block.to_xid,
            at=block.at,
        )
        return None if computed == block.block_hash else "its rows are not those that were sealed"


def chain_hash(previous_hash: bytes, block_hash: bytes) -> bytes:
    """Return the head of the chain after a block."""
    return hashlib.sha256(previous_hash + block_hash).digest()


def link_problem(block: Block, before: Block | None) -> str | None:
    """Return what is wrong between a seal and the one before it (None before the first); None if all is well."""
    if block.format_version != FORMAT_VERSION:
        return f"it has format {block.format_version}, and this program knows format {FORMAT_VERSION}"
    number, from_xid, previous = (1, 0, START_HASH) if before is None else _next_of(before)
    if block.number != number:
        return f"seal {number} is missing"
    if before is not None and block.ledger_id != before.ledger_id:
        return "it is of another ledger"
    if block.from_xid != from_xid or block.to_xid <= block.from_xid:
        return "it does not begin where the one before ends"
    if block.previous_hash != previous:
        return "it does not build on the one before"
    if chain_hash(block.previous_hash, block.block_hash) != block.chain_hash:
        return "its chain hash is wrong"
    return None


def _next_of(before: Block) -> tuple[int, int, bytes]:
    return before.number + 1, before.to_xid, before.chain_hash


def changed_row(sealed: bytes, found: bytes) -> tuple[int, str] | None:
    """Return (position, "changed" | "missing" | "added") of the first row whose mark differs; None if none does.

    `sealed` and `found` are the marks of a block as they were and as they are. A missing row's position is that of the
    row that now stands in its place.
    """
    width = MARK_BYTES
    sealed_rows, found_rows = len(sealed) // width, len(found) // width
    shorter = min(sealed_rows, found_rows)
    differ = (i for i in range(shorter) if sealed[i * width : (i + 1) * width] != found[i * width : (i + 1) * width])
    at = next(differ, shorter)
    if at == sealed_rows == found_rows:
        return None
    what = "changed" if sealed_rows == found_rows else "missing" if found_rows < sealed_rows else "added"
    return at, what
