"""CHECKs of words."""

from collections.abc import Collection


def one_of(column: str, words: Collection[str]) -> str:
    """Return SQL that says that a column holds one of `words`."""
    return f"{column} IN ({', '.join(repr(word) for word in sorted(words))})"
