"""Deadlines are data: one row per promise, fired once, calling a handler by name."""
