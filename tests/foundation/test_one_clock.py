"""No host clock decides anything: `fairhold_now()` is the only one."""

import io
import re
import tokenize
from pathlib import Path

import pytest

import service

ROOT = Path(service.__file__).parent
IN_PYTHON = re.compile(
    r"(datetime|date)\.(now|utcnow|today)\(|(?<![a-z_.])time\.(time|time_ns|localtime|gmtime|ctime|strftime)\(|fromtimestamp\("
)
IN_SQL = re.compile(
    r"(?<!fairhold_)(?<!tx\.)\bnow\(\)|\b(clock|statement|transaction)_timestamp\(|\btimeofday\(|\bage\(\s*[a-z_]+\s*\)"
    r"|\b(CURRENT_TIMESTAMP|CURRENT_DATE|CURRENT_TIME|LOCALTIMESTAMP|LOCALTIME)\b|'(now|today|yesterday|tomorrow)'",
    re.IGNORECASE,
)
ALLOWED = {
    "db/migrations/sql/01_clock.sql": "defines fairhold_now() for production",
    "db/migrations/sql/01_clock_movable.sql": "defines fairhold_now() with an offset",
    "db/clock.py": "the words of a refusal",
    "db/session.py": "how long a transaction has lasted, which ends it; it decides nothing else",
    "jobs/queue.py": "a health page's ages of jobs and heartbeats, which the queue's tables stamp with now()",
}


def sources() -> list[str]:
    return [str(path.relative_to(ROOT)) for path in sorted(ROOT.rglob("*")) if path.suffix in {".py", ".sql"}]


def read(path: Path) -> tuple[str, str]:
    """Return a file's Python without comments and texts, and the SQL in it: the texts, or all of an SQL file."""
    text = path.read_text("utf-8")
    if path.suffix == ".sql":
        return "", re.sub(r"--.*", "", text)
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    middle = getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)  # since Python 3.12 what is in an f-string
    texts = [each.string for each in tokens if each.type in {tokenize.STRING, middle}]
    code = [each.string for each in tokens if each.type in {tokenize.NAME, tokenize.OP}]
    return "".join(code), "\n".join(texts)


@pytest.mark.parametrize("name", [name for name in sources() if name not in ALLOWED])
def test_no_other_clock_is_read(name: str) -> None:
    code, sql = read(ROOT / name)
    assert [match.group() for match in IN_PYTHON.finditer(code)] == []
    assert [match.group() for match in IN_SQL.finditer(sql)] == []


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_each_exception_is_still_one(name: str) -> None:
    assert IN_SQL.search(read(ROOT / name)[1]), f"{name} needs no exception any more"
