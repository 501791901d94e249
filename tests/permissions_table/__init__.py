"""Who is expected to get how far with each route: written beside the code, not computed from it.

A row says which roles may, and for routes that name things, whose things each of those roles may reach. A new route
without a row fails `test_permissions.py`. Things are made in `tests/world.py`.
"""

from collections.abc import Mapping

from tests.permissions_table.cases import COMPLAINTS, DISPUTES
from tests.permissions_table.goods import BATCHES, SELLERS
from tests.permissions_table.orders import ESCROW, ORDERS
from tests.permissions_table.oversight import RECALLS, REPORTING
from tests.permissions_table.people import ACCOUNTS
from tests.permissions_table.rows import EVERY_ROLE, Outcome, Row

__all__ = ["EVERY_ROLE", "PERMISSIONS", "Outcome", "Row"]

PERMISSIONS: Mapping[str, Row] = {
    **ACCOUNTS,
    **SELLERS,
    **BATCHES,
    **ESCROW,
    **ORDERS,
    **COMPLAINTS,
    **DISPUTES,
    **RECALLS,
    **REPORTING,
}
"""Method and path below /api/v1 -> expectation."""
