"""`fairhold demo`: the main job over HTTP, step by step."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Table

from service import settings as environment
from service.cli.home import DEMO_FILE, RUNNING_FILE, home_of, running_settings
from service.cli.listening import free_port, is_ready
from service.core.errors import Invalid, Unavailable
from service.embedded.process import wait_until
from service.samples.driver import Stage, Step, accounts_of, drive
from service.settings import PREFIX, Mode, Settings

START_SECONDS_MAX = 180.0
STOP_SECONDS_MAX = 60.0
LOG_FILE = "demo.log"


@click.command()
@click.option(
    "--json",
    "facts_file",
    default=None,
    type=click.Path(dir_okay=False, path_type=Path),
    help="write each step's facts",
)
def demo(facts_file: Path | None) -> None:
    """Drive the main job over HTTP, from registration to the dossier, and print each step.

    Talks to the service that runs in FAIRHOLD_HOME, or starts one there and stops it at the end. It may be run again on
    the same home. It moves the clock of that demonstration database, and says so.
    """
    settings = environment.read()
    if settings.mode is Mode.PRODUCTION:
        raise Invalid("demo_in_production", "the demonstration moves the clock; it does not belong in production")
    console = Console()
    home = home_of(settings)
    with _service(settings, home, console) as running:
        stage = Stage(running, home, accounts_of(home / DEMO_FILE))
        try:
            steps = _play(stage, console)
        finally:
            stage.close()
    if facts_file is not None:
        facts_file.write_bytes(msgspec.json.encode({step.title: step.facts for step in steps}))
    console.print("The dossiers, in English and in Chinese:")
    for language in ("en", "zh"):
        console.print(steps[-1].facts[f"pdf_{language}"], highlight=False, soft_wrap=True)


def _play(stage: Stage, console: Console) -> list[Step]:
    console.print(f"The main job against [bold]{stage.settings.public_url}[/bold], run {stage.run}")
    steps = []
    for step in drive(stage):
        table = Table(title=f"{step.number}. {step.title}", title_justify="left", expand=True)
        table.add_column("what", ratio=3)
        table.add_column("id or reference", ratio=4, overflow="fold")
        table.add_column("result", ratio=6, overflow="fold")
        for row in step.rows:
            table.add_row(*row)
        console.print(table)
        steps.append(step)
    return steps


@contextmanager
def _service(settings: Settings, home: Path, console: Console) -> Iterator[Settings]:
    """Give the settings of the service that runs in the home; without one, of one that runs for this block."""
    if (home / RUNNING_FILE).exists():
        running = _running(settings)
        if is_ready(running.public_url):
            yield running
            return
    console.print(f"Nothing runs in {home}; starting a service for the demonstration.")
    words = [sys.executable, "-m", "service.cli", "up"]
    told = {**os.environ, f"{PREFIX}HOME": str(home), f"{PREFIX}PORT": str(free_port())}
    with (home / LOG_FILE).open("wb") as log:
        process = subprocess.Popen(words, env=told, stdout=log, stderr=subprocess.STDOUT)
    try:
        with console.status("Starting"):
            _await_start(process, settings, home)
        yield _running(settings)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_start(process: subprocess.Popen[bytes], settings: Settings, home: Path) -> None:
    def is_up() -> bool:
        if process.poll() is not None:
            raise Unavailable("not_started", f"the service ended by itself; the reason is in {home / LOG_FILE}")
        return (
            (home / RUNNING_FILE).exists() and (home / DEMO_FILE).exists() and is_ready(_running(settings).public_url)
        )

    try:
        wait_until(is_up, START_SECONDS_MAX)
    except TimeoutError as error:
        raise Unavailable("not_started", f"the service did not become ready; see {home / LOG_FILE}") from error


def _running(settings: Settings) -> Settings:
    """Return the settings that the running service told, whatever servers the environment names."""
    alone = msgspec.structs.replace(settings, database_url="", s3_endpoint="")
    return running_settings(alone)
