"""Draws a report in a process of its own: drawing needs seconds and memory, and may die without harm."""

import asyncio
import importlib.metadata
import os
import sys
from pathlib import Path
from typing import Final, Self

import msgspec

import reports
from reports.facts import DossierFacts
from service.files.processes import end_process
from service.reporting.rules import Language, Paper
from service.settings import Settings

AT_ONCE_MAX: Final = 1
WALL_SECONDS_MAX: Final = 120.0
_PAGES_VERSION: Final = 3
_ROOT: Final = Path(reports.__file__).parent.parent
# Of our own environment only what fonts and their cache need; the rest holds secrets.
_KEPT: Final = ("HOME", "PATH", "XDG_CACHE_HOME", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "DYLD_FALLBACK_LIBRARY_PATH")


class RenderFailed(Exception):
    """The process ended without a PDF, or took too long; the message says which."""


class Renderer:
    """At most one drawing at a time in this process. Belongs to one event loop."""

    def __init__(self, *, wall_seconds: float = WALL_SECONDS_MAX) -> None:
        self._wall_seconds = wall_seconds
        self._free = asyncio.Semaphore(AT_ONCE_MAX)
        self._running: set[asyncio.subprocess.Process] = set()
        self.version = f"dossier-{_PAGES_VERSION}+weasyprint-{importlib.metadata.version('weasyprint')}"

    @classmethod
    def of(cls, _: Settings) -> Self:
        """Return the renderer of a process."""
        return cls()

    async def render(self, facts: DossierFacts, language: Language, paper: Paper) -> bytes:
        """Return the PDF of a dossier; equal facts give equal bytes. Raises `RenderFailed`."""
        job = msgspec.json.encode({"facts": facts, "language": language, "paper": paper})
        async with self._free:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "reports",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=_ROOT,
                env={name: os.environ[name] for name in _KEPT if name in os.environ} | {"LANG": "C.UTF-8"},
            )
            self._running.add(process)
            try:
                async with asyncio.timeout(self._wall_seconds):
                    pdf, complaint = await process.communicate(job)
            except TimeoutError as error:
                raise RenderFailed(f"not drawn within {self._wall_seconds} s") from error
            finally:
                await self._end(process)
        if process.returncode != 0 or not pdf.startswith(b"%PDF-"):
            last_line = complaint.decode(errors="replace").strip().rpartition("\n")[2]
            raise RenderFailed(f"ended with {process.returncode}: {last_line[:500]}")
        return pdf

    async def close(self) -> None:
        """End the drawing that is under way; it is tried again later."""
        for process in tuple(self._running):
            await self._end(process)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        self._running.discard(process)
        await end_process(process)
