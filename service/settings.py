"""One frozen Settings; the environment is read once, by the command that starts the process."""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path

import msgspec

PREFIX = "FAIRHOLD_"
_CLAMD = re.compile(r"unix:/[^\0]+|([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._/-]*)?")
_NOT_SETTINGS = frozenset({"FAIRHOLD_DATA"})  # where tests find real data; the service itself never reads it


class Mode(StrEnum):
    """Where the process runs. Only `test` and `demonstration` databases have a clock that can be moved."""

    DEMONSTRATION = "demonstration"
    PRODUCTION = "production"
    TEST = "test"


class SettingsWrong(Exception):
    """A variable is unknown, missing or malformed; the message names each of them."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment says, checked. Names in the environment are these in capitals, after `FAIRHOLD_`."""

    mode: Mode = Mode.DEMONSTRATION
    home: Path = Path("var")
    host: str = "127.0.0.1"
    port: int = 8000
    base_url: str = ""
    trusted_proxies: str = ""
    database_url: str = ""
    owner_database_url: str = ""
    database_pool_max: int = 10
    s3_endpoint: str = ""
    s3_access_key: str = ""
    s3_secret_key: str = ""
    s3_secure: bool = False
    s3_prefix: str = "fairhold"
    s3_public_url: str = ""
    evidence_retention_days: int = 1095
    clamd: str = ""
    secret: str = ""
    gateway_url: str = ""
    gateway_secret: str = ""
    carrier_url: str = ""
    carrier_public_key: str = ""
    worker_stalled_seconds: int = 30
    log_level: str = "INFO"

    @property
    def public_url(self) -> str:
        """The address that people and providers reach the service at, without a slash at its end."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def proxy_networks(self) -> list[str]:
        """The addresses and networks of the reverse proxies whose `X-Forwarded-For` is believed; none unless set."""
        return [part.strip() for part in self.trusted_proxies.split(",") if part.strip()]

    @property
    def is_clock_movable(self) -> bool:
        """Whether the database may have a clock with an offset (never in production)."""
        return self.mode is not Mode.PRODUCTION


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of an environment; raises `SettingsWrong` with one line for each wrong variable."""
    known = {PREFIX + name.upper(): name for name in Settings.__struct_fields__}
    given: dict[str, str] = {}
    wrong: list[str] = []
    for variable, value in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable in _NOT_SETTINGS:
            continue
        if variable not in known:
            wrong.append(f"{variable} is not a setting")
            continue
        field = known[variable]
        try:
            _convert({field: value})
        except msgspec.ValidationError as error:
            wrong.append(f"{variable}: {error}")
        given[field] = value
    if wrong:
        raise SettingsWrong("\n".join(wrong))
    settings = _convert(given)
    _check(settings)
    return settings


def _convert(given: Mapping[str, str]) -> Settings:
    return msgspec.convert(given, Settings, strict=False, dec_hook=_path)


def _path(_: type, text: object) -> Path:
    """Make the one kind of value that msgspec does not know."""
    return Path(str(text))


def _not_networks(settings: Settings) -> list[str]:
    """Return what is no network, or all of them: whoever trusts everybody lets everybody choose an address."""
    wrong = []
    for part in settings.proxy_networks:
        try:
            is_everybody = ip_network(part).prefixlen == 0
        except ValueError:
            is_everybody = True
        if is_everybody:
            wrong.append(part)
    return wrong


def _check(settings: Settings) -> None:
    wrong = []
    if not 0 < settings.port < 65536:
        wrong.append("FAIRHOLD_PORT: from 1 to 65535")
    if not 1 <= settings.evidence_retention_days <= 36500:
        wrong.append("FAIRHOLD_EVIDENCE_RETENTION_DAYS: from 1 to 36500")
    if not 3 <= settings.worker_stalled_seconds <= 3600:
        wrong.append("FAIRHOLD_WORKER_STALLED_SECONDS: from 3 to 3600")
    wrong += [
        f"FAIRHOLD_TRUSTED_PROXIES: {part} is not the address or network of a proxy" for part in _not_networks(settings)
    ]
    if settings.clamd and not _CLAMD.fullmatch(settings.clamd):
        wrong.append("FAIRHOLD_CLAMD: host:port, or unix: and the path of a socket")
    if settings.s3_public_url and not _ADDRESS.fullmatch(settings.s3_public_url):
        wrong.append("FAIRHOLD_S3_PUBLIC_URL: http:// or https:// with a host, as clients reach the storage")
    if settings.mode is Mode.PRODUCTION:
        needed = ("database_url", "s3_endpoint", "s3_access_key", "s3_secret_key", "secret", "base_url", "gateway_url")
        wrong += [f"{PREFIX}{name.upper()} is needed in production" for name in needed if not getattr(settings, name)]
        if settings.secret and len(settings.secret) < 32:
            wrong.append("FAIRHOLD_SECRET: at least 32 characters")
    if wrong:
        raise SettingsWrong("\n".join(wrong))
