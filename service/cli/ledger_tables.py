"""The ledger's tables on a terminal."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from rich.table import Table

from service.core.money import Money, decimals
from service.core.verdict import Verdict
from service.escrow.check import Checked
from service.escrow.queries.statements import AccountStatement, HoldLife

_SHOWN_MAX = 3


def check_table(checked: list[Checked], verdict: Verdict) -> Table:
    """Return one line for each rule, and one for the chain."""
    table = Table(title="Reconciliation", title_justify="left")
    table.add_column("rule")
    table.add_column("result")
    table.add_column("findings", justify="right")
    table.add_column("seconds", justify="right")
    table.add_column("the first ones", overflow="fold")
    for each in checked:
        first = "\n".join(str(dict(finding.facts)) for finding in each.findings[:_SHOWN_MAX])
        told = _well(each.holds) if each.is_finished else "[yellow]took too long[/yellow]"
        table.add_row(each.rule, told, str(len(each.findings)), f"{each.seconds:.2f}", first)
    first = "\n".join(f"seal {problem.number}: {problem.reason}" for problem in verdict.problems[:_SHOWN_MAX])
    table.add_row("chain_verifies", _well(verdict.is_clean), str(len(verdict.problems)), "", first)
    return table


def account_table(found: AccountStatement) -> Table:
    """Return an account's statement: opening balance, lines, balance."""
    kept = "" if found.locked_minor is None else f", kept on its row: {_amount(found.locked_minor, found.currency)}"
    table = Table(
        title=f"{found.account}: balance {_amount(found.balance_minor, found.currency)}{kept}", title_justify="left"
    )
    for name in ("at", "move", "other account", "subject"):
        table.add_column(name, overflow="fold")
    for name in ("amount", "balance"):  # what is cut off would be another amount
        table.add_column(name, justify="right", no_wrap=True, overflow="ignore")
    table.add_row("", "opening balance", "", "", "", _figures(found.opening_minor, found.currency))
    for line in found.lines:
        amount, balance = (_figures(minor, found.currency) for minor in (line.amount_minor, line.balance_minor))
        table.add_row(_time(line.at), line.code, line.other_account, str(line.subject_id), amount, balance)
    return table


def hold_tables(life: HoldLife) -> Iterator[Table]:
    """Yield a hold's facts, transfers, freezes and events."""
    yield _facts(life)
    moves = Table("at", "move", "from", "to", title="Transfers, of its parts too", title_justify="left")
    moves.add_column("amount", justify="right", no_wrap=True, overflow="ignore")
    for line in life.lines:
        moves.add_row(_time(line.at), line.code, line.debit_account, line.credit_account, _money(line.amount))
    yield moves
    if life.freezes:
        freezes = Table("reason", "source", "from", "to", title="Freezes", title_justify="left")
        for freeze in life.freezes:
            freezes.add_row(freeze.kind, str(freeze.source_id), _time(freeze.at), _time(freeze.lifted_at))
        yield freezes
    events = Table("at", "event", "by", "facts", title="Events", title_justify="left")
    for event in life.events:
        events.add_row(_time(event.at), event.name, str(event.actor_id or ""), str(dict(event.facts)))
    yield events


def _facts(life: HoldLife) -> Table:
    hold = life.hold
    table = Table("fact", "value", title=f"Hold {hold.id}", title_justify="left", show_header=False)
    facts = {
        "order": hold.reference_id,
        "part of": hold.parent_hold_id,
        "seller": hold.seller_id,
        "batch": hold.batch_id,
        "amount": _money(hold.amount),
        "fee": f"{hold.fee_bps} basis points",
        "state": hold.state,
        "funded": _time(hold.funded_at),
        "delivered": _time(hold.delivered_at),
        "window ends": _time(hold.window_ends_at),
        "window left": hold.window_left,
        "ended": _time(hold.ended_at),
    }
    if life.end is not None:
        facts["ended by"] = life.end.cause
        facts["decision"] = life.end.decision_id
        for name in ("buyer", "seller", "fee"):
            facts[f"to {name}"] = _amount(getattr(life.end, f"{name}_minor"), hold.amount.currency)
    for name, value in facts.items():
        if value:
            table.add_row(name, str(value))
    return table


def _well(holds: bool) -> str:
    return "[green]well[/green]" if holds else "[red]broken[/red]"


def _money(amount: Money) -> str:
    return _amount(amount.amount_minor, amount.currency)


def _amount(minor: int, currency: str) -> str:
    return f"{currency} {_figures(minor, currency)}"


def _figures(minor: int, currency: str) -> str:
    return f"{Decimal(minor).scaleb(-decimals(currency)):,}"


def _time(at: datetime | None) -> str:
    return "" if at is None else at.strftime("%Y-%m-%d %H:%M:%S")
