"""What a complaint is matched with: linked, suggested, product only or nothing."""

import dataclasses
import itertools

import pytest

from service.complaints.matching.calibrate import shipped_model
from service.complaints.matching.decide import order_fits
from service.complaints.matching.facts import Decision, Outcome, Query
from service.complaints.matching.match import match_on
from service.complaints.matching.shelf import Shelf
from tests.matching.registry import REGISTRY, ask


def test_a_misspelt_english_product_with_a_misspelt_lot_is_linked() -> None:
    decision = ask(product_text="Kangjan disposible face mask", lot_text="lot kj2O26-0105a")
    assert decision.outcome is Outcome.LINKED
    assert decision.best is not None
    assert decision.best.candidate.batch_id == "mask-05"


def test_a_misspelt_chinese_product_with_a_misspelt_lot_is_linked() -> None:
    decision = ask(product_text="康建一次性口罩", lot_text="批号：KJ2O26O1O5A", lang="zh")
    assert decision.outcome is Outcome.LINKED
    assert decision.best is not None
    assert decision.best.candidate.batch_id == "mask-05"


def test_traditional_full_width_and_a_lot_in_the_narrative_are_linked() -> None:
    decision = ask(
        product_text="蓮花美白晚霜 ３０克",
        narrative="用了之後起紅疹，批號是ＬＴ８８３０Ｂ，訂單編號12345678，花了88元。",
        lang="zh",
    )
    assert decision.outcome is Outcome.LINKED
    assert decision.best is not None
    assert decision.best.candidate.batch_id == "cream-30"


def test_a_lot_in_english_running_text_is_linked() -> None:
    decision = ask(
        product_text="Lotus night cream",
        narrative="Got a rash. The batch no is LT 8830B. Order #12345678, paid $30, call me at 555-88308831.",
    )
    assert decision.outcome is Outcome.LINKED
    assert decision.best is not None
    assert decision.best.candidate.batch_id == "cream-30"


def test_a_lot_split_over_two_fields_is_put_together() -> None:
    decision = ask(product_text="Lotus whitening night cream 0B", lot_text="LT883")
    assert decision.outcome is Outcome.LINKED
    assert decision.best is not None
    assert decision.best.candidate.batch_id == "cream-30"
    assert decision.best.fields[0].reason == "lot_equal_joined"


def test_the_makers_lot_code_links_as_well_as_the_sellers() -> None:
    decision = ask(product_text="Lotus hand gel", lot_text="PX771203")
    assert decision.outcome is Outcome.LINKED
    assert decision.best is not None
    assert decision.best.candidate.batch_id == "gel-42"


@pytest.mark.parametrize("lot", ["KJ20260107A", "KJ20260115A", "KJ20260105AX"])
def test_a_lot_with_another_character_is_never_linked(lot: str) -> None:
    decision = ask(product_text="Kangjian Disposable Face Mask 50 pcs", brand_text="Kangjian", lot_text=lot)
    assert decision.outcome in (Outcome.PRODUCT_ONLY, Outcome.SUGGESTED)
    assert decision.strict is False
    assert decision.best is not None
    assert decision.best.candidate.product_id == "mask"


@pytest.mark.parametrize("lot", ["KJ2026105A", "KJ20260150A", "KJ202601055A"])
def test_a_slip_of_the_hand_may_file_a_complaint_and_never_counts_in_a_signal(lot: str) -> None:
    decision = ask(product_text="Kangjian Disposable Face Mask 50 pcs", brand_text="Kangjian", lot_text=lot)
    assert decision.strict is False
    assert decision.best is not None
    assert decision.best.candidate.batch_id == "mask-05"
    assert decision.batch_score < shipped_model().strict_threshold


def test_the_product_alone_gives_product_only_in_both_languages() -> None:
    for product, lang in (("Lotus Whitening Night Cream 30 g", "en"), ("莲花美白晚霜 30克", "zh")):
        decision = ask(product_text=product, lang=lang)
        assert decision.outcome is Outcome.PRODUCT_ONLY
        assert decision.best is not None
        assert decision.best.candidate.product_id == "cream"
        assert [one.scored.candidate.product_id for one in decision.runners_up] == ["gel"]


@pytest.mark.parametrize("product", ["Electric toothbrush head", "电动牙刷头", ""])
def test_an_unknown_product_stays_unmatched(product: str) -> None:
    decision = ask(product_text=product)
    assert decision.outcome is Outcome.UNMATCHED
    assert decision.strict is False


def test_an_equal_lot_of_a_product_with_another_name_is_not_linked() -> None:
    decision = ask(product_text="Electric toothbrush head", lot_text="LT8830B")
    assert decision.outcome is Outcome.SUGGESTED
    assert decision.strict is False


def test_a_barcode_that_contradicts_stops_a_link() -> None:
    told = {"product_text": "Kangjian face mask", "lot_text": "KJ20260105A"}
    assert ask(**told, gtin="6901234567892").outcome is Outcome.LINKED
    assert ask(**told, gtin="4006381333931").outcome is not Outcome.LINKED


def test_an_order_narrows_but_does_not_decide() -> None:
    plain = ask(product_text="night cream", lot_text="")
    ordered = ask(
        product_text="night cream", order_batch_id="cream-31", order_product_id="cream", order_seller_id="lotus"
    )
    assert ordered.best is not None
    assert ordered.best.candidate.batch_id == "cream-31"
    assert ordered.outcome is not Outcome.LINKED
    assert ordered.product_probability >= plain.product_probability


def test_an_order_of_another_batch_stops_a_link() -> None:
    told = {"product_text": "Lotus whitening night cream", "lot_text": "LT8830B", "order_product_id": "cream"}
    assert ask(**told, order_batch_id="cream-30").outcome is Outcome.LINKED
    assert ask(**told, order_batch_id="cream-31").outcome is not Outcome.LINKED


def test_an_order_fits_only_with_its_seller_product_and_batch() -> None:
    cream = REGISTRY[2]
    fitting = Query(order_seller_id="lotus", order_product_id="cream")
    assert order_fits(fitting, cream)
    assert order_fits(Query(order_seller_id="lotus", order_product_id="cream", order_batch_id="cream-30"), cream)
    assert not order_fits(Query(order_seller_id="lotus", order_product_id="cream", order_batch_id="cream-31"), cream)
    assert not order_fits(Query(order_seller_id="kangjian", order_product_id="cream"), cream)
    assert not order_fits(Query(), cream)


def test_nothing_registered_is_unmatched_without_a_best() -> None:
    decision = match_on(Shelf(), Query(product_text="Kangjian mask", lot_text="KJ20260105A"))
    assert decision.outcome is Outcome.UNMATCHED
    assert decision.best is None
    assert decision.runners_up == ()
    assert (decision.probability, decision.product_probability) == (0.0, 0.0)


def _bare(decision: Decision) -> Decision:
    return dataclasses.replace(decision, best=None, runners_up=())


def _told(decision: Decision) -> list[tuple[object, ...]]:
    """The batches with totals and reasons, without their places in a table."""
    ranked = [decision.best, *(one.scored for one in decision.runners_up)]
    return [(one.candidate, one.total, one.fields) for one in ranked if one is not None]


def test_the_order_of_registration_changes_nothing() -> None:
    query = Query(product_text="Lotus cream", lot_text="LT883B")
    first = match_on(Shelf(REGISTRY), query)
    assert first.best is not None
    for other in itertools.islice(itertools.permutations(REGISTRY), 0, 120, 5):
        one_by_one = Shelf()
        for each in other:
            one_by_one.put([each])
        for shelf in (Shelf(other), one_by_one):
            again = match_on(shelf, query)
            assert _bare(again) == _bare(first)
            assert _told(again) == _told(first)


def test_each_match_keeps_reasons_model_version_and_runners_up_with_margins() -> None:
    decision = ask(product_text="Lotus whitening cream", brand_text="Lotus", lot_text="LT8830B")
    assert decision.model_version == shipped_model().version
    assert decision.best is not None
    assert [one.field for one in decision.best.fields] == [
        "lot", "gtin", "product", "seller", "strength", "date", "order",
    ]  # fmt: skip
    assert decision.best.fields[0].reason == "lot_equal"
    assert dict(decision.best.fields[0].facts) == {"told": "LT8830B", "registered": "LT8830B", "source": "field"}
    assert decision.best.total == pytest.approx(sum(one.contribution for one in decision.best.fields))
    assert len(decision.runners_up) == 2  # nobody told anything of the others
    assert all(one.margin == pytest.approx(decision.best.total - one.scored.total) for one in decision.runners_up)


def test_the_shipped_thresholds_are_in_order() -> None:
    model = shipped_model()
    assert 0 < model.suggest_threshold < 0.5 <= model.standard_threshold < model.strict_threshold < 1
    assert all(weight > 0 or column == "gtin.differs" for column, weight in model.by_hand.items())
