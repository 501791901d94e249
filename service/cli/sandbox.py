"""`fairhold sandbox`: the payment provider and the carrier for tests and demonstrations, and their switches."""

import contextlib
from pathlib import Path

import msgspec
import rich_click as click

from service import settings as environment
from service.cli.home import home_of, with_secrets
from service.cli.listening import free_port
from service.core.errors import Invalid
from service.core.wire import CARRIER_PREFIX, PROVIDER_PREFIX
from service.sandbox.app import ADDRESS, SandboxSettings, switches_of, turn_switches
from service.sandbox.app import run as run_sandbox
from service.sandbox.switches import Switches

FOLDER = "sandbox"
_FOLDER = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="where it keeps its books (FAIRHOLD_HOME/sandbox)",
)


@click.group(invoke_without_command=True)
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="port on 127.0.0.1; 0 takes a free one")
@_FOLDER
@click.pass_context
def sandbox(context: click.Context, port: int, folder: Path | None) -> None:
    """Run the sandbox payment provider and carrier, until Ctrl-C or SIGTERM.

    They listen on 127.0.0.1 and print their addresses. Their notices go to FAIRHOLD_BASE_URL, signed with
    FAIRHOLD_GATEWAY_SECRET (else with the secret that FAIRHOLD_HOME keeps, as `fairhold up` does). What they have
    done outlives them: start them again on the same folder. Exit codes: 0 stopped, 1 refused (port or folder in use),
    2 wrong settings or words.
    """
    if context.invoked_subcommand is not None:
        context.obj = folder
        return
    settings = environment.read()
    home = home_of(settings)
    settings = with_secrets(settings, home)
    port = port or free_port()

    def tell() -> None:
        click.echo(f"provider http://{ADDRESS}:{port}{PROVIDER_PREFIX}")
        click.echo(f"carrier  http://{ADDRESS}:{port}{CARRIER_PREFIX}")
        click.echo(f"notices  {settings.public_url}")

    told = SandboxSettings(folder or home / FOLDER, settings.public_url, settings.gateway_secret, port)
    with contextlib.suppress(KeyboardInterrupt):
        run_sandbox(told, starting=tell)


@sandbox.command()
@click.argument("service", type=click.Choice(["provider", "carrier"]))
@click.argument("words", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--off", is_flag=True, help="turn everything off")
@_FOLDER
@click.pass_context
def switch(context: click.Context, service: str, words: tuple[str, ...], off: bool, folder: Path | None) -> None:
    """Make the provider or the carrier fail, also while it runs; without words, show how it stands.

    What is not named is turned off. The names are those of docs/gateway.md, such as delay_ms=500,
    time_out_after_work=1, duplicate_notices=true. Who may write the folder may turn the switches.
    """
    books = folder or context.obj or home_of(environment.read()) / FOLDER
    if words or off:
        turn_switches(books, service, _switches(words))
    for name, value in msgspec.to_builtins(switches_of(books, service)).items():
        click.echo(f"{name}={str(value).lower()}")


def _switches(words: tuple[str, ...]) -> Switches:
    named = dict(word.partition("=")[::2] for word in words)
    try:
        return msgspec.convert(named, Switches, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid("switches_wrong", str(error)) from error
