"""Registered lots and their neighbours: who has this folded code, and who has one a single mistake away.

Two codes are a substitution, an insertion, a deletion or a swap of neighbours apart only if deleting at most one
character of each can make them equal (the symmetric deletion index of SymSpell, W. Garbe 2012). Each code is kept by
the hashes of itself and of all its single deletions, in sorted arrays, which cost 12 bytes a hash; a look-up is a
binary search for each hash of the code that is asked for. New codes make a small segment of their own, and segments
of like size are joined, as in a log-structured tree.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CODE_LENGTH_MAX = 40  # characters of a folded code that are hashed; the longest real one has 19
_STEP = np.uint64(0x9E3779B97F4A7C15)  # odd, so that powers never vanish modulo 2**64
_JOINED_FROM = 4  # as many segments of a size are joined into one


class Neighbours:
    """Rows by folded code. Rows are numbers that the caller gives."""

    def __init__(self) -> None:
        self._segments: list[tuple[NDArray[np.uint64], NDArray[np.uint32]]] = []

    def add(self, codes: Sequence[str], rows: Sequence[int]) -> None:
        """Add codes and the rows that have them."""
        if not codes:
            return
        hashes, places = _hashes(codes)
        owners = np.asarray(rows, np.uint32)[places]
        order = np.argsort(hashes, kind="stable")
        self._segments.append((hashes[order], owners[order]))
        while len(self._segments) > 1 and len(self._segments[-2][0]) < _JOINED_FROM * len(self._segments[-1][0]):
            (old, old_rows), (new, new_rows) = self._segments[-2:]
            both, both_rows = np.concatenate((old, new)), np.concatenate((old_rows, new_rows))
            order = np.argsort(both, kind="stable")
            self._segments[-2:] = [(both[order], both_rows[order])]

    def near(self, codes: Sequence[str]) -> list[list[int]]:
        """Return, for each code, the rows whose code may be equal or one mistake away; a few others among them.

        Rows are in ascending order.
        """
        if not codes:
            return []
        asked, owners = _hashes(codes)
        found: list[list[NDArray[np.uint32]]] = [[] for _ in codes]
        for hashes, rows in self._segments:
            first = np.searchsorted(hashes, asked, "left")
            after = np.searchsorted(hashes, asked, "right")
            for at in np.flatnonzero(first < after).tolist():
                found[owners[at]].append(rows[first[at] : after[at]])
        return [np.unique(np.concatenate(each)).tolist() if each else [] for each in found]


def _hashes(codes: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """Return the hashes of the codes and of their single deletions, and of which code each is."""
    cut = [code[:CODE_LENGTH_MAX] for code in codes]
    width = max(map(len, cut), default=0)
    letters = np.array(cut, dtype=f"<U{max(width, 1)}").view(np.uint32).reshape(len(cut), -1).astype(np.uint64)
    lengths = np.fromiter(map(len, cut), np.intp, len(cut))
    powers = np.cumprod(np.full(letters.shape[1] + 1, _STEP), dtype=np.uint64)
    # A hash is the sum of letter * STEP**place: what stands after a deleted letter moves one place down.
    terms = letters * powers[1:][None, :]
    before = np.zeros((len(cut), letters.shape[1] + 1), np.uint64)
    np.cumsum(terms, axis=1, out=before[:, 1:])
    moved = np.zeros_like(before)
    np.cumsum(letters * powers[:-1][None, :], axis=1, out=moved[:, 1:])
    places = np.arange(letters.shape[1])
    deletions = before[:, :-1] + (moved[:, -1:] - moved[:, 1:])
    is_there = places[None, :] < lengths[:, None]
    whole = before[:, -1]
    own, at = np.nonzero(is_there)
    return np.concatenate((whole, deletions[own, at])), np.concatenate((np.arange(len(cut)), own))
