"""What `fairhold up` keeps in its home folder, so that the other commands find the servers it started."""

import base64
import secrets
from pathlib import Path
from typing import Any

import msgspec

from service.core.errors import Unavailable
from service.core.signatures import secret_from_bytes
from service.embedded.process import own_folder, remember, store
from service.settings import Settings

RUNNING_FILE = "running.json"
SECRETS_FILE = "secrets.json"
DEMO_FILE = "demo.json"
_TOLD = (
    "base_url", "database_url", "owner_database_url", "s3_endpoint", "s3_access_key", "s3_secret_key", "s3_secure",
    "s3_public_url", "secret", "gateway_url", "gateway_secret", "carrier_url", "port",
)  # fmt: skip


def home_of(settings: Settings) -> Path:
    """Return the home folder, made for us alone if it was not there."""
    return own_folder(settings.home.absolute())


def with_secrets(settings: Settings, home: Path) -> Settings:
    """Return the settings with the home's own secrets where the environment names none; made once, kept for ever."""
    kept = remember(home / SECRETS_FILE, _new_secrets)
    return msgspec.structs.replace(
        settings,
        secret=settings.secret or kept["secret"],
        gateway_secret=settings.gateway_secret or kept["gateway_secret"],
    )


def write_running(settings: Settings, home: Path) -> None:
    """Tell other commands on this home where the running servers are."""
    store(home / RUNNING_FILE, {name: getattr(settings, name) for name in _TOLD})


def running_settings(settings: Settings) -> Settings:
    """Return settings for a command that needs servers: the environment's, else those that `fairhold up` started.

    Raises `Unavailable` ("not_running") when there are neither.
    """
    if settings.database_url and settings.s3_endpoint:
        return settings
    file = settings.home.absolute() / RUNNING_FILE
    if not file.exists():
        raise Unavailable(
            "not_running", f"nothing runs in {settings.home}: start `fairhold up` there, or set FAIRHOLD_DATABASE_URL"
            " and FAIRHOLD_S3_ENDPOINT"
        )  # fmt: skip
    told: dict[str, Any] = msgspec.json.decode(file.read_bytes())
    return msgspec.structs.replace(settings, **{name: value for name, value in told.items() if name in _TOLD})


def _new_secrets() -> dict[str, Any]:
    return {
        "secret": base64.urlsafe_b64encode(secrets.token_bytes(36)).decode(),
        "gateway_secret": secret_from_bytes(secrets.token_bytes(32)),
    }
