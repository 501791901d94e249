"""`fairhold up`."""

import rich_click as click

from service import settings as environment
from service.cli.supervisor import supervise


@click.command()
def up() -> None:
    """Start everything: PostgreSQL, S3, sandbox provider, pages, API and worker; Ctrl-C stops all of it.

    Without FAIRHOLD_DATABASE_URL and FAIRHOLD_S3_ENDPOINT both servers are started under FAIRHOLD_HOME, migrated, and
    filled with sample data on the first start. Sign-ins are printed and written to demo.json there.
    """
    supervise(environment.read())
