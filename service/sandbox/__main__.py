"""`python -m service.sandbox` reads its settings as one JSON object from standard input.

Not from arguments or the environment, which other processes of the machine may read: they hold the secret.
"""

import logging
import sys
from pathlib import Path
from typing import Any

import msgspec

from service.core.errors import FairholdError
from service.sandbox.app import SandboxSettings, run


def main() -> None:
    """Serve until told to stop; exits with 1 and one line if it cannot start."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        run(msgspec.json.decode(sys.stdin.buffer.read(), type=SandboxSettings, dec_hook=_path))
    except (FairholdError, msgspec.MsgspecError) as error:
        sys.exit(f"sandbox: {error}")


def _path(shape: type, value: Any) -> Path:
    if shape is not Path or not isinstance(value, str):
        raise NotImplementedError
    return Path(value)


main()
