"""Who sold the goods and where puts the likelier of two like batches first, and decides nothing."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from service.batches.actions import register_batch
from service.batches.schemas import NewBatch
from service.complaints.matching.calibrate import shipped_model
from service.complaints.matching.facts import Outcome, Query
from service.complaints.matching.match import match, match_each
from service.complaints.matching.trade import PLACED_MIN, SALES_MIN, WEIGHTS
from service.db.session import Database
from service.web.words import PHRASES
from service.web.words.reasons import FITTING
from tests.complaints.conftest import Cases, cases
from tests.matching.trading import TOLD, Trade, outcomes, said, suggested, twins_of
from tests.world import Whose

__all__ = ["cases"]


@pytest.fixture
async def trade(cases: Cases) -> Trade:
    return await twins_of(cases)


@pytest.fixture
async def statements(database: Database) -> AsyncIterator[list[str]]:
    """Every statement that runs from now on."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    async with database.begin() as tx:
        engine = tx.sync_session.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


async def test_of_two_like_batches_that_comes_first_which_was_handed_to_the_shop(trade: Trade) -> None:
    shop = await trade.seller("Corner shop")
    asked = replace(TOLD, sold_by=shop)
    assert await trade.picks(asked) == [(trade.first, "not_told", ""), (trade.second, "not_told", "")]
    plain = await trade.ask(asked)
    await trade.hand(trade.batches[trade.second], trade.second, shop)
    assert await trade.picks(asked) == [(trade.second, "handed", ""), (trade.first, "not_told", "")]
    decision = await trade.ask(asked)
    assert decision.outcome is plain.outcome is Outcome.SUGGESTED
    assert decision.strict is False
    assert decision.batch_score <= plain.batch_score
    assert decision.probability <= plain.probability
    assert decision.best is not None
    assert sum(each.contribution for each in decision.best.fields) == pytest.approx(decision.best.total)


async def test_what_came_to_somebody_whose_goods_the_shop_sells_speaks_for_a_batch(trade: Trade) -> None:
    brand, wholesaler, shop = [await trade.seller(name) for name in ("Brand", "Wholesaler", "Corner shop")]
    await trade.agent(brand, wholesaler)
    await trade.agent(wholesaler, shop)
    asked = replace(TOLD, sold_by=shop)
    await trade.hand(trade.batches[trade.second], trade.second, brand)
    assert await trade.picks(asked) == [(trade.second, "handed_above", ""), (trade.first, "not_told", "")]
    await trade.hand(trade.batches[trade.first], trade.first, wholesaler)
    await trade.hand(trade.batches[trade.first], wholesaler, shop)
    assert await trade.picks(asked) == [(trade.first, "handed", ""), (trade.second, "handed_above", "")]


async def test_the_shops_own_goods_and_those_of_its_principal_come_before_a_strangers(trade: Trade) -> None:
    assert (await trade.picks(replace(TOLD, sold_by=trade.second)))[0] == (trade.second, "own", "")
    shop = await trade.seller("Corner shop")
    await trade.agent(trade.second, shop)
    assert (await trade.picks(replace(TOLD, sold_by=shop)))[0] == (trade.second, "of_principal", "")


async def test_a_batch_that_went_to_others_alone_comes_behind(trade: Trade) -> None:
    shop, other = await trade.seller("Corner shop"), await trade.seller("Another shop")
    await trade.hand(trade.batches[trade.first], trade.first, other)
    asked = replace(TOLD, sold_by=shop)
    assert await trade.picks(asked) == [(trade.second, "not_told", ""), (trade.first, "elsewhere", "")]


async def test_what_came_to_the_shop_after_the_purchase_was_not_bought_there(trade: Trade) -> None:
    shop = await trade.seller("Corner shop")
    day_after = datetime(2026, 6, 11, tzinfo=UTC)
    await trade.hand(trade.batches[trade.first], trade.first, shop, at=day_after)
    await trade.hand(trade.batches[trade.second], trade.second, shop, at=day_after - timedelta(seconds=1))
    asked = replace(TOLD, sold_by=shop)
    assert await trade.picks(asked) == [(trade.second, "handed", ""), (trade.first, "handed_later", "")]
    undated = await trade.picks(replace(asked, purchase_date=None))
    assert [each[1] for each in undated] == ["handed", "handed"]


async def test_who_never_had_a_batch_hands_nothing_on(trade: Trade) -> None:
    shop, stranger, helper = [await trade.seller(name) for name in ("Corner shop", "Stranger", "Helper")]
    asked = replace(TOLD, sold_by=shop)
    await trade.hand(trade.batches[trade.second], helper, stranger)
    await trade.hand(trade.batches[trade.second], stranger, shop)
    assert await trade.picks(asked) == [(trade.first, "not_told", ""), (trade.second, "not_told", "")]
    await trade.hand(trade.batches[trade.second], trade.second, helper)
    assert (await trade.picks(asked))[0] == (trade.second, "handed", "")


async def test_a_batch_that_was_sold_into_the_same_area_comes_first(trade: Trade) -> None:
    asked = replace(TOLD, country="CN", area="330100")
    await trade.sell(trade.batches[trade.second], SALES_MIN - 1, area="330106")
    assert (await trade.picks(asked))[0] == (trade.second, "", "same_country")
    await trade.sell(trade.batches[trade.second], 1, area="330100")
    assert await trade.picks(asked) == [(trade.second, "", "same_area"), (trade.first, "", "not_told")]
    of_province = replace(asked, area="330000")
    assert (await trade.picks(of_province))[0] == (trade.second, "", "same_area")
    elsewhere = replace(asked, area="440000")
    assert (await trade.picks(elsewhere))[0] == (trade.second, "", "same_country")


async def test_many_sales_elsewhere_and_none_here_speak_against_a_batch(trade: Trade) -> None:
    asked = replace(TOLD, country="CN", area="330100")
    await trade.sell(trade.batches[trade.first], PLACED_MIN - 1, area="440300")
    assert (await trade.picks(asked))[0] == (trade.first, "", "same_country")
    await trade.sell(trade.batches[trade.first], 1, area="440300")
    assert await trade.picks(asked) == [(trade.second, "", "not_told"), (trade.first, "", "elsewhere")]
    await trade.sell(trade.batches[trade.first], 1, area="330200")
    assert (await trade.picks(asked))[0] == (trade.first, "", "same_country")


async def test_sales_and_hand_overs_abroad_tell_countries_apart(trade: Trade) -> None:
    abroad = await trade.seller("Shop abroad", country="SG")
    asked = replace(TOLD, country="SG")
    await trade.hand(trade.batches[trade.second], trade.second, abroad)
    assert (await trade.picks(asked))[0] == (trade.second, "", "same_country")
    await trade.sell(trade.batches[trade.first], PLACED_MIN, country="CN", area="330100")
    assert (await trade.picks(asked))[1] == (trade.first, "", "elsewhere")
    await trade.sell(trade.batches[trade.first], SALES_MIN, country="SG", area="SG-01")
    assert (await trade.picks(replace(asked, area="SG-01")))[0] == (trade.first, "", "same_area")


async def test_a_buyers_own_order_is_no_witness_of_where_a_batch_was_sold(trade: Trade) -> None:
    await trade.sell(trade.batches[trade.second], SALES_MIN, area="330100")
    own = replace(TOLD, country="CN", area="330100", order_batch_id=trade.batches[trade.second])
    decision = await trade.ask(own)
    assert said(suggested(decision)[0][0], "region") == "same_country"


@pytest.mark.parametrize(
    "told",
    [
        {"seller_text": "corner SHOP"},
        {"seller_text": "转角小铺"},
        {"seller_text": "轉角小鋪，微信"},
        {"seller_text": "Corner Shop 转角小铺"},
        {"agent_text": "Corner shop / WeChat", "seller_text": "Lanqi"},
    ],
)
async def test_a_shop_that_is_only_written_is_found_by_its_one_name(trade: Trade, told: dict[str, str]) -> None:
    shop = await trade.seller("Corner shop", "转角小铺")
    await trade.seller("Corner shop two")
    await trade.hand(trade.batches[trade.second], trade.second, shop)
    asked = replace(TOLD, **told)  # type: ignore[arg-type]  # texts alone
    assert (await trade.picks(asked))[0] == (trade.second, "handed", "")


@pytest.mark.parametrize("written", ["Corner", "Corner shops", "Corner shop two", ""])
async def test_a_name_that_several_have_or_nobody_has_names_nobody(trade: Trade, written: str) -> None:
    shop = await trade.seller("Corner shop")
    for _ in range(2):
        await trade.seller("Corner shop two")
    await trade.hand(trade.batches[trade.second], trade.second, shop)
    assert {each[1] for each in await trade.picks(replace(TOLD, agent_text=written))} == {""}


async def test_who_tells_neither_costs_no_statement_and_a_chunk_costs_one(trade: Trade, statements: list[str]) -> None:
    def read_trade() -> int:
        return sum("custody" in each or "FROM seller" in each for each in statements)

    async with trade.database.begin() as tx:
        told = [replace(TOLD, lot_text=f"LQ77441{last}") for last in range(10)]
        plain = await match_each(tx, told, model=shipped_model())
        assert read_trade() == 0
        asked = [replace(each, sold_by=trade.second, country="CN") for each in told]
        await match_each(tx, asked, model=shipped_model())
        assert read_trade() == 1
        assert await match_each(tx, told, model=shipped_model()) == plain


async def test_no_weight_of_trade_links_a_complaint_or_makes_a_link_strict(trade: Trade) -> None:
    shop = await trade.seller("Corner shop")
    batch_id = trade.batches[trade.second]
    await trade.hand(batch_id, trade.second, shop)
    await trade.sell(batch_id, SALES_MIN, area="330100")
    for told in told_somehow():
        before = await trade.ask(told)
        after = await trade.ask(replace(told, sold_by=shop, country="CN", area="330100"))
        assert (after.outcome, after.strict) == (before.outcome, before.strict)
        assert after.batch_score <= before.batch_score
        assert after.product_score <= before.product_score
        assert max(after.probability, after.product_probability) <= max(before.probability, before.product_probability)
        if before.outcome is Outcome.LINKED:
            assert outcomes(after) == outcomes(before)


def told_somehow() -> Sequence[Query]:
    """Complaints about the twins and about the one product of its kind, told well and badly."""
    names = ("Lanqi Night Repair Cream", "Lanqi cream", "night", "Suyun Hydrating Sheet Mask", "mask", "")
    lots = ("LQ774410", "LQ774411", "LQ7744", "SY26J1807", "SY26J18O7", "SY26J1817", "")
    return [TOLD, *(Query(product_text=name, lot_text=lot) for name in names for lot in lots)]


async def test_hand_overs_that_sellers_write_take_no_link_away(trade: Trade) -> None:
    told = Query(product_text="Suyun Hydrating Sheet Mask", brand_text="Suyun", lot_text="SY26J1807")
    owner = trade.cases.seller_id
    shop, other = await trade.seller("Corner shop"), await trade.seller("Another shop")
    before = await trade.ask(told)
    assert before.outcome is Outcome.LINKED
    await trade.hand(trade.cases.goods.batch_id, owner, other)
    await trade.sell(trade.cases.goods.batch_id, PLACED_MIN, area="440300")
    after = await trade.ask(replace(told, sold_by=shop, country="CN", area="330100"))
    assert outcomes(after) == outcomes(before)
    assert (after.probability, after.batch_score) == (before.probability, before.batch_score)
    assert after.best is not None
    assert (said(after.best, "agent"), said(after.best, "region")) == ("elsewhere", "elsewhere")


async def test_of_two_like_batches_people_choose_where_the_other_one_went_to_the_shop(trade: Trade) -> None:
    dawn, dusk = trade.batches
    told = replace(TOLD, narrative="Dawn shop", country="CN", area="330100")
    shop, other = await trade.seller("Corner shop"), await trade.seller("Another shop")
    asked = replace(told, sold_by=shop)
    await trade.hand(trade.batches[dawn], dawn, other)
    before = await trade.ask(asked)
    assert outcomes(before) == (Outcome.LINKED, False, trade.batches[dawn])
    await trade.hand(trade.batches[dusk], dusk, shop)
    await trade.sell(trade.batches[dusk], SALES_MIN, area="330100")
    after = await trade.ask(asked)
    assert outcomes(after) == (Outcome.SUGGESTED, False, trade.batches[dusk])
    assert (after.batch_score, after.product_score) == (0.0, 0.0)
    assert [seller for _, seller in suggested(after)][:2] == [dusk, dawn]


async def test_of_two_like_batches_that_a_photo_shows_that_comes_first_which_went_to_the_shop(trade: Trade) -> None:
    shop = await trade.seller("Corner shop")
    asked = replace(TOLD, lot_text="", photo_lots=("LQ774410",), sold_by=shop)
    before = await trade.ask(asked)
    first, other = [seller for _, seller in suggested(before)][:2]
    await trade.hand(trade.batches[other], other, shop)
    after = await trade.ask(asked)
    assert [(seller, said(one, "agent")) for one, seller in suggested(after)][:2] == [
        (other, "handed"),
        (first, "not_told"),
    ]
    assert (after.outcome, after.shown) == (before.outcome, before.shown)
    assert after.probability <= before.probability


async def test_a_link_that_a_photo_holds_back_stays_where_the_photo_put_it(trade: Trade) -> None:
    told = Query(product_text="Suyun Hydrating Sheet Mask", brand_text="Suyun", lot_text="SY26J1807")
    owner = trade.cases.seller_id
    async with trade.database.begin() as tx:
        data = NewBatch(product_id=trade.cases.goods.product_id, lot_code="ZQ55K0042")
        shown = (await register_batch(tx, trade.people[owner], data, now=await tx.now())).id
    shop = await trade.seller("Corner shop")
    asked = replace(told, photo_lots=("ZQ55K0042",), sold_by=shop)
    before = await trade.ask(asked)
    assert before.outcome is Outcome.SUGGESTED
    await trade.hand(shown, owner, shop)
    after = await trade.ask(asked)
    assert outcomes(after) == outcomes(before)
    assert {one.candidate.batch_id: said(one, "agent") for one, _ in suggested(after)}[shown] == "handed"


async def test_a_certain_product_keeps_its_place_and_its_lots_are_ordered(trade: Trade) -> None:
    seller = trade.people[trade.cases.seller_id]
    async with trade.database.begin() as tx:
        data = NewBatch(product_id=trade.cases.goods.product_id, lot_code="ZZ99A0001")
        late = (await register_batch(tx, seller, data, now=await tx.now())).id
    told = Query(product_text="Suyun Hydrating Sheet Mask", brand_text="Suyun")
    before = await trade.ask(told)
    assert before.best is not None
    assert before.outcome is Outcome.PRODUCT_ONLY
    shop = await trade.seller("Corner shop")
    other = next(each for each in (late, trade.cases.goods.batch_id) if each != before.best.candidate.batch_id)
    await trade.hand(other, trade.cases.seller_id, shop)
    after = await trade.ask(replace(told, sold_by=shop))
    assert (after.outcome, after.product_score) == (before.outcome, before.product_score)
    assert after.best is not None
    assert after.best.candidate.batch_id == other


async def test_what_is_read_of_a_batch_is_a_few_entries_however_much_was_sold(trade: Trade, owner_url: str) -> None:
    shop = await trade.seller("Corner shop")
    batch_id = trade.batches[trade.first]
    for country, area in (("CN", ""), ("CN", "440300"), ("SG", "")):
        await trade.cases.sql(
            'INSERT INTO "order" (id, tenant_id, platform_ref, seller_id, product_id, batch_id, amount_minor, currency,'
            " units, jurisdiction, destination_area, status, hand_over_failures, placed_at)"
            " SELECT uuidv7(), :tenant_id, 'many-' || uuidv7(), seller_id, product_id, id, 100, 'CNY', 1, :country,"
            " :area, 'placed', 0, now() FROM batch, generate_series(1, 4000) WHERE id = :batch_id",
            tenant_id=trade.cases.world.tenant_ids[Whose.OWN], country=country, area=area, batch_id=batch_id,
        )  # fmt: skip
    await trade.cases.sql(
        "INSERT INTO custody (id, batch_id, from_seller_id, to_seller_id, units, at)"
        " SELECT uuidv7(), :batch_id, :giver, :taker, 1, now() - n * interval '1 hour' FROM generate_series(1, 4000) n",
        batch_id=batch_id, giver=trade.first, taker=trade.second,
    )  # fmt: skip
    read = await rows_read(trade, replace(TOLD, sold_by=shop, country="CN", area="330100"))
    assert read < 1_500


async def rows_read(trade: Trade, query: Query) -> int:
    """How many rows and entries of orders and custody one look reads, as PostgreSQL counts them."""
    counted = text(
        "SELECT sum(pg_stat_get_xact_tuples_returned(c.oid)) FROM pg_class c"
        " WHERE c.oid IN ('\"order\"'::regclass, 'custody'::regclass)"
        " OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN ('\"order\"'::regclass, 'custody'::regclass))"
    )
    async with trade.database.begin() as tx:
        before = (await tx.execute(counted)).scalar_one()
        decision = await match(tx, query, model=shipped_model())
        assert said(suggested(decision)[1][0], "region") == "elsewhere"
        return int((await tx.execute(counted)).scalar_one() - before)


def test_every_reason_has_words_in_both_languages_and_says_what_it_speaks_for() -> None:
    assert all(f"reason.{each}" in PHRASES for each in WEIGHTS)
    assert {each for each, weight in WEIGHTS.items() if weight > 0} == {
        each for each in FITTING if each.startswith(("agent_", "region_"))
    }
