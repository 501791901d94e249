"""Sellers with their money, products and batches."""

from collections.abc import Callable
from typing import Any

from service.core.actor import Role
from tests.permissions_table.rows import (
    ALL_SEEN,
    BLOCKERS,
    EVERY_ROLE,
    MEDIATOR,
    OPERATOR,
    OTHERS,
    OWN,
    OWN_SHOP,
    REGULATOR,
    SELLER,
    SUPERVISOR,
    Row,
)
from tests.world import World


def _everybody_sees(kind: str) -> Row:
    """Products, batches and sellers are common: who is signed in sees all of them."""
    reaches = dict.fromkeys(EVERY_ROLE, ALL_SEEN)
    return Row(may=EVERY_ROLE, things={f"{kind}_id": kind}, reaches=reaches)


def _money_row(*more: Role, body: Callable[[World], Any] | None = None) -> Row:
    """A shop's money is for its own people and for operators."""
    reaches = {SELLER: OWN_SHOP} | dict.fromkeys((OPERATOR, *more), ALL_SEEN)
    return Row(may=frozenset(reaches), body=body, things={"seller_id": "seller"}, reaches=reaches)


SELLERS = {
    "GET /sellers": Row(may=EVERY_ROLE),
    "POST /sellers": Row(may=EVERY_ROLE, body=lambda _: {"name": "New", "kind": "shop", "country": "CN"}),
    "GET /sellers/{seller_id}": _everybody_sees("seller"),
    "GET /sellers/{seller_id}/agents": _everybody_sees("seller"),
    "POST /sellers/{seller_id}/agents": Row(
        may=frozenset({SELLER}),
        body=lambda world: {"agent_id": str(world.things["seller", OTHERS])},
        things={"seller_id": "seller"},
        reaches={SELLER: OWN_SHOP},
    ),
    "GET /sellers/{seller_id}/suspension": _money_row(SUPERVISOR),
    "POST /sellers/{seller_id}/suspension": Row(
        may=frozenset({OPERATOR}),
        body=lambda _: {"reason": "unsafe_goods"},
        things={"seller_id": "seller"},
        reaches={OPERATOR: ALL_SEEN},
    ),
    "DELETE /sellers/{seller_id}/suspension": Row(
        may=frozenset({OPERATOR}), things={"seller_id": "seller"}, reaches={OPERATOR: ALL_SEEN}
    ),
    "GET /sellers/{seller_id}/balances": _money_row(),
    "POST /sellers/{seller_id}/payouts": _money_row(body=lambda _: {"amount": {"amount_minor": 1, "currency": "CNY"}}),
    "GET /sellers/{seller_id}/deposits": _money_row(),
    "POST /sellers/{seller_id}/deposits": _money_row(
        body=lambda _: {"amount": {"amount_minor": 500, "currency": "CNY"}, "direction": "in"}
    ),
    "GET /sellers/{seller_id}/payout-blocks": _money_row(SUPERVISOR),
    "POST /sellers/{seller_id}/payout-blocks": Row(
        may=BLOCKERS,
        body=lambda _: {"reason": "suspected_fraud"},
        things={"seller_id": "seller"},
        reaches=dict.fromkeys(BLOCKERS, ALL_SEEN),
    ),
    "DELETE /sellers/{seller_id}/payout-blocks/{block_id}": Row(
        may=BLOCKERS,
        things={"seller_id": "seller", "block_id": "payout_block"},
        reaches=dict.fromkeys(BLOCKERS, ALL_SEEN),
    ),
}


_LISTING_PHOTO = Row(  # what is listed, everybody may look at
    may=EVERY_ROLE,
    things={"batch_id": "batch", "file_id": "listing_photo"},
    reaches=dict.fromkeys(EVERY_ROLE, ALL_SEEN),
)
_CUSTODY_READERS = frozenset({SELLER, MEDIATOR, SUPERVISOR, REGULATOR})


def _correction(kind: str, **body: str) -> Row:
    """The seller's own people, and mediators and supervisors of commons for anybody's."""
    reaches = {SELLER: OWN_SHOP, MEDIATOR: ALL_SEEN, SUPERVISOR: ALL_SEEN}
    told = {"reason": "typing_error", **body}
    return Row(
        may=frozenset(reaches), body=lambda _: told, things={f"{kind}_id": kind}, reaches=reaches, for_commons=True
    )


def _corrections(kind: str) -> Row:
    reaches = {SELLER: OWN_SHOP} | dict.fromkeys((MEDIATOR, SUPERVISOR, REGULATOR), ALL_SEEN)
    return Row(may=frozenset(reaches), things={f"{kind}_id": kind}, reaches=reaches)


BATCHES = {
    "GET /products": Row(may=EVERY_ROLE),
    "POST /products": Row(
        may=frozenset({SELLER}),
        body=lambda world: {
            "seller_id": str(world.things["seller", OWN]),
            "category": "cosmetics",
            "name_en": "Soap",
        },
    ),
    "GET /products/{product_id}": _everybody_sees("product"),
    "GET /batches": Row(may=EVERY_ROLE),
    "POST /batches": Row(
        may=frozenset({SELLER}),
        body=lambda world: {"product_id": str(world.things["product", OWN]), "lot_code": "LOT-2"},
    ),
    "POST /batches/imports": Row(
        may=frozenset({SELLER}), query=lambda world: {"seller_id": str(world.things["seller", OWN])}
    ),
    "GET /batches/{batch_id}": _everybody_sees("batch"),
    "GET /batches/{batch_id}/status": _everybody_sees("batch"),
    "GET /batches/{batch_id}/custody": Row(
        may=_CUSTODY_READERS,
        things={"batch_id": "batch"},
        reaches=dict.fromkeys(_CUSTODY_READERS, ALL_SEEN),
    ),
    "POST /batches/{batch_id}/custody": Row(
        may=frozenset({SELLER}),
        body=lambda world: {
            "from_seller_id": str(world.things["seller", OWN]),
            "to_seller_id": str(world.things["seller", OTHERS]),
            "units": 1,
        },
        things={"batch_id": "batch"},
        reaches={SELLER: ALL_SEEN},  # a reseller passes on units of another's batch
    ),
    "GET /products/{product_id}/corrections": _corrections("product"),
    "POST /products/{product_id}/corrections": _correction("product", name_en="Mask, night"),
    "GET /batches/{batch_id}/corrections": _corrections("batch"),
    "POST /batches/{batch_id}/corrections": _correction("batch", lot_code="LOT-1A"),
    "GET /batches/{batch_id}/photos": _everybody_sees("batch"),
    "POST /batches/{batch_id}/photos": Row(
        may=frozenset({SELLER}), files={"files": b"a photo"}, things={"batch_id": "batch"}, reaches={SELLER: OWN_SHOP}
    ),
    "DELETE /batches/{batch_id}/photos/{file_id}": Row(
        may=frozenset({SELLER}),
        things={"batch_id": "batch", "file_id": "listing_photo"},
        reaches={SELLER: OWN_SHOP},
    ),
    "GET /batches/{batch_id}/photos/{file_id}/view": _LISTING_PHOTO,
    "GET /batches/{batch_id}/photos/{file_id}/thumbnail": _LISTING_PHOTO,
}
