"""Fixtures of the pages' tests: cases to work on, and browsers in which somebody is signed in."""

from tests.web.desks import cases, desk

__all__ = ["cases", "desk"]
