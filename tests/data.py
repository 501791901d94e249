"""Where real data lies, for the tests that want it."""

import os
from pathlib import Path


def data_folder() -> Path:
    """The folder of FAIRHOLD_DATA, else `shared/data` beside the project; it may be absent."""
    return Path(os.environ.get("FAIRHOLD_DATA", Path(__file__).parents[2] / "shared" / "data"))
