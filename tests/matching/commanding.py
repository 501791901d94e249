"""`fairhold matching` as people run it: a process of its own."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Told:
    """What the command said and ended with."""

    status: int
    out: str
    error: str


@dataclass(frozen=True, slots=True)
class Command:
    """The command with an environment of its own; without settings it has no database."""

    folder: Path
    settings: dict[str, str]

    async def run(self, *words: str | Path, seconds: int = 100) -> Told:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "service.cli", "matching", *map(str, words),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "COLUMNS": "180", "NO_COLOR": "1"}
            | {"FAIRHOLD_HOME": str(self.folder / "nothing-runs-here")} | self.settings,
        )  # fmt: skip
        out, error = await asyncio.wait_for(process.communicate(), seconds)
        assert "Traceback" not in error.decode(), error.decode()
        return Told(process.returncode or 0, out.decode(), error.decode())

    async def refused(self, *words: str | Path) -> tuple[int, str]:
        """Run what is refused; return the exit code and the refusal's code, which stands first."""
        told = await self.run(*words)
        assert told.out == ""
        return told.status, told.error.partition(":")[0]


def read_json(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))
