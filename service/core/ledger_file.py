"""An export of the ledger, line by line, and its verification offline. docs/seal.md has the format; pure.

Each line is a JSON object with one member that says what it is: first `ledger`, then for each seal its rows
(`transfer`, `resolution`, `event`) and the `seal` itself, then rows that no seal covers yet, and at last `end`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from service.core.chain import Block, BlockHasher
from service.core.errors import Invalid
from service.core.sealed import TABLE_BY_NAME, encode_row, read_time, write_time
from service.core.verdict import BadRow, Problem, Verdict, row_problem

FILE_VERSION = 1


def header_line(ledger_id: UUID | None, exported_at: str) -> str:
    """Return the first line."""
    told = None if ledger_id is None else str(ledger_id)
    return _line("ledger", {"file_version": FILE_VERSION, "ledger_id": told, "exported_at": exported_at})


def row_line(table: str, values: Mapping[str, Any]) -> str:
    """Return the line of a row."""
    return _line(table, values)


def seal_line(block: Block, marks: bytes) -> str:
    """Return the line of a seal, which follows its rows."""
    counts = {f"{name}_count": count for name, count in zip(TABLE_BY_NAME, block.counts, strict=True)}
    said = {
        "number": block.number,
        "ledger_id": str(block.ledger_id),
        "format_version": block.format_version,
        "from_xid": str(block.from_xid),
        "to_xid": str(block.to_xid),
        **counts,
        "at": write_time(block.at),
        "previous_hash": block.previous_hash.hex(),
        "block_hash": block.block_hash.hex(),
        "chain_hash": block.chain_hash.hex(),
        "row_marks": marks.hex(),
    }
    return _line("seal", said)


def end_line(verdict_head: bytes, *, seals: int, rows: int) -> str:
    """Return the last line: a file without it was cut off."""
    return _line("end", {"seals": seals, "rows": rows, "chain_hash": verdict_head.hex()})


def verify_lines(
    lines: Iterable[str], told: Callable[[int], None] = lambda _lines: None, *, wanted_head: bytes | None = None
) -> Verdict:
    """Return what is wrong with an export. Raises `Invalid` ("export_malformed", "export_cut_off") if it is none.

    `told` is told now and then how many lines were read. Memory is that of one block's marks.
    """
    verdict = Verdict(wanted_head=wanted_head)
    hasher, waiting, is_ended = BlockHasher(keeps_marks=True), 0, False
    for number, kind, said in _read(lines):
        if number % 1_000 == 0:
            told(number)
        if is_ended or (kind == "ledger") != (number == 1):
            raise Invalid("export_malformed", f"line {number}: {kind} does not belong here")
        try:
            if kind in TABLE_BY_NAME:
                table = TABLE_BY_NAME[kind]
                hasher.add(table, encode_row(table, said))
                waiting += 1
            elif kind == "seal":
                _take_seal(verdict, hasher, _block(said), bytes.fromhex(said["row_marks"]))
                hasher, waiting = BlockHasher(keeps_marks=True), 0
            elif kind == "end":
                is_ended = True
                _check_end(verdict, waiting, said)
            elif kind != "ledger":
                raise Invalid("export_malformed", f"line {number}: {kind} is unknown")
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise Invalid("export_malformed", f"line {number}: {error}") from error
    if not is_ended:
        raise Invalid("export_cut_off", "the file has no end line: it is not whole. Export it again")
    verdict.unsealed = waiting
    verdict.look_for_head()
    return verdict


def name_rows(verdict: Verdict, lines: Iterable[str]) -> None:
    """Read the export again, and name the bad rows whose place the first reading found."""
    wanted = {p.number: p.row for p in verdict.problems if p.row is not None}
    rows: list[tuple[str, Mapping[str, Any]]] = []
    for _, kind, said in _read(lines):
        if kind in TABLE_BY_NAME:
            rows.append((kind, {name: said[name] for name in TABLE_BY_NAME[kind].key}))
        elif kind == "seal":
            bad = wanted.get(said["number"])
            if bad is not None and bad.position < len(rows):
                bad.table, bad.key = rows[bad.position]
            rows.clear()


def _take_seal(verdict: Verdict, hasher: BlockHasher, block: Block, marks: bytes) -> None:
    link = verdict.link(block)
    wrong, differs = row_problem(hasher, block, marks)
    verdict.rows += sum(hasher.counts.values())
    if link is not None or wrong is not None:
        row = None if differs is None else BadRow(differs[1], differs[0])
        verdict.add(Problem(block.number, link or wrong or "", row))


def _check_end(verdict: Verdict, waiting: int, said: Mapping[str, Any]) -> None:
    if (said["seals"], said["rows"]) != (verdict.seals, verdict.rows + waiting):
        verdict.add(Problem(verdict.seals, "the file's end counts other seals or rows than it has"))
    elif bytes.fromhex(said["chain_hash"]) != verdict.head:
        verdict.add(Problem(verdict.seals, "the file's end names another head than its last seal"))


def _block(said: Mapping[str, Any]) -> Block:
    return Block(
        number=int(said["number"]),
        ledger_id=UUID(said["ledger_id"]),
        format_version=int(said["format_version"]),
        from_xid=int(said["from_xid"]),
        to_xid=int(said["to_xid"]),
        counts=tuple(int(said[f"{name}_count"]) for name in TABLE_BY_NAME),
        at=read_time(said["at"]),
        previous_hash=bytes.fromhex(said["previous_hash"]),
        block_hash=bytes.fromhex(said["block_hash"]),
        chain_hash=bytes.fromhex(said["chain_hash"]),
    )


def _read(lines: Iterable[str]) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    for number, line in enumerate(lines, 1):
        try:
            ((kind, said),) = json.loads(line).items()
        except (ValueError, AttributeError, RecursionError) as error:
            raise Invalid("export_malformed", f"line {number} is not one of an export") from error
        if not isinstance(said, dict):
            raise Invalid("export_malformed", f"line {number} is not one of an export")
        yield number, kind, said


def _line(kind: str, said: Mapping[str, Any]) -> str:
    return json.dumps({kind: said}, ensure_ascii=False, separators=(",", ":")) + "\n"
