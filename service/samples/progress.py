"""Progress bars of the long steps."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars


class Step:
    """One bar."""

    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def forward(self, count: int) -> None:
        """Count what was done."""
        self._bars.advance(self._task, count)


class Progress:
    """All bars of a run."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars

    def step(self, title: str, total: int) -> Step:
        """Begin a step; one without anything to do shows no bar."""
        return Step(self._bars, self._bars.add_task(title, total=total, visible=total > 0))


@contextmanager
def progress_on(console: Console) -> Iterator[Progress]:
    """Show bars on the console while the block runs."""
    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console) as bars:
        yield Progress(bars)
