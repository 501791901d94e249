"""The `fairhold` command: one group, one way to end on an error."""

import os
import sys

import psycopg
import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.traceback import install
from sqlalchemy.exc import DBAPIError

from service.cli import accounts, database, demo, ledger, running, sandbox, verify
from service.core.errors import FairholdError, InvariantBroken
from service.settings import SettingsWrong

EXIT_REFUSED = 1
EXIT_SETTINGS = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fairhold")
def fairhold() -> None:
    """Complaints traced to their batch, with every payment held until the window has passed.

    Settings come from the environment: FAIRHOLD_HOME (var), FAIRHOLD_PORT (8000), FAIRHOLD_DATABASE_URL,
    FAIRHOLD_S3_ENDPOINT and the others of the README. `fairhold up` needs none of them.
    """


for command in (running.up, running.serve, running.worker, sandbox.sandbox, database.migrate, database.seed, demo.demo):
    fairhold.add_command(command)
fairhold.add_command(accounts.account)
fairhold.add_command(accounts.api_key)
fairhold.add_command(ledger.ledger)
fairhold.add_command(verify.verify)


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
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        console.print(f"[red]database:[/red] {escape(str(cause))}", highlight=False)
        console.print("Is it running, and are FAIRHOLD_DATABASE_URL and FAIRHOLD_OWNER_DATABASE_URL right?")
        sys.exit(EXIT_REFUSED)
    except InvariantBroken as error:
        console.print(f"[red]This must not happen:[/red] {error}", highlight=False)
        sys.exit(EXIT_REFUSED)
