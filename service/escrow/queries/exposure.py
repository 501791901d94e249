"""How much money lies in scopes and batches, and what became of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from service.core.money import Money
from service.db.session import Tx
from service.escrow.rules import SWEEP_MARGIN, ScopeKey
from service.escrow.tables import IN_SCOPE
from service.escrow.views import ScopeFreezeView, ScopeState, SellerMoney

# A hold counts once: a divided one through its children. Frozen as of then: by its own rows, or by a scope's freeze
# that has not reached its row yet.
_BY_SELLER = text(
    """
    WITH mine AS (
        SELECT h.*, r.outcome, r.buyer_minor, r.seller_minor, r.fee_minor, (r.at IS NULL OR r.at > :as_of) AS was_open
        FROM hold h LEFT JOIN resolution r ON r.hold_id = h.id
        WHERE h.batch_id = ANY(:batch_ids) AND h.funded_at <= :as_of
    ), counted AS (
        SELECT m.*, m.was_open AND (
            EXISTS (SELECT FROM hold_freeze f WHERE f.hold_id = m.id AND f.at <= :as_of
                    AND (f.lifted_at IS NULL OR f.lifted_at > :as_of))
            OR EXISTS (SELECT FROM fairhold_scopes(m.seller_id, m.product_id, m.batch_id) s
                       JOIN scope_freeze_member sm ON sm.kind = s.kind AND sm.key = s.key
                       JOIN scope_freeze sf ON sf.id = sm.freeze_id AND sf.at <= :as_of
                        AND (sf.lifted_at IS NULL OR sf.lifted_at > :as_of))) AS was_frozen
        FROM mine m WHERE m.was_open OR m.outcome <> 'divided'
    )
    SELECT seller_id, currency, count(DISTINCT reference_id) AS reference_count,
           coalesce(sum(amount_minor) FILTER (WHERE was_open), 0)::bigint AS held_minor,
           coalesce(sum(amount_minor) FILTER (WHERE was_frozen), 0)::bigint AS frozen_minor,
           coalesce(sum(seller_minor) FILTER (WHERE NOT was_open), 0)::bigint AS released_minor,
           coalesce(sum(buyer_minor) FILTER (WHERE NOT was_open), 0)::bigint AS refunded_minor,
           coalesce(sum(fee_minor) FILTER (WHERE NOT was_open), 0)::bigint AS fee_minor,
           count(*) FILTER (WHERE was_open) AS open_hold_count,
           count(*) FILTER (WHERE was_frozen) AS frozen_hold_count
    FROM counted GROUP BY seller_id, currency ORDER BY seller_id, currency
    """
)
_FREEZES = text(
    """
    SELECT m.kind, m.key, f.id, f.reason, f.source_id, f.at, f.expires_at
    FROM unnest(CAST(:kinds AS text[]), CAST(:keys AS text[])) AS w (kind, key)
    JOIN scope_freeze_member m ON m.kind = w.kind AND m.key = w.key
    JOIN scope_freeze f ON f.id = m.freeze_id AND f.lifted_at IS NULL ORDER BY f.at, f.id
    """
)


async def money_by_seller(tx: Tx, batch_ids: Collection[UUID], *, as_of: datetime) -> list[SellerMoney]:
    """Return what became of the money of these batches, by seller and currency, as of a time."""
    found = await tx.execute(_BY_SELLER, {"batch_ids": list(batch_ids), "as_of": as_of})
    return [SellerMoney(*row) for row in found]


async def scope_state(tx: Tx, scopes: Collection[ScopeKey]) -> list[ScopeState]:
    """Return each scope's live freezes and open holds, in the order of the keys. No permission filter: counts only."""
    keys = sorted(set(scopes))
    freezes: dict[ScopeKey, list[ScopeFreezeView]] = {}
    found = await tx.execute(_FREEZES, {"kinds": [each.kind for each in keys], "keys": [each.key for each in keys]})
    for row in found:
        view = ScopeFreezeView(row.id, row.reason, row.source_id, row.at, row.expires_at)
        freezes.setdefault(ScopeKey(row.kind, row.key), []).append(view)
    return [await _state(tx, key, freezes.get(key, [])) for key in keys]


async def _state(tx: Tx, key: ScopeKey, freezes: list[ScopeFreezeView]) -> ScopeState:
    query = (
        "SELECT h.currency, count(*) AS holds, sum(h.amount_minor)::bigint AS held FROM hold h"  # noqa: S608 - IN_SCOPE is ours
        f" WHERE h.ended_at IS NULL AND {IN_SCOPE[key.kind]} GROUP BY h.currency ORDER BY h.currency"
    )
    found = await tx.execute(text(query), {"key": key.key})
    rows = found.all()
    return ScopeState(key, freezes, sum(row.holds for row in rows), [Money(row.held, row.currency) for row in rows])


@dataclass(frozen=True, slots=True)
class OpenHolds:
    """Open holds of one currency, all tenants together; `frozen_*` are those of them that are frozen."""

    amount: Money
    count: int
    frozen: Money
    frozen_count: int


async def open_totals(tx: Tx) -> list[OpenHolds]:
    """Return what is held and frozen now, by currency. No permission filter: sums only."""
    found = await tx.execute(
        text(
            "SELECT currency, sum(amount_minor)::bigint AS held, count(*) AS holds,"
            " coalesce(sum(amount_minor) FILTER (WHERE freeze_count > 0), 0)::bigint AS frozen,"
            " count(*) FILTER (WHERE freeze_count > 0) AS frozen_holds"
            " FROM hold WHERE ended_at IS NULL GROUP BY currency ORDER BY 2 DESC"
        )
    )
    return [
        OpenHolds(Money(row.held, row.currency), row.holds, Money(row.frozen, row.currency), row.frozen_holds)
        for row in found
    ]


@dataclass(frozen=True, slots=True)
class Sweeping:
    """What the sweep has to do, and when it released last."""

    due_count: int
    oldest_due_at: datetime | None
    last_release_at: datetime | None


async def sweeping(tx: Tx, *, now: datetime) -> Sweeping:
    """Return how many holds are due for release and when the sweep last released one."""
    found = await tx.execute(
        text(
            "SELECT (SELECT count(*) FROM hold_due WHERE ends_at <= :due),"
            " (SELECT min(ends_at) FROM hold_due WHERE ends_at <= :due),"
            " (SELECT max(at) FROM resolution WHERE cause = 'sweep')"
        ),
        {"due": now - SWEEP_MARGIN},
    )
    return Sweeping(*found.one())
