"""What a verification of the chain found; pure, for the database and for an export alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from service.core.chain import START_HASH, Block, BlockHasher, changed_row, link_problem

PROBLEMS_MAX = 20
"""So many bad blocks are listed; one is enough to fail."""


@dataclass(slots=True)
class BadRow:
    """The first row of a bad block that is not what was sealed: "changed", "added", or the one after a "missing" one.

    `position` counts the block's rows from 0; `table` and `key` name the row that stands there, None at the end.
    """

    what: str
    position: int
    table: str | None = None
    key: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A block that is not as it was sealed, or a seal that is missing; `number` is the seal's."""

    number: int
    reason: str
    row: BadRow | None = None


@dataclass(slots=True)
class Verdict:
    """What was checked and what is wrong; clean without problems. `head` is the chain's hash after its last seal.

    `wanted_head` is one that somebody has on paper; `wanted_at` is then the seal that has it.
    """

    ledger_id: UUID | None = None
    seals: int = 0
    rows: int = 0
    unsealed: int = 0
    head: bytes = START_HASH
    problems: list[Problem] = field(default_factory=list)
    before: Block | None = None
    wanted_head: bytes | None = None
    wanted_at: int | None = None

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def link(self, block: Block) -> str | None:
        """Take the next seal of the chain; return what is wrong with its place there."""
        wrong = link_problem(block, self.before)
        self.ledger_id = self.ledger_id or block.ledger_id
        self.before, self.head = block, block.chain_hash
        self.seals += 1
        if block.chain_hash == self.wanted_head:
            self.wanted_at = block.number
        return wrong

    def look_for_head(self) -> None:
        """Note a problem if the head that somebody has on paper is nowhere in the chain."""
        if self.wanted_head is not None and self.wanted_at is None:
            self.add(Problem(self.seals, "the head that you have is not in this chain"))

    def add(self, problem: Problem) -> None:
        """Note a problem, as long as there are not too many."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)


def row_problem(hasher: BlockHasher, block: Block, marks: bytes | None) -> tuple[str | None, tuple[int, str] | None]:
    """Return what is wrong between a block's rows and its seal, and the first row's position and kind of difference.

    `marks` are those kept with the seal, if they are known. Marks that do not fit good rows are wrong too.
    """
    differs = None if marks is None else changed_row(marks, bytes(hasher.marks))
    reason = hasher.problem(block)
    if reason is None and differs is not None:
        return "the marks of its rows were changed", None
    return reason, differs
