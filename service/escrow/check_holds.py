"""Reconciliation rules of freezes, scopes and windows: name -> query of what breaks it."""

from collections.abc import Mapping

HOLD_RULES: Mapping[str, str] = {
    "freeze_count": """
        SELECT h.id AS hold_id, h.freeze_count, coalesce(f.live, 0)::bigint AS live
        FROM hold h LEFT JOIN (
            SELECT hold_id, count(*) AS live FROM hold_freeze WHERE lifted_at IS NULL GROUP BY hold_id) f
            ON f.hold_id = h.id
        WHERE h.freeze_count <> coalesce(f.live, 0)""",
    "scope_freeze_count": """
        SELECT s.kind, s.key, s.freeze_count, coalesce(m.live, 0)::bigint AS live
        FROM scope s LEFT JOIN (
            SELECT x.kind, x.key, count(*) AS live FROM scope_freeze_member x
            JOIN scope_freeze f ON f.id = x.freeze_id AND f.lifted_at IS NULL GROUP BY x.kind, x.key) m
            ON m.kind = s.kind AND m.key = s.key
        WHERE s.freeze_count <> coalesce(m.live, 0)""",
    "scope_of_hold": """
        SELECT h.id AS hold_id, s.kind, s.key
        FROM hold h, fairhold_scopes(h.seller_id, h.product_id, h.batch_id) s
        WHERE h.ended_at IS NULL AND NOT EXISTS (SELECT FROM scope x WHERE x.kind = s.kind AND x.key = s.key)""",
    "window": """
        SELECT id AS hold_id, state, freeze_count FROM hold
        WHERE (window_ends_at IS NOT NULL) <> (state = 'in_window' AND freeze_count = 0)
           OR (window_left_seconds IS NOT NULL) <> (state = 'in_window' AND freeze_count > 0)""",
    "due_queue": """
        SELECT coalesce(h.id, d.hold_id) AS hold_id, d.shard, h.window_ends_at::text, d.ends_at::text AS queued_at
        FROM (SELECT id, seller_id, window_ends_at FROM hold WHERE window_ends_at IS NOT NULL) h
        FULL JOIN hold_due d ON d.hold_id = h.id
        WHERE d.ends_at IS DISTINCT FROM h.window_ends_at OR d.shard <> fairhold_shard(h.seller_id)""",
}
