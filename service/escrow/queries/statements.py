"""An account's lines with its balance, and the whole life of a hold: for people who look into the ledger."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, func, or_, select

from service.core.actor import SYSTEM
from service.core.errors import NotFound
from service.db.session import Tx
from service.escrow.queries.holds import get_hold, hold_ledger
from service.escrow.tables import Account, HoldFreeze, Resolution, Transfer
from service.escrow.views import HoldView, LedgerLine
from service.events.log import Happened, timeline


@dataclass(frozen=True, slots=True)
class AccountLine:
    """A transfer as an account sees it: credits add to the balance, debits take from it; minor units."""

    at: datetime
    subject_id: UUID
    code: str
    other_account: str
    amount_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """An account's newest lines, between its balance before them and its balance now, in minor units of `currency`.

    `locked_minor` is the balance that a locked account keeps on its row; None for one that is derived.
    """

    account: str
    currency: str
    locked_minor: int | None
    opening_minor: int
    lines: list[AccountLine]
    balance_minor: int


@dataclass(frozen=True, slots=True)
class FreezeLife:
    """A freeze of a hold from its beginning to its end, if it was lifted."""

    kind: str
    source_id: UUID
    at: datetime
    lifted_at: datetime | None


@dataclass(frozen=True, slots=True)
class End:
    """How a hold ended."""

    outcome: str
    cause: str
    at: datetime
    buyer_minor: int
    seller_minor: int
    fee_minor: int
    decision_id: UUID | None
    actor_id: UUID | None


@dataclass(frozen=True, slots=True)
class HoldLife:
    """A hold, what was moved for it and its parts, what froze it, how it ended, and what happened to it."""

    hold: HoldView
    lines: list[LedgerLine]
    freezes: list[FreezeLife]
    end: End | None
    events: list[Happened]


async def account_statement(tx: Tx, account_id: str, *, limit: int) -> AccountStatement:
    """Return an account's newest `limit` lines, oldest first; raises `NotFound` ("account_not_found").

    Reads the whole table of transfers: for people, not for requests.
    """
    account = await tx.get(Account, account_id)
    if account is None:
        raise NotFound("account_not_found", f"there is no account {account_id}")
    is_credit = Transfer.credit_account == account_id
    signed = case((is_credit, Transfer.amount_minor), else_=-Transfer.amount_minor)
    of_account = or_(is_credit, Transfer.debit_account == account_id)
    balance = int(await tx.scalar(select(func.coalesce(func.sum(signed), 0)).where(of_account)) or 0)
    newest = await tx.execute(
        select(
            Transfer.at,
            Transfer.subject_id,
            Transfer.code,
            case((is_credit, Transfer.debit_account), else_=Transfer.credit_account).label("other"),
            signed.label("signed"),
        )
        .where(of_account)
        .order_by(Transfer.at.desc(), Transfer.xid.desc(), Transfer.subject_id.desc(), Transfer.code.desc())
        .limit(limit)
    )
    lines, after = [], balance
    for row in newest:
        lines.append(AccountLine(row.at, row.subject_id, row.code, row.other, row.signed, after))
        after -= row.signed
    locked = account.balance_minor if account.balance_mode == "locked" else None
    return AccountStatement(account.id, account.currency, locked, after, lines[::-1], balance)


async def hold_life(tx: Tx, hold_id: UUID) -> HoldLife:
    """Return the whole life of a hold; raises `NotFound` ("hold_not_found"). No permission filter."""
    hold = await get_hold(tx, SYSTEM, hold_id)
    freezes = await tx.scalars(select(HoldFreeze).where(HoldFreeze.hold_id == hold_id).order_by(HoldFreeze.at))
    end = await tx.get(Resolution, hold_id)
    return HoldLife(
        hold=hold,
        lines=await hold_ledger(tx, hold_id),
        freezes=[FreezeLife(each.kind, each.source_id, each.at, each.lifted_at) for each in freezes],
        end=None
        if end is None
        else End(
            end.outcome,
            end.cause,
            end.at,
            end.buyer_minor,
            end.seller_minor,
            end.fee_minor,
            end.decision_id,
            end.actor_id,
        ),
        events=await timeline(tx, [hold_id]),
    )
