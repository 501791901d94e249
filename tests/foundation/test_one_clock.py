"""No host clock decides anything: `fairhold_now()` is the only one."""

import re
from pathlib import Path

import pytest

import service

ROOT = Path(service.__file__).parent
CLOCKS = re.compile(
    r"datetime\.(now|utcnow|today)\(|date\.today\(|time\.time\(|CURRENT_TIMESTAMP|clock_timestamp\(|statement_timestamp\("
)
SQL_NOW = re.compile(r"(?<!fairhold_)\bnow\(\)")
OUTSIDE = ("service/sandbox/", "service/embedded/", "service/samples/")  # processes and data of their own, not rules


def sources() -> list[Path]:
    return [path for path in sorted(ROOT.rglob("*")) if path.suffix in {".py", ".sql"}]


def is_outside(path: Path) -> bool:
    return str(path.relative_to(ROOT.parent)).startswith(OUTSIDE)


@pytest.mark.parametrize(
    "path", [path for path in sources() if not is_outside(path)], ids=lambda p: str(p.relative_to(ROOT))
)
def test_no_other_clock_is_read(path: Path) -> None:
    text = path.read_text("utf-8")
    assert CLOCKS.findall(text) == []
    if path.suffix == ".sql" and not path.name.startswith("01_clock"):
        assert SQL_NOW.findall(re.sub(r"--.*", "", text)) == []
