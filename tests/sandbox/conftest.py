from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.running import Listener, Sandbox


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.fixture
def sandbox(tmp_path: Path, listener: Listener) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path / "sandbox", listener.url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for tests that only see refusals: starting it takes longer than they do."""
    made = Sandbox(tmp_path_factory.mktemp("shared") / "sandbox", "http://127.0.0.1:9")
    yield made
    made.close()
