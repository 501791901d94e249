"""The `fairhold` command: one group, one way to end on an error."""

import os
import sys
from importlib import import_module

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.traceback import install

from service.cli.importing import import_uncollected
from service.core.errors import FairholdError, InvariantBroken
from service.settings import SettingsWrong

EXIT_REFUSED = 1
EXIT_SETTINGS = 2
COMMANDS = {
    "up": "up",
    "serve": "serve",
    "worker": "worker",
    "sandbox": "sandbox",
    "migrate": "database",
    "seed": "database",
    "demo": "demo",
    "account": "accounts",
    "api-key": "accounts",
    "evidence": "evidence",
    "ledger": "ledger",
    "matching": "matching",
    "verify": "verify",
    "storage": "storage",
}
"""Each command's module in service.cli; there it has its name, with underscores."""


class Commands(click.RichGroup):
    """Imports a command when it is asked for: `fairhold sandbox` and `verify` need not wait for the whole service."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order in which the help shows them."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return a command, None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_uncollected(f"service.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fairhold")
def fairhold() -> None:
    """Complaints traced to their batch, with every payment held until the window has passed.

    Settings come from the environment: FAIRHOLD_HOME (var), FAIRHOLD_PORT (8000), FAIRHOLD_DATABASE_URL,
    FAIRHOLD_S3_ENDPOINT and the others of the README. `fairhold up` needs none of them.
    """


def main() -> None:
    """Run the command; exit with 1 on a refusal and 2 on wrong settings or words, each with what to do about it."""
    console = Console(stderr=True)
    if os.environ.get("FAIRHOLD_LOG_LEVEL", "").upper() == "DEBUG":
        install(console=console)
    try:
        fairhold(standalone_mode=True)
    except SettingsWrong as error:
        console.print(f"[red]Settings:[/red] {error}", highlight=False)
        sys.exit(EXIT_SETTINGS)
    except FairholdError as error:
        console.print(f"[red]{error.code}:[/red] {escape(error.message)}", highlight=False, soft_wrap=True)
        sys.exit(EXIT_REFUSED)
    except _database_errors() as error:
        console.print(f"[red]database:[/red] {escape(str(getattr(error, 'orig', error)))}", highlight=False)
        console.print("Is it running, and are FAIRHOLD_DATABASE_URL and FAIRHOLD_OWNER_DATABASE_URL right?")
        sys.exit(EXIT_REFUSED)
    except InvariantBroken as error:
        console.print(f"[red]This must not happen:[/red] {error}", highlight=False)
        sys.exit(EXIT_REFUSED)


def _database_errors() -> tuple[type[Exception], ...]:
    """Return what a database raises. Asked for only once something was raised, for the sake of commands without one."""
    return import_module("sqlalchemy.exc").DBAPIError, import_module("psycopg").Error
