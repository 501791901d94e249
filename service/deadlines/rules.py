"""The policies that every database starts with. Durations in seconds; pure."""

HOUR = 3600
DAY = 24 * HOUR

DEFAULT_POLICIES: dict[str, tuple[int, str]] = {
    "window": (10 * DAY, "seconds"),
    "window_floor": (7 * DAY, "seconds"),
    "ship_within": (14 * DAY, "seconds"),
    "deliver_within": (30 * DAY, "seconds"),
    "ask_arrival_again": (4 * DAY, "seconds"),
    "answer_arrival": (7 * DAY, "seconds"),
    "prove_delivery": (48 * HOUR, "seconds"),
    "answer_claim": (48 * HOUR, "seconds"),
    "accept_offer": (7 * DAY, "seconds"),
    "escalate": (7 * DAY, "seconds"),
    "give_return_address": (48 * HOUR, "seconds"),
    "send_back": (7 * DAY, "seconds"),
    "confirm_return": (10 * DAY, "seconds"),
    "answer_question": (72 * HOUR, "seconds"),
    "first_ruling_target": (48 * HOUR, "seconds"),
    "first_ruling_hard": (14 * DAY, "seconds"),
    "appeal": (10 * DAY, "seconds"),
    "triage": (48 * HOUR, "seconds"),
    "circuit_breaker": (7 * DAY, "seconds"),
    "circuit_breaker_confirm": (48 * HOUR, "seconds"),
    "fee": (300, "basis_points"),
    "silence_grant_max": (50_000, "minor_units"),
    "provider_limit": (90 * DAY, "seconds"),
    "provider_limit_alert": (8_000, "basis_points"),
    "provider_limit_near": (10 * DAY, "seconds"),
    "provider_limit_refund": (1, "switch"),
    "keep_idempotency_keys": (30 * DAY, "seconds"),
}
"""name -> (value, unit), for any category and jurisdiction."""
