"""Disputes grow out of complaints: the same delivered order, buyer, seller and mediator."""

from tests.complaints.conftest import cases

__all__ = ["cases"]
