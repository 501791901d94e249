"""The pure rules: life cycles, risk, silence, next steps."""

from datetime import UTC, date, datetime
from itertools import product

import pytest

from service.complaints import rules
from service.complaints.rules import COMPLAINT, OFFER, Silence
from service.core.errors import Conflict, Forbidden, Invalid
from service.web.words import PHRASES

SILENT = Silence("none", is_verified=True, claim_minor=100, grant_max_minor=100, buyer_grants=0, seller_grants=0)


def test_every_state_and_action_is_a_row_or_a_refusal() -> None:
    for state, action in product(COMPLAINT.states, COMPLAINT.actions):
        if (state, action) in COMPLAINT.table:
            assert COMPLAINT.next(state, action).to in COMPLAINT.states
        else:
            with pytest.raises(Conflict, match=f"not possible while {state}"):
                COMPLAINT.next(state, action)


def test_nothing_leaves_an_end() -> None:
    assert [row for row in COMPLAINT.table.values() if row.state in rules.ENDS] == []
    assert [row for row in OFFER.table.values() if row.state != "open"] == []


@pytest.mark.parametrize(("state", "action"), COMPLAINT.table)
def test_only_the_named_sides_take_a_step(state: str, action: str) -> None:
    step = COMPLAINT.next(state, action)
    for side in rules.SIDES:
        if side in step.who:
            rules.check_part(step, side)
        else:
            with pytest.raises(Forbidden):
                rules.check_part(step, side)


CELLS = {
    "none": ("low", "low", "medium"),
    "discomfort": ("low", "medium", "high"),
    "injury": ("high", "high", "serious"),
    "hospital": ("serious", "serious", "serious"),
}
BY_PROBABILITY = {
    "unlikely": ("not_as_described", "wrong_item", "not_delivered", "withdrawal", "other"),
    "possible": ("fake", "damaged", "expired", "missing_licence"),
    "likely": ("unsafe",),
}


@pytest.mark.parametrize(("harm", "place"), list(product(CELLS, range(3))))
def test_each_cell_of_the_risk_table(harm: str, place: int) -> None:
    probability, kinds = list(BY_PROBABILITY.items())[place]
    for kind in kinds:
        found = rules.assess_risk(kind, harm)
        assert (found.risk, found.reason, found.rules) == (CELLS[harm][place], f"{harm}_{probability}", "risk-1")


def test_every_kind_and_harm_stands_in_the_table_and_its_reason_has_words() -> None:
    assert {kind for kinds in BY_PROBABILITY.values() for kind in kinds} == set(rules.KINDS) == set(rules.PROBABILITY)
    assert tuple(CELLS) == rules.HARMS
    for harm, probability in product(CELLS, BY_PROBABILITY):
        assert f"risk_reason.{harm}_{probability}" in PHRASES


def test_a_graver_harm_never_makes_a_smaller_risk_and_no_harm_is_graver_than_itself() -> None:
    ranks = [[rules.RISKS.index(risk) for risk in row] for row in CELLS.values()]
    for line in (*ranks, *zip(*ranks, strict=True)):
        assert list(line) == sorted(line)
    order = (None, *rules.HARMS)
    for harm, than in product(order, order):
        expected = order.index(harm) > max(order.index(than), 1)
        assert rules.is_graver(harm, than) is expected


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"harm": "injury"}, "injury"),
        ({"harm": "hospital"}, "injury"),
        ({"claim_minor": None}, "no_claim"),
        ({"is_verified": False}, "not_verified"),
        ({"claim_minor": 101}, "above_policy"),
        ({"buyer_grants": 1}, "buyer_again"),
        ({"seller_grants": 1}, None),
        ({"seller_grants": 2}, "seller_again"),
    ],
)
def test_silence_grants_within_its_limits(change: dict[str, object], reason: str | None) -> None:
    facts = {name: getattr(SILENT, name) for name in SILENT.__dataclass_fields__} | change
    assert rules.silence_refused(Silence(**facts)) == reason


def test_a_day_that_has_begun_somewhere_on_earth_is_not_the_future() -> None:
    today = date(2026, 11, 22)
    rules.check_dates(bought_on=date(2026, 11, 23), harmed_on=None, today=today)
    with pytest.raises(Invalid, match="not come yet"):
        rules.check_dates(bought_on=None, harmed_on=date(2026, 11, 24), today=today)


def test_next_steps_say_who_until_when_and_what_silence_does() -> None:
    due = datetime(2026, 11, 24, tzinfo=UTC)
    found = rules.possible_actions(
        status="answered",
        has_claim=True,
        has_open_offer=True,
        is_ruled=False,
        due={"accept_offer": due, "warn_offer": due},
        on_expiry={"accept_offer": "closes"},
    )
    assert [(each.action, each.side, each.due_at, each.on_expiry) for each in found] == [
        ("offer", "seller", None, None),
        ("escalate", "buyer", None, None),
        ("decide_offer", "buyer", due, "closes"),
        ("withdraw", "buyer", None, None),
    ]


def test_nothing_can_be_done_after_the_end() -> None:
    for status in rules.ENDS:
        assert (
            rules.possible_actions(
                status=status, has_claim=True, has_open_offer=False, is_ruled=False, due={}, on_expiry={}
            )
            == []
        )
