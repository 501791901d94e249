"""What the steps of the demonstration share: the accounts, HTTP as each of them, facts, and waiting with a limit."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx
import msgspec
import psycopg

from service.core.errors import FairholdError, Unavailable
from service.core.ids import new_id
from service.core.wire import IDEMPOTENCY_KEY
from service.db.session import driver_url
from service.samples.people import DemoAccount
from service.settings import Settings

API = "/api/v1"
MAKER = "maker"
"""The seller who joins in each run, for a person opens 20 shops at most; "seller" is the shop that sells on for it."""
WAIT_SECONDS_MAX = 120.0
ANSWER_SECONDS_MAX = 60.0
_PAUSE_SECONDS = 0.1

Json = dict[str, Any]
Found = TypeVar("Found")


class StepFailed(FairholdError):
    """A step of the demonstration did not go as it must; the message says which request or condition."""


@dataclass(slots=True)
class Step:
    """One step: what was done, with which id or reference, and what came of it. `facts` are for programs."""

    number: int
    title: str
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    facts: Json = field(default_factory=dict)

    def tell(self, what: str, reference: object, result: str, **facts: Any) -> None:
        """Add a line to the step's table, and facts."""
        self.rows.append((what, str(reference), result))
        self.facts |= facts


@dataclass(slots=True)
class Remembered:
    """What later steps need of earlier ones."""

    seller_id: str = ""
    product_id: str = ""
    batch_id: str = ""
    lot: str = ""
    claimed_order_id: str = ""
    quiet_order_id: str = ""
    quiet_hold_id: str = ""
    complaint_id: str = ""
    packed_sha256: str = ""
    hold_id: str = ""


class Person:
    """Somebody of the demonstration, who talks to the API with their own key."""

    def __init__(self, client: httpx.Client, account: DemoAccount) -> None:
        self._client = client
        self.account = account

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON that a GET answers."""
        return self._ask("GET", path, params=query).json()

    def post(self, path: str, body: object = None, **more: Any) -> Any:
        """Return the JSON that a POST answers; sent again after a lost answer it has one effect."""
        sent = more if body is None else {"json": body, **more}
        return self._ask("POST", path, headers={IDEMPOTENCY_KEY: str(new_id())}, **sent).json()

    def download(self, path: str) -> httpx.Response:
        """Return a file with its headers."""
        return self._ask("GET", path)

    def _ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        key = {"Authorization": f"Bearer {self.account.api_key}"}
        return ask(self._client, self.account.role, method, path, headers={**key, **(headers or {})}, **more)


def ask(client: httpx.Client, role: str, method: str, path: str, **more: Any) -> httpx.Response:
    """Return what the API answers; `role` says in a failure who asked.

    Raises `Unavailable` ("no_answer"), `StepFailed` ("step_refused").
    """
    try:
        answer = client.request(method, API + path, **more)
    except httpx.HTTPError as error:
        raise Unavailable("no_answer", f"{method} {path}: {type(error).__name__} {error}") from error
    if answer.is_error:
        raise StepFailed("step_refused", f"{role}: {method} {path} gave {answer.status_code} {answer.text}")
    return answer


class Stage:
    """A running service with its demonstration's people. `run` makes names and numbers of this run its own."""

    def __init__(self, settings: Settings, home: Path, accounts: list[DemoAccount]) -> None:
        self.settings = settings
        self.home = home
        self.run = secrets.randbelow(900_000) + 100_000
        self.known = Remembered()
        self.client = self.new_client()
        self._accounts = list(accounts)

    def new_client(self) -> httpx.Client:
        """Return a client of the service, for its caller to close."""
        return httpx.Client(
            base_url=self.settings.public_url, timeout=ANSWER_SECONDS_MAX, trust_env=False, follow_redirects=False
        )

    def welcome(self, account: DemoAccount) -> None:
        """Let somebody new take part, as the last of their role."""
        self._accounts.append(account)

    def person(self, role: str, place: int = 0) -> Person:
        """Return the demonstration's person of a role; `place` counts from 0."""
        return Person(self.client, [each for each in self._accounts if each.role == role][place])

    @property
    def tenant_id(self) -> UUID:
        """The platform on which the orders are placed."""
        return self.person("platform").account.tenant_id

    def now(self) -> datetime:
        """Return the service's own time, as its database says it."""
        with psycopg.connect(driver_url(self.settings.database_url)) as connection:
            found = connection.execute("SELECT fairhold_now()").fetchone()
        if found is None:
            raise Unavailable("no_clock", "the database did not say the time")
        now: datetime = found[0]
        return now

    def wait(self, until: str, look: Callable[[], Found | None], seconds_max: float = WAIT_SECONDS_MAX) -> Found:
        """Return what `look` finds, asked again and again; raises `StepFailed` ("waited_too_long") at the limit."""
        end = time.monotonic() + seconds_max
        while (found := look()) is None:
            if time.monotonic() > end:
                raise StepFailed("waited_too_long", f"{seconds_max:.0f} s passed and not yet: {until}")
            time.sleep(_PAUSE_SECONDS)
        return found

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


def ensure_that(is_so: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise `StepFailed` ("not_so") unless it is so."""
    if not is_so:
        raise StepFailed("not_so", f"not so: {what}")


def accounts_of(demo_file: Path) -> list[DemoAccount]:
    """Return the accounts that `fairhold up` wrote."""
    told = msgspec.json.decode(demo_file.read_bytes())
    return msgspec.convert(told["accounts"], list[DemoAccount])


def money(amount: Json) -> str:
    """Return an amount for people, such as `480.00 CNY`; the demonstration trades in CNY only."""
    return f"{amount['amount_minor'] / 100:.2f} {amount['currency']}"
