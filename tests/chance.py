"""Seeds: a test that throws dice prints its seed, and CHANCE_SEED repeats the throw."""

import os
import secrets


def new_seed() -> int:
    """Return a seed and print it: pytest shows it with the failure."""
    given = os.environ.get("CHANCE_SEED")
    seed = secrets.randbits(32) if given is None else int(given)
    print(f"seed {seed} (CHANCE_SEED={seed} repeats it)")
    return seed
