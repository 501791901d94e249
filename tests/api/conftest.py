import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.embedded import EmbeddedServers
from tests.api.serving import serving
from tests.furnished import Furnished

SEED = int(os.environ.get("SCHEMATHESIS_SEED") or random.SystemRandom().randrange(2**32))


def pytest_report_header() -> str:
    return f"SCHEMATHESIS_SEED={SEED}"


@pytest.fixture(scope="session")
def served_from(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the service at `address`; its errors are in `errors.log`."""
    return tmp_path_factory.mktemp("serving")


@pytest.fixture(scope="session")
def address(servers: EmbeddedServers, furnished: Furnished, served_from: Path) -> Iterator[str]:
    """Where a service runs that is a process of its own, on a copy of the world with cases."""
    print(f"SCHEMATHESIS_SEED={SEED}")  # pytest shows it with a failure
    with serving(servers, furnished, served_from) as running:
        yield running
