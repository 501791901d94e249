import os
import random
from collections.abc import Iterator

import pytest

from service.embedded import EmbeddedServers
from tests.api.serving import serving
from tests.furnished import Furnished

SEED = int(os.environ.get("SCHEMATHESIS_SEED") or random.SystemRandom().randrange(2**32))


def pytest_report_header() -> str:
    return f"SCHEMATHESIS_SEED={SEED}"


@pytest.fixture(scope="session")
def address(servers: EmbeddedServers, furnished: Furnished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a service runs that is a process of its own, on a copy of the world with cases."""
    print(f"SCHEMATHESIS_SEED={SEED}")  # pytest shows it with a failure
    with serving(servers, furnished, tmp_path_factory.mktemp("serving")) as running:
        yield running
