"""Hypothesis walks through everything that can happen to money, against the model in memory."""

import asyncio

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.chance import new_seed
from tests.conftest import DatabaseUrls
from tests.escrow.ground import Ground
from tests.escrow.machine_moves import Machine

REACHED = frozenset(
    "fund divide release fee refund charge_back chargeback refund_paid deposit_in payout hold_state hold_frozen"
    " claim_above_hold amount_above_hold payouts_blocked payment_not_retryable".split()
)
"""Transfers and refusals that so many walks always come to; the rarer ones are printed with how often they came."""
REACHED_BY_MANY = REACHED | {"payout_paid", "payout_returned", "refund_exists", "window_closed"}


@pytest.mark.timeout(1_200)
def test_the_ledger_agrees_with_the_model_after_every_step(urls: DatabaseUrls) -> None:
    walk(urls, runs=200, steps=50, reached=REACHED)


@pytest.mark.full
@pytest.mark.timeout(6 * 3_600)
def test_the_ledger_agrees_with_the_model_on_long_walks(urls: DatabaseUrls) -> None:
    walk(urls, runs=1_000, steps=200, reached=REACHED_BY_MANY)


def walk(urls: DatabaseUrls, *, runs: int, steps: int, reached: frozenset[str]) -> None:
    """Take so many walks of so many steps. A failure shows all of its steps: shrinking takes minutes on a database."""
    with asyncio.Runner() as runner:
        ground = Ground(urls, runner)
        machine = hypothesis.seed(new_seed())(type("Walk", (Machine,), {"ground": ground}))
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=runs,
                    stateful_step_count=steps,
                    deadline=None,
                    database=None,
                    print_blob=True,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            print(sorted(ground.seen.items()))
            ground.close()
    assert ground.seen.keys() >= reached
