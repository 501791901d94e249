"""The provider holds money for so long only: old held payments are told of, handed up, and refunded at the limit.

An hourly look over an index of holds by age, from the oldest that was open at the last look; nothing is promised per
hold, and what one transaction does is bounded. Age counts from the capture, so the parts of a divided hold are as old
as it. Whoever loads older open holds in bulk sets `limit_watch` back. Policies: `provider_limit` (90 days),
`provider_limit_alert` (the share of it from which a tenant's people are alerted), `provider_limit_near` (so long before
it, an undecided hold goes to a supervisor), `provider_limit_refund` (1: refund at the limit, 0: only tell).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text

from service.core.actor import SYSTEM
from service.core.money import BASIS_POINTS
from service.db.session import Tx
from service.deadlines.queries import policy
from service.escrow.actions.holds import refund_hold
from service.escrow.alerts import clear_alert, raise_alert
from service.escrow.tables import Alert, Hold

ALERT = "hold_near_limit"
AGED_MAX = 10_000
"""So many old holds are counted at most; more are not fewer to do."""
NEAR_BATCH = 500
REFUND_BATCH = 100

# An undivided hold was funded when it was captured. Parts were funded when they were divided; there are few of them.
_AGED = """
    SELECT h.id, h.tenant_id, h.reference_id, h.window_ends_at, h.freeze_count, h.funded_at AS captured_at FROM hold h
    WHERE h.parent_hold_id IS NULL AND h.state IN ('awaiting_delivery', 'in_window') AND h.funded_at <= :before
      AND h.funded_at >= (SELECT oldest_open_at FROM limit_watch)
    UNION ALL
    SELECT h.id, h.tenant_id, h.reference_id, h.window_ends_at, h.freeze_count, p.ended_at FROM hold h
    JOIN payment p ON p.id = h.payment_id
    WHERE h.parent_hold_id IS NOT NULL AND h.state IN ('awaiting_delivery', 'in_window') AND p.ended_at <= :before
"""
_BY_TENANT = text(
    "SELECT tenant_id, count(*) AS holds, min(captured_at) AS oldest,"  # noqa: S608 - made of the constants above
    " count(*) FILTER (WHERE captured_at <= :near) AS near"
    f" FROM (SELECT * FROM ({_AGED}) a ORDER BY captured_at LIMIT :limit) a GROUP BY tenant_id ORDER BY tenant_id"
)
# A window that ends before the limit decides by itself.
_TELL_NEAR = text(
    f"""
    WITH near AS (
        INSERT INTO hold_near_limit (hold_id, at)
        SELECT id, :now FROM ({_AGED}) a
        WHERE coalesce(window_ends_at > captured_at + CAST(:held_for AS interval), true)
          AND NOT EXISTS (SELECT FROM hold_near_limit n WHERE n.hold_id = a.id)
        ORDER BY captured_at LIMIT :limit ON CONFLICT DO NOTHING RETURNING hold_id
    )
    INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, at, facts)
    SELECT uuidv7(), 'hold.limit_near', 'hold', h.id, h.tenant_id, :now,
           jsonb_build_object('reference_id', h.reference_id, 'limit_at', p.ended_at + CAST(:held_for AS interval))
    FROM near n JOIN hold h ON h.id = n.hold_id JOIN payment p ON p.id = h.payment_id RETURNING 1
    """  # noqa: S608 - made of the constants above
)
# A window that has ended is the sweep's: it waits for nothing but the sweep.
_AT_LIMIT = text(
    f"SELECT id FROM ({_AGED}) a WHERE coalesce(window_ends_at > :now, true) ORDER BY captured_at LIMIT :limit"  # noqa: S608 - as above
)
# Nothing older than the first open hold will ever be open again, so the next look begins with it.
_MOVE_UP = text(
    "UPDATE limit_watch SET oldest_open_at = greatest(oldest_open_at, coalesce(("
    " SELECT h.funded_at FROM hold h WHERE h.parent_hold_id IS NULL AND h.state IN ('awaiting_delivery', 'in_window')"
    "  AND h.funded_at >= (SELECT oldest_open_at FROM limit_watch) AND h.funded_at <= :before"
    " ORDER BY h.funded_at LIMIT 1), :before))"
)
_ONE_AT_A_TIME = text("SELECT pg_try_advisory_xact_lock(hashtext('fairhold_limits'))")


@dataclass(frozen=True, slots=True)
class Limits:
    """The provider's limit and what happens before it, as durations from the capture."""

    alert_after: timedelta
    near_after: timedelta
    held_for: timedelta
    refunds: bool

    @classmethod
    async def in_force(cls, tx: Tx, *, now: datetime) -> "Limits":
        """Return the policies in force."""
        held_for = (await policy(tx, "provider_limit", now=now)).duration
        share = (await policy(tx, "provider_limit_alert", now=now)).value
        near = (await policy(tx, "provider_limit_near", now=now)).duration
        refunds = (await policy(tx, "provider_limit_refund", now=now)).value == 1
        return cls(held_for * share / BASIS_POINTS, held_for - near, held_for, refunds)


async def watch_limits(tx: Tx, *, now: datetime) -> int:
    """Look once at old held payments; return how many alerts, events and refunds that made, 0 when nothing is left.

    One worker at a time; another gets 0. Locks the holds that it refunds, by id; those locked by others wait an hour.
    """
    if not (await tx.execute(_ONE_AT_A_TIME)).scalar_one():
        return 0
    limits = await Limits.in_force(tx, now=now)
    await tx.execute(_MOVE_UP, {"before": now - limits.alert_after})
    done = await _alert(tx, limits, now)
    done += await _tell_near(tx, limits, now)
    return done + (await _refund(tx, limits, now) if limits.refunds else 0)


async def _alert(tx: Tx, limits: Limits, now: datetime) -> int:
    """Keep one alert for each tenant with old holds, and clear those of tenants without."""
    asked = {"before": now - limits.alert_after, "near": now - limits.near_after, "limit": AGED_MAX}
    found: Mapping[UUID, dict[str, object]] = {
        row.tenant_id: {"hold_count": row.holds, "near_count": row.near, "oldest_at": row.oldest.isoformat()}
        for row in await tx.execute(_BY_TENANT, asked)
    }
    done = 0
    for tenant_id, facts in found.items():
        done += await raise_alert(tx, ALERT, ("tenant", tenant_id), facts=facts, tenant_id=tenant_id, now=now)
    live = await tx.scalars(
        select(Alert.subject_id).where(Alert.kind == ALERT, Alert.subject_kind == "tenant", Alert.cleared_at.is_(None))
    )
    for subject_id in sorted(set(live) - {str(tenant_id) for tenant_id in found}):
        done += await clear_alert(tx, ALERT, ("tenant", subject_id), now=now)
    return done


async def _tell_near(tx: Tx, limits: Limits, now: datetime) -> int:
    asked = {"before": now - limits.near_after, "now": now, "held_for": limits.held_for, "limit": NEAR_BATCH}
    return len((await tx.execute(_TELL_NEAR, asked)).all())


async def _refund(tx: Tx, limits: Limits, now: datetime) -> int:
    asked = {"before": now - limits.held_for, "now": now, "limit": REFUND_BATCH}
    aged = (await tx.scalars(_AT_LIMIT, asked)).all()
    still = select(Hold.id).where(Hold.id.in_(aged), Hold.ended_at.is_(None)).order_by(Hold.id)
    hold_ids = (await tx.scalars(still.with_for_update(skip_locked=True))).all()
    for hold_id in hold_ids:
        await refund_hold(tx, SYSTEM, hold_id, decided_by=hold_id, now=now)
    return len(hold_ids)
