"""Seeds: a test that throws dice prints its seed, and FAIRHOLD_TEST_SEED repeats the throw."""

import os
import secrets


def new_seed() -> int:
    """Return a seed and print it: pytest shows it with the failure."""
    given = os.environ.get("FAIRHOLD_TEST_SEED")
    seed = secrets.randbits(32) if given is None else int(given)
    print(f"seed {seed} (FAIRHOLD_TEST_SEED={seed} repeats it)")
    return seed
