"""`fairhold demo`: the main job over HTTP, step by step."""

import rich_click as click

from service.core.errors import Unavailable


@click.command()
def demo() -> None:
    """Drive the main job, from registration to the dossier, against the running service or a fresh one."""
    raise Unavailable("demo_missing", "the demonstration is being written")
