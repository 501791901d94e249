"""Signals: batches whose complaints are more than their base rate explains, and the circuit breaker that freezes them.

Recalls proper (declare, close) are a later room.
"""
