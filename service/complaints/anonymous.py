"""Safety reports without an account: sent at once, opened later by a receipt that nobody can replace.

Ranks as `actions`. Whoever opened a report acts as `Actor.case_id`: every use case of a case serves them where the
policy table says so, from the buyer's side. (docs/decisions/0017-reports-without-an-account.md)
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text

from service.accounts import passwords
from service.accounts.identity import give_pass, reporter
from service.complaints.actions.drafts import blank, write
from service.complaints.actions.submission import check_sendable, forward, judged
from service.complaints.limits import Counter, forget_openings
from service.complaints.receipts import CANDIDATES_MAX, PREFIX_FIGURES, SECRET_FIGURES, Receipt, from_numbers, parse
from service.complaints.report_schemas import NewSafetyReport
from service.complaints.schemas import DraftChanges
from service.complaints.tables import Complaint, ReportReceipt
from service.core.actor import Actor, SignIn
from service.core.errors import Unauthenticated, Unavailable
from service.db.session import Tx
from service.sellers.queries import get_seller

DRAWS_MAX = 50
_KEEP = text(
    "INSERT INTO report_receipt (complaint_id, prefix, place, secret_hash)"
    " SELECT :complaint_id, :prefix, n, :secret_hash FROM generate_series(1, :most) n"
    " WHERE NOT EXISTS (SELECT FROM report_receipt WHERE prefix = :prefix AND place = n)"
    " ORDER BY n LIMIT 1 ON CONFLICT (prefix, place) DO NOTHING RETURNING place"
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A report that somebody may read and add to, for an hour. `receipt` is known only when it was sent just now."""

    actor: Actor
    case_id: UUID
    token: str
    expires_at: datetime
    receipt: Receipt | None = None


async def send_report(tx: Tx, data: NewSafetyReport) -> Opened:
    """Send a safety report of nobody known to a mediator, and draw its receipt.

    `tx` must not have begun, as the receipt is hashed outside any transaction. Raises `NotFound` ("seller_not_found"),
    `Invalid` ("gtin_wrong", "date_in_future", "place_malformed"), `Unavailable` ("receipts_used_up").
    """
    secret = secrets.randbelow(10**SECRET_FIGURES)
    secret_hash = await passwords.hash_password(from_numbers(0, secret).secret)
    now = await tx.now()
    complaint = await blank(tx, Actor(None, sign_in=SignIn.RECEIPT, language=data.language), now=now)
    complaint.seller_id = None if data.seller_id is None else (await get_seller(tx, data.seller_id)).id
    texts = await write(tx, complaint, _answers(data), now=now)
    check_sendable(complaint, texts.narrative)
    for name, value in judged(complaint, texts.narrative).items():
        setattr(complaint, name, value)
    actor = reporter(complaint.id, language=data.language)
    await forward(tx, actor, complaint, now=now)
    await tx.flush()  # the receipt's row refers to the complaint's
    receipt = await _keep(tx, complaint, secret, secret_hash)
    return await _opened(tx, complaint.id, data.language, now=now, receipt=receipt)


async def open_report(tx: Tx, counter: Counter, typed: str) -> Opened:
    """Open the report whose receipt this is; the try is counted and committed before anything is said.

    `tx` must not have begun, as hashes are compared outside any transaction: always the same number of them, whether
    the prefix finds a report or not. Raises `Invalid` ("receipt_malformed"), `TooMany` ("too_many_attempts"),
    `Unauthenticated` ("receipt_wrong": the one answer to every wrong receipt).
    """
    receipt = parse(typed)
    await counter.count_opening(receipt.prefix)
    async with counter.database.reading() as short:
        found = await short.execute(
            select(ReportReceipt.complaint_id, ReportReceipt.secret_hash).where(ReportReceipt.prefix == receipt.prefix)
        )
        candidates: list[tuple[UUID | None, str | None]] = [(row.complaint_id, row.secret_hash) for row in found]
    candidates += [(None, None)] * (CANDIDATES_MAX - len(candidates))
    right = [case_id for case_id, secret_hash in candidates if await passwords.fits(receipt.secret, secret_hash)]
    if not right or right[0] is None:
        raise Unauthenticated("receipt_wrong", "no report has this receipt")
    now = await tx.now()
    await forget_openings(tx, receipt.prefix, salt=counter.salt)
    language = await tx.scalar(select(Complaint.language).where(Complaint.id == right[0]))
    return await _opened(tx, right[0], language or "en", now=now)


async def _opened(tx: Tx, case_id: UUID, language: str, *, now: datetime, receipt: Receipt | None = None) -> Opened:
    token, expires_at = await give_pass(tx, case_id, language=language, now=now)
    return Opened(reporter(case_id, language=language), case_id, token, expires_at, receipt)


async def _keep(tx: Tx, complaint: Complaint, secret: int, secret_hash: str) -> Receipt:
    """Draw a prefix until one has room; with a million reports, about one draw in twelve has none."""
    for _ in range(DRAWS_MAX):
        receipt = from_numbers(secrets.randbelow(10**PREFIX_FIGURES), secret)
        row = {"complaint_id": complaint.id, "prefix": receipt.prefix, "secret_hash": secret_hash}
        if (await tx.execute(_KEEP, {**row, "most": CANDIDATES_MAX})).first() is not None:
            return receipt
    raise Unavailable("receipts_used_up", "no receipt is left to give")


def _answers(data: NewSafetyReport) -> DraftChanges:
    told = {name: getattr(data, name) for name in data.__struct_fields__ if name not in ("seller_id", "language")}
    return DraftChanges(purpose="safety", wanted="none", **told)
