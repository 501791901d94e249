"""What a shop has earned, deposited and owes, its payouts, and asking for one."""

from functools import partial

from litestar import get, post
from litestar.di import NamedDependency

from service.core.actor import Actor
from service.core.money import parse_major
from service.db.requests import LATE_CLAIM, Claim
from service.db.session import Tx
from service.escrow.queries import are_payouts_blocked, balances_of, payouts_page
from service.sellers.actions import request_payout
from service.web import paths
from service.web.pages.casework import ROWS
from service.web.pages.seller.orders import own_shop
from service.web.pages.seller.standing import suspended
from service.web.pages.shell import REFUSALS, Page, ShellOf, missing
from service.web.phrase import say
from service.web.views.parts import EMPTY_FORM, Form, Option
from service.web.views.seller import SellerBalance, SellerMoney, SellerPayout


@get(paths.SELLER_MONEY, opt={"allow": "web.seller"})
async def show_money(shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]) -> Page:
    """Balances and payouts of the seller's shop."""
    return await shell.page(await money(tx, actor, EMPTY_FORM))


@post(paths.SELLER_MONEY, opt={"allow": "web.seller", LATE_CLAIM: True})
async def ask_payout(
    shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor], claim: NamedDependency[Claim]
) -> Page:
    """Ask for a payout."""
    form = await shell.form()
    draw = partial(money, tx, actor)
    if (looked_at := missing(form, amount="error.amount_missing", currency="error.choose_one")).errors:
        return await shell.wrong(looked_at, draw)
    try:
        await shell.take(form)
        amount = parse_major(form.value("amount"), form.value("currency"))
        await request_payout(tx, actor, own_shop(actor), amount, key=claim.key, now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, draw, {"amount": "amount", "form": "amount"})
    return shell.go(paths.SELLER_MONEY, done="done.payout_asked")


async def money(tx: Tx, actor: Actor, form: Form) -> SellerMoney:
    """Return the page of the shop that an actor works for."""
    seller_id = own_shop(actor)
    balances = await balances_of(tx, actor, seller_id)
    page = await payouts_page(tx, actor, seller_id=seller_id, limit=ROWS)
    payable = [each.payable.currency for each in balances if each.payable.amount_minor]
    return SellerMoney(
        balances=tuple(SellerBalance(each.payable, each.owed, each.deposit, each.in_transit) for each in balances),
        payouts=tuple(
            SellerPayout(each.requested_at, each.amount, each.netted, f"payout.{each.state}") for each in page.rows
        ),
        currencies=tuple(Option(code, say("own_words", text=code)) for code in payable),
        is_blocked=await are_payouts_blocked(tx, seller_id),
        form=form,
        suspended=await suspended(tx, actor),
    )


HANDLERS = [show_money, ask_payout]
