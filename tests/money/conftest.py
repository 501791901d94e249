"""Money over HTTP, through the whole application: the same orders, buyer, seller and mediator as complaints have."""

from tests.complaints.conftest import cases

__all__ = ["cases"]
