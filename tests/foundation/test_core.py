"""Money, references and life-cycle tables."""

import importlib
import importlib.util
import pkgutil
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import service
from service.core import references
from service.core.errors import Conflict, Invalid
from service.core.lifecycle import Lifecycle, row
from service.core.money import AMOUNT_MINOR_MAX, CURRENCIES, Money, decimals, parse_major

AMOUNTS = st.integers(0, AMOUNT_MINOR_MAX)


@given(AMOUNTS, st.sampled_from(sorted(CURRENCIES)), st.integers(0, 10_000))
def test_a_share_rounds_down_and_the_rest_gets_the_remainder(amount: int, currency: str, points: int) -> None:
    money = Money(amount, currency)
    share = money.share_down(points)
    assert share.amount_minor == amount * points // 10_000
    assert share + (money - share) == money


@given(AMOUNTS, st.sampled_from(["JPY", "CNY", "KWD"]))
def test_what_is_written_in_major_units_is_read_back_exactly(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    assert parse_major(f"{money.major:f}", currency) == money


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("1,200.5", "CNY", 120_050), ("7", "JPY", 7), ("0.001", "KWD", 1), (" 3.10 ", "EUR", 310)],
)
def test_typed_amounts(text: str, currency: str, minor: int) -> None:
    assert parse_major(text, currency) == Money(minor, currency)


@pytest.mark.parametrize("text", ["", "-1", "1.234", "1e3", "NaN", "１２", "1.", "1.2.3", "abc", "9" * 30])
def test_what_is_not_an_amount_is_refused_and_never_rounded(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_major(text, "CNY")
    assert raised.value.code in {"amount_malformed", "amount_out_of_range"}


@pytest.mark.parametrize("amount", [-1, AMOUNT_MINOR_MAX + 1, 1.5, True])
def test_money_is_a_whole_number_within_bounds(amount: int) -> None:
    with pytest.raises(Invalid):
        Money(amount, "CNY")


def test_currencies_do_not_mix() -> None:
    with pytest.raises(Invalid, match="two currencies"):
        Money(1, "CNY") + Money(1, "EUR")
    assert [decimals(code) for code in ("CNY", "JPY", "KWD")] == [2, 0, 3]
    assert Money(12345, "KWD").major == Decimal("12.345")


@given(st.integers(0, 2**35 - 1))
def test_a_reference_is_read_back_however_it_is_typed(number: int) -> None:
    reference = references.from_number(number)
    typed = reference.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert references.parse("FH" + typed[2:]) == reference


@given(st.integers(0, 2**35 - 1), st.integers(0, 7), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_a_reference_with_one_wrong_character_is_noticed(number: int, place: int, letter: str) -> None:
    body = references.from_number(number)[3:].replace("-", "")
    if body[place] != letter:
        with pytest.raises(Invalid, match="wrong character"):
            references.parse("FH-" + body[:place] + letter + body[place + 1 :])


def all_lifecycles() -> list[Lifecycle]:
    found: dict[str, Lifecycle] = {}
    for part in pkgutil.iter_modules(service.__path__):
        if part.ispkg and importlib.util.find_spec(f"service.{part.name}.rules"):
            module = importlib.import_module(f"service.{part.name}.rules")
            found |= {each.name: each for each in vars(module).values() if isinstance(each, Lifecycle)}
    return list(found.values())


def test_the_design_names_these_life_cycles() -> None:
    assert {"hold", "payment", "order", "complaint", "offer", "dispute"} <= {each.name for each in all_lifecycles()}


@pytest.mark.parametrize("cycle", all_lifecycles(), ids=lambda each: each.name)
def test_every_state_is_reached_and_every_other_pair_is_a_conflict(cycle: Lifecycle) -> None:
    reached = {cycle.initial}
    for _ in cycle.states:
        reached |= {step.to for step in cycle.table.values() if step.state in reached}
    assert reached == set(cycle.states)
    for state in cycle.states:
        for action in cycle.actions:
            if (state, action) in cycle.table:
                step = cycle.next(state, action)
                assert (step.state, step.action) == (state, action)
                assert step in cycle.open_to(state, step.who)
            else:
                with pytest.raises(Conflict) as raised:
                    cycle.next(state, action)
                assert raised.value.code == f"{cycle.name}_state"


def test_a_table_has_one_row_for_a_pair() -> None:
    twice = [row("a", "go", "b", "buyer", "x.gone"), row("a", "go", "c", "buyer", "x.gone")]
    with pytest.raises(ValueError, match="two rows"):
        Lifecycle("x", "a", twice)
