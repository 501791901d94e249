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
    # How fairhold_now() is defined: for production, and with an offset for tests and demonstrations.
    "db/migrations/sql/01_clock.sql": ["RETURN now()"],
    "db/migrations/sql/01_clock_movable.sql": ["RETURN now() + (SELECT clock_offset FROM fairhold_clock)"],
    # The words of a refusal.
    "db/clock.py": ["this database's clock is now() and cannot be moved"],
    # How long a transaction has lasted, which PostgreSQL's own timeout judges by its own clock.
    "db/session.py": [":ms - extract(epoch FROM clock_timestamp() - now()) * 1000"],
    # A health page's ages of jobs and heartbeats, which the queue's tables stamp with now().
    "jobs/queue.py": [
        "coalesce(extract(epoch FROM now() - min(e.at) FILTER (WHERE j.status = 'todo'",
        "AND (j.scheduled_at IS NULL OR j.scheduled_at <= now())",
        "SELECT extract(epoch FROM now() - max(last_heartbeat))::bigint FROM procrastinate_workers",
    ],
}
"""The expressions that may read another clock, each in its one place: none of them decides about money or cases."""


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


@pytest.mark.parametrize("name", sources())
def test_no_other_clock_is_read(name: str) -> None:
    code, sql = read(ROOT / name)
    for expression in ALLOWED.get(name, []):
        assert IN_SQL.search(expression), f"{expression} needs no exception"
        assert sql.count(expression) == 1, f"{name} no longer says {expression}"
        sql = sql.replace(expression, "")
    assert [match.group() for match in IN_PYTHON.finditer(code)] == []
    assert [match.group() for match in IN_SQL.finditer(sql)] == []


def test_every_exception_is_of_a_file_that_there_is() -> None:
    assert ALLOWED.keys() <= set(sources())
