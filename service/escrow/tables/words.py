"""CHECKs of words in the ledger's tables."""


def one_of(column: str, words: tuple[str, ...] | frozenset[str]) -> str:
    """Return SQL that says that a column holds one of `words`."""
    return f"{column} IN ({', '.join(repr(word) for word in sorted(words))})"
