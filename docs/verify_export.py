"""Recomputes the chain of an export of `fairhold ledger export`, from docs/seal.md alone: Python, and nothing else.

    python3 docs/verify_export.py ledger.jsonl[.gz]

It shares no line with the service, so that the two check each other. `fairhold verify FILE`
says more about what is wrong.
"""

import gzip
import hashlib
import json
import struct
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Row = dict[str, Any]
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
COLUMNS = {
    "transfer": "xid:x subject_id:u code:t hold_id:u debit_account:t credit_account:t currency:t amount_minor:n at:d",
    "resolution": "xid:x hold_id:u tenant_id:u seller_id:u outcome:t cause:t currency:t amount_minor:n fee_bps:n"
    " buyer_minor:n seller_minor:n fee_minor:n claimed_minor:n rest_minor:n claimed_hold_id:u rest_hold_id:u"
    " decision_id:u actor_id:u at:d",
    "event": "xid:x seq:n id:u name:t subject_kind:t subject_id:u tenant_id:u actor_id:u at:d facts:j",
}
LETTERS = {"transfer": b"T", "resolution": b"R", "event": b"E"}


def number(value: int | str) -> bytes:
    """Return a whole number in 8 bytes."""
    return struct.pack(">q", int(value))


def time(text: str) -> bytes:
    """Return a time in 8 bytes: microseconds since 2000."""
    return number((datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1))


FIELDS: dict[str, Callable[[Any], bytes]] = {
    "x": number,
    "n": number,
    "d": time,
    "u": lambda text: uuid.UUID(text).bytes,
    "t": str.encode,
    "j": lambda text: b"\x01" + str.encode(text),
}


def row_hash(table: str, row: Row) -> bytes:
    """Return the hash of a row."""
    columns = [pair.split(":") for pair in COLUMNS[table].split()]
    parts = [LETTERS[table], struct.pack(">h", len(columns))]
    for name, kind in columns:
        field = None if row[name] is None else FIELDS[kind](row[name])
        parts.append(struct.pack(">i", -1) if field is None else struct.pack(">i", len(field)) + field)
    return hashlib.sha256(b"".join(parts)).digest()


def block_hash(seal: Row, counts: dict[str, int], rows: bytes) -> bytes:
    """Return the hash of a block, from its seal's facts and the hash of its rows' hashes."""
    facts = [number(seal["number"]), number(seal["from_xid"]), number(seal["to_xid"]), time(seal["at"])]
    facts += [number(count) for count in counts.values()]
    return hashlib.sha256(b"fairhold-seal-1\n" + uuid.UUID(seal["ledger_id"]).bytes + b"".join(facts) + rows).digest()


def follows(seal: Row, before: Row | None) -> bool:
    """Whether a seal is the next one."""
    if before is None:
        return bool(seal["number"] == 1 and seal["from_xid"] == "0")
    same = seal["ledger_id"] == before["ledger_id"] and seal["from_xid"] == before["to_xid"]
    return bool(same and seal["number"] == before["number"] + 1)


def chain(lines: Iterable[str]) -> Iterator[tuple[Row, bytes]]:
    """Yield each seal with the head of the chain after it, recomputed; raises SystemExit at the first wrong one."""
    head, before, is_whole = bytes(32), None, False
    rows, counts = hashlib.sha256(), dict.fromkeys(COLUMNS, 0)
    for line in lines:
        ((kind, said),) = json.loads(line).items()
        if kind in COLUMNS:
            rows.update(row_hash(kind, said))
            counts[kind] += 1
        elif kind == "seal":
            block = block_hash(said, counts, rows.digest())
            is_right = (
                follows(said, before) and said["previous_hash"] == head.hex() and said["block_hash"] == block.hex()
            )
            head = hashlib.sha256(head + block).digest()
            if not is_right or said["chain_hash"] != head.hex():
                sys.exit(f"seal {said['number']} is wrong")
            yield said, head
            rows, counts, before = hashlib.sha256(), dict.fromkeys(COLUMNS, 0), said
        is_whole = kind == "end" and said["chain_hash"] == head.hex()
    if not is_whole:
        sys.exit("the file is cut off")


def main(file: Path) -> None:
    """Print how many seals the file has, and the head of their chain."""
    count, head = 0, bytes(32)
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
        for seal, at in chain(lines):
            count, head = seal["number"], at
    print(f"{count} seals, head {head.hex()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
