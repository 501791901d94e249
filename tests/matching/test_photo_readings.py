"""What photos of a case say reaches the matcher: taken over it is told, else it suggests and holds back."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
import zxingcpp

from service.batches.actions import register_batch
from service.batches.schemas import NewBatch
from service.complaints.actions.finding import open_queries, queries_of
from service.complaints.matching.facts import Query
from service.core.actor import SYSTEM, Role
from service.files.actions import erase_case_files
from tests.complaints.attaching import png
from tests.complaints.conftest import Cases, cases
from tests.complaints.labels import barcode, label
from tests.complaints.photographing import add_photo
from tests.complaints.photographing import says as photo_says
from tests.complaints.test_linking import register
from tests.world import Account, make_account

__all__ = ["cases"]

Drain = Callable[[], Awaitable[None]]
CREAM: dict[str, Any] = {"product_text": "Lanqi Night Repair Cream", "seller_text": "Lanqi"}
UNKNOWN: dict[str, Any] = {"product_text": "电动牙刷头", "seller_text": "宏达", "narrative": "用了一天就坏了。"}
OWN_LOT, OTHER_LOT = "SY26J1807", "SY26J1999"
"""Of the batch that our orders name, and of another one of the same product, once it is registered."""
GTIN = "06901234567892"


async def photo(cases: Cases, case_id: str, by: Account | None = None, content: bytes | None = None) -> str:
    return await add_photo(cases.client, case_id, by or cases.buyer, content)


async def says(cases: Cases, file_id: str, value: str, **told: Any) -> str:
    return await photo_says(cases.database, file_id, value, **told)


async def take(cases: Cases, case_id: str, reading_id: str, by: Account | None = None) -> None:
    await cases.ok(f"/{case_id}/readings/{reading_id}/acceptance", by=by)


async def query(cases: Cases, case_id: str) -> Query:
    async with cases.database.begin() as tx:
        found = await open_queries(tx, [UUID(case_id)], with_linked=True)
    return found[UUID(case_id)]


async def link_of(cases: Cases, case_id: str) -> tuple[Any, ...]:
    found = await cases.case(case_id)
    return found["match_status"], found["batch_id"], found["link_by"]


async def links(cases: Cases, case_id: str) -> list[tuple[str, Any, Any]]:
    """The events of a complaint's links: name, the batch now, the batch before."""
    rows = await cases.sql(
        "SELECT name, facts FROM event WHERE subject_id = :id AND name IN ('complaint.linked', 'complaint.unmatched')"
        " ORDER BY seq",
        id=case_id,
    )
    return [(row.name, row.facts.get("batch_id"), row.facts.get("was_batch_id")) for row in rows]


async def tries(cases: Cases, case_id: str) -> int:
    found = await cases.sql("SELECT count(*) FROM complaint_match WHERE complaint_id = :id", id=case_id)
    return int(found[0][0])


async def suggested(cases: Cases, case_id: str, by: Account | None = None) -> dict[str, dict[str, tuple[str, Any]]]:
    """The batches that are suggested, the likeliest first, each with its reasons and where they are from."""
    found = await cases.get(f"/{case_id}/matches", by=by)
    return {
        each["batch_id"]: {one["field"]: (one["reason"], one["facts"].get("source")) for one in each["reasons"]}
        for each in found["suggestions"]
    }


async def sibling(cases: Cases, lot: str = OTHER_LOT) -> str:
    """Register another batch of the product that our orders are of."""
    seller = await cases.actor(cases.seller)
    async with cases.database.begin() as tx:
        data = NewBatch(product_id=cases.goods.product_id, lot_code=lot)
        return str((await register_batch(tx, seller, data, now=await tx.now())).id)


async def test_a_lot_on_a_photo_is_suggested_and_links_once_it_is_taken_over(cases: Cases, drain: Drain) -> None:
    batch_id = await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    case_id = (await cases.filed(**CREAM))["id"]
    await drain()
    before = await link_of(cases, case_id)
    assert before[0] == "product_only"
    reading_id = await says(cases, await photo(cases, case_id), "LQ774410")
    await drain()
    assert await link_of(cases, case_id) == before
    mediator = await make_account(cases.database, "commons-mediator", Role.MEDIATOR)
    for by in (cases.buyer, mediator):
        assert (await suggested(cases, case_id, by))[batch_id]["lot"] == ("lot_equal", "photo")
    await take(cases, case_id, reading_id)
    await drain()
    assert await link_of(cases, case_id) == ("linked", batch_id, "automatic")
    assert (await suggested(cases, case_id))[batch_id]["lot"] == ("lot_equal", "print")
    assert (await cases.case(case_id))["told"]["lot_text"] == ""  # what was sent stays as it was told


async def test_a_photo_of_what_nobody_named_suggests_its_batch(cases: Cases, drain: Drain) -> None:
    batch_id = await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    case_id = (await cases.filed(**UNKNOWN))["id"]
    await drain()
    assert (await link_of(cases, case_id))[0] == "unmatched"
    await says(cases, await photo(cases, case_id), "LQ774410", source="data_matrix", percent=99)
    await drain()
    assert await link_of(cases, case_id) == ("suggested", None, None)
    assert list(await suggested(cases, case_id)) == [batch_id]
    assert await tries(cases, case_id) == 2
    (told,) = await cases.sql("SELECT reasons::text AS reasons FROM complaint_match ORDER BY id DESC LIMIT 1")
    assert '"source": "photo"' in told.reasons


async def test_a_photo_of_another_lot_takes_an_orders_link_back_and_both_are_suggested(
    cases: Cases, drain: Drain
) -> None:
    own, other = str(cases.goods.batch_id), await sibling(cases)
    case_id = (await cases.filed(await cases.order()))["id"]
    await drain()
    assert await link_of(cases, case_id) == ("linked", own, "automatic")
    await says(cases, await photo(cases, case_id), OTHER_LOT)
    await drain()
    assert await link_of(cases, case_id) == ("suggested", None, None)
    found = await suggested(cases, case_id)
    assert list(found)[:2] == [own, other]
    assert found[own]["order"][0] == "order_same_batch"
    assert found[own]["photo"] == ("photo_shows_other_lot", "photo")
    assert found[other]["lot"] == ("lot_equal", "photo")
    both = (await cases.get(f"/{case_id}/matches"))["suggestions"][:2]
    assert [each["likelihood"] for each in both] == ["possible", "possible"]  # one of the two
    assert await links(cases, case_id) == [("complaint.linked", own, None), ("complaint.unmatched", None, own)]
    picked = await cases.ok(f"/{case_id}/link", {"batch_id": other})
    assert (picked["batch_id"], picked["link_by"]) == (other, "buyer")


async def test_a_photo_that_was_there_before_keeps_a_told_lot_from_linking(cases: Cases, drain: Drain) -> None:
    own, other = str(cases.goods.batch_id), await sibling(cases)
    case_id = await cases.draft(await cases.order(batch=False), lot_text=OWN_LOT)
    await says(cases, await photo(cases, case_id), OTHER_LOT)
    await drain()
    assert await tries(cases, case_id) == 0  # a draft is nobody's yet
    await cases.ok(f"/{case_id}/submission")
    await drain()
    assert await link_of(cases, case_id) == ("suggested", None, None)
    assert list(await suggested(cases, case_id))[:2] == [own, other]
    assert [name for name, _, _ in await links(cases, case_id)] == ["complaint.unmatched"]


@pytest.mark.parametrize("lots", [(OWN_LOT,), ("sy26-ji8o7",), (OWN_LOT, OTHER_LOT), ("QQ77",)])
async def test_a_photo_that_does_not_contradict_changes_and_writes_nothing(
    cases: Cases, drain: Drain, lots: tuple[str, ...]
) -> None:
    await sibling(cases)
    case_id = (await cases.filed(await cases.order()))["id"]
    await drain()
    file_id = await photo(cases, case_id)
    for lot in lots:
        await says(cases, file_id, lot)
    await drain()
    assert await link_of(cases, case_id) == ("linked", str(cases.goods.batch_id), "automatic")
    assert (await tries(cases, case_id), len(await links(cases, case_id))) == (1, 1)


async def test_a_link_that_was_held_back_is_made_once_the_lot_it_is_of_is_taken_over(
    cases: Cases, drain: Drain
) -> None:
    other = await sibling(cases)
    case_id = (await cases.filed(await cases.order(batch=False), lot_text=OWN_LOT))["id"]
    await drain()
    reading_id = await says(cases, await photo(cases, case_id), OTHER_LOT, source="data_matrix", percent=99)
    await drain()
    assert (await link_of(cases, case_id))[0] == "suggested"
    await take(cases, case_id, reading_id)
    assert (await query(cases, case_id)).barcode_lot == OTHER_LOT
    await drain()
    assert await link_of(cases, case_id) == ("linked", other, "automatic")
    assert (await suggested(cases, case_id))[other]["lot"] == ("lot_equal", "barcode")


async def test_a_real_photo_is_read_and_holds_the_link_back(cases: Cases, drain: Drain) -> None:
    await sibling(cases)
    case_id = (await cases.filed(await cases.order()))["id"]
    matrix = barcode(f"(01){GTIN}(10){OTHER_LOT}", zxingcpp.BarcodeFormat.DataMatrix, gs1=True)
    await photo(cases, case_id, content=label("Sheet mask", code=matrix))
    await drain()
    assert await link_of(cases, case_id) == ("suggested", None, None)
    found = await query(cases, case_id)
    assert (found.photo_lots, found.photo_gtins) == ((OTHER_LOT,), (GTIN,))


async def test_a_barcode_that_a_draft_took_over_is_told_as_one_until_something_else_is_typed(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    file_id = await photo(cases, case_id)
    lot = await says(cases, file_id, "A1B2", source="data_matrix")
    gtin = await says(cases, file_id, GTIN, kind="gtin", source="data_matrix")

    async def told() -> tuple[Any, ...]:
        async with cases.database.begin() as tx:
            (found,) = (await queries_of(tx, [UUID(case_id)])).values()
        return found.lot_text, found.barcode_lot, found.printed_lot, found.gtin, found.photo_lots, found.photo_gtins

    assert await told() == ("", "", "", "", (), ())  # a label of training is what was told alone
    await take(cases, case_id, lot)
    await take(cases, case_id, gtin)
    assert await told() == ("A1B2", "A1B2", "", GTIN, (), ())
    await cases.ok(f"/{case_id}", {"lot_text": "C3D4"}, method="PATCH")
    assert await told() == ("C3D4", "", "", GTIN, (), ())


@pytest.mark.parametrize("by_mediator", [False, True])
async def test_of_a_sent_case_the_lot_that_was_taken_over_last_is_told_and_the_others_stay_what_photos_show(
    cases: Cases, by_mediator: bool
) -> None:
    case_id = (await cases.filed(await cases.order(), lot_text="typed 1"))["id"]
    file_id = await photo(cases, case_id)
    first, second = await says(cases, file_id, "A1B2"), await says(cases, file_id, "C3D4", source="qr_code")
    gtin = await says(cases, file_id, GTIN, kind="gtin", source="ean_13")
    found = await query(cases, case_id)
    assert (found.lot_text, found.gtin, set(found.photo_lots), found.photo_gtins) == (
        "typed 1",
        "",
        {"A1B2", "C3D4"},
        (GTIN,),
    )
    by = cases.mediator if by_mediator else cases.buyer
    await take(cases, case_id, first, by)
    found = await query(cases, case_id)
    assert (found.lot_text, found.printed_lot, found.barcode_lot) == ("", "A1B2", "")
    await take(cases, case_id, second, by)
    await take(cases, case_id, gtin, by)
    found = await query(cases, case_id)
    assert (found.printed_lot, found.barcode_lot, found.gtin) == ("", "C3D4", GTIN)
    assert (found.photo_lots, found.photo_gtins) == (("C3D4", "A1B2"), ())


async def test_photos_of_others_unsure_ones_and_those_that_are_gone_say_nothing(cases: Cases) -> None:
    case_id = (await cases.filed(await cases.order()))["id"]
    sellers, unsure, removed, kept = [
        await photo(cases, case_id, by, png() if by else label(str(place)))
        for place, by in enumerate((cases.seller, None, None, None))
    ]
    await says(cases, sellers, "SELLERS1")
    await says(cases, unsure, "UNSURE1", percent=29)
    await says(cases, unsure, "2029-03-11", kind="expiry")
    await says(cases, removed, "REMOVED1")
    await cases.sql(
        "INSERT INTO complaint_evidence_removal (file_id, tenant_id, complaint_id, at)"
        " SELECT file_id, tenant_id, complaint_id, fairhold_now() FROM complaint_evidence WHERE file_id = :id",
        id=removed,
    )
    await says(cases, kept, "DOUBT1", percent=95, doubt=True)
    await says(cases, kept, "KEPT1", percent=60)
    await says(cases, kept, "KEPT2", percent=80)
    assert (await query(cases, case_id)).photo_lots == ("KEPT2", "KEPT1", "DOUBT1")
    async with cases.database.begin() as tx:
        await erase_case_files(tx, SYSTEM, UUID(case_id), now=await tx.now())
    assert (await query(cases, case_id)).photo_lots == ()


async def test_a_flood_of_codes_is_capped_at_the_surest(cases: Cases) -> None:
    case_id = (await cases.filed(await cases.order()))["id"]
    file_id = await photo(cases, case_id)
    for place in range(20):
        await says(cases, file_id, f"LOT{place:02}", percent=50 + place)
    assert (await query(cases, case_id)).photo_lots == tuple(f"LOT{place:02}" for place in range(19, 3, -1))


async def test_a_photo_never_changes_what_a_person_chose(cases: Cases, drain: Drain) -> None:
    own, other = str(cases.goods.batch_id), await sibling(cases)
    for place, by in enumerate((cases.buyer, cases.mediator)):
        case_id = (await cases.filed(await cases.order(f"WX-{place}"), lot_text=OWN_LOT))["id"]
        await drain()
        await cases.ok(f"/{case_id}/link", {"batch_id": own}, by=by)
        count = await tries(cases, case_id)
        await says(cases, await photo(cases, case_id), OTHER_LOT)
        await drain()
        side = "buyer" if by is cases.buyer else "mediator"
        assert await link_of(cases, case_id) == ("linked", own, side)
        assert (await tries(cases, case_id), other in str(await links(cases, case_id))) == (count, False)


async def test_readings_of_days_and_photos_that_say_nothing_start_no_try(cases: Cases, drain: Drain) -> None:
    case_id = (await cases.filed(**CREAM))["id"]
    await drain()
    await says(cases, await photo(cases, case_id), "2029-03-11", kind="expiry")
    await drain()
    assert await tries(cases, case_id) == 1


async def test_a_draft_that_became_an_addition_brings_its_photos_along(cases: Cases, drain: Drain) -> None:
    other = await sibling(cases)
    order_id = await cases.order()
    case_id = (await cases.filed(order_id))["id"]
    await drain()
    draft_id = await cases.draft(order_id)
    await says(cases, await photo(cases, draft_id), OTHER_LOT)
    await drain()
    assert (await link_of(cases, case_id))[0] == "linked"
    merged = await cases.ok(f"/{draft_id}/submission")
    assert merged["id"] == case_id
    await drain()
    assert (await link_of(cases, case_id))[0] == "suggested"
    assert other in await suggested(cases, case_id)


async def test_a_lot_that_a_photo_shows_is_found_when_it_is_registered(cases: Cases, drain: Drain) -> None:
    linked = (await cases.filed(await cases.order()))["id"]
    unknown = (await cases.filed(**UNKNOWN))["id"]
    for case_id in (linked, unknown):
        await says(cases, await photo(cases, case_id), "sy26-J1999")
    await drain()
    assert (await link_of(cases, linked))[0] == "linked"
    assert (await link_of(cases, unknown))[0] == "unmatched"
    other = await sibling(cases)
    await drain()
    for case_id in (linked, unknown):
        assert await link_of(cases, case_id) == ("suggested", None, None)
        assert other in await suggested(cases, case_id)
