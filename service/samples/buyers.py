"""Generated buyers: people without a password. Some share an address or a device, and are not independent."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from service.core.actor import COMMONS
from service.samples.rows import Rows
from service.samples.stamps import uuid_at
from service.samples.words import GIVEN, SURNAMES, WESTERN

SHARES_HOME = 0.05
Digest = Callable[[str, str], str | None]
"""(kind, value) -> salted digest, as orders keep it."""


@dataclass(frozen=True, slots=True)
class SampleBuyer:
    """Somebody who buys. Digests of payer, device, address and contact."""

    id: UUID
    language: str
    joined_at: datetime
    payer: str | None
    device: str | None
    address: str | None
    contact: str | None


def known_buyers(ids: list[UUID], digest: Digest, *, joined_at: datetime) -> list[SampleBuyer]:
    """Return the demonstration's own buyers, each with digests of their own."""
    return [_buyer(each, "en", joined_at, str(each), str(each), digest) for each in ids]


def make_buyers(
    rng: random.Random, rows: Rows, count: int, digest: Digest, *, tag: str, start: int, now: datetime
) -> list[SampleBuyer]:
    """Return `count` new buyers and add their rows."""
    made: list[SampleBuyer] = []
    home = ""
    for number in range(start, start + count):
        joined = now - timedelta(days=rng.randint(120, 380), seconds=rng.randrange(86_400))
        language = "zh" if rng.random() < 0.6 else "en"
        person_id = uuid_at(rng, joined)
        email = f"buyer{number}.{tag.lower()}@sample.example"
        own = f"{tag}{number}"
        home = home if home and rng.random() < SHARES_HOME else own
        rows.add(
            "person", id=person_id, email=email, name=_name(rng, language), language=language, created_at=joined,
            email_verified_at=joined,
        )  # fmt: skip
        rows.add(
            "role_grant", id=uuid_at(rng, joined), person_id=person_id, role="buyer", tenant_id=COMMONS,
            granted_at=joined,
        )  # fmt: skip
        made.append(_buyer(person_id, language, joined, own, home, digest))
    return made


def _buyer(person_id: UUID, language: str, joined: datetime, own: str, home: str, digest: Digest) -> SampleBuyer:
    return SampleBuyer(
        person_id, language, joined, digest("payer", own), digest("device", own), digest("address", home),
        digest("contact", own),
    )  # fmt: skip


def _name(rng: random.Random, language: str) -> str:
    if language == "zh":
        return rng.choice(SURNAMES)[1] + rng.choice(GIVEN)[1]
    if rng.random() < 0.3:
        return rng.choice(WESTERN)
    return f"{rng.choice(GIVEN)[0]} {rng.choice(SURNAMES)[0]}"
