"""Marks texts for the catalogue without translating them yet."""


def N_(text: str) -> str:  # noqa: N802 - the name that gettext's tools and translators know
    """Mark a text; the page translates it when it is said."""
    return text


def NN_(one: str, many: str) -> tuple[str, str]:  # noqa: N802 - as above
    """Mark a text with its plural; the fact `n` chooses."""
    return one, many
