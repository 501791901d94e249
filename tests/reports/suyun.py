"""The facts of the Suyun mask, as the prototype's dossier has them."""

import hashlib
import io
from datetime import UTC, date, datetime, timedelta, timezone

from PIL import Image, ImageDraw

from reports.facts import (
    Currency,
    DossierFacts,
    KindCount,
    MoneyLine,
    Name,
    Photo,
    Rate,
    RateDay,
    Reported,
    Response,
    RowCounts,
    ShopMoney,
    ShopRate,
    StatusChange,
    Trace,
    TraceEdge,
    TraceNode,
)

BEIJING = timezone(timedelta(hours=8))
CNY = Currency("CNY", 2)
CHAIN_HEAD = "5b1e90c4a7d23f0866be14c9d0f7582e9a61c3047b8fd5e2106c94aa73d8e27f"
AS_OF = datetime(2026, 11, 26, 12, 0, tzinfo=BEIJING)

XIAOHE = Name("Xiaohe Skincare", "小禾护肤")
MIAOMIAO = Name("Miaomiao Beauty", "妙妙美妆")
ANRAN = Name("Anran Store", "安然小铺")
LULU = Name("Lulu Picks", "露露优选")
FIVE = Name("Five other shops", "其他五家店铺")
SUYUN = Name("Suyun", "素芸")
OFFICE = Name("Hangzhou consumer office", "杭州市消费者事务处")


def picture(colour: str, image_format: str = "WEBP") -> bytes:
    """Return a drawn photo, 480 x 360."""
    image = Image.new("RGB", (480, 360), colour)
    ImageDraw.Draw(image).ellipse((120, 60, 360, 300), fill="white")
    out = io.BytesIO()
    image.save(out, image_format, quality=90)
    return out.getvalue()


def _rate() -> Rate:
    rows = [
        (17, 0, 0.6, 0.2, 1.3), (18, 0, 0.6, 0.2, 1.2), (19, 0, 0.5, 0.2, 1.1), (20, 0, 0.5, 0.2, 1.1),
        (21, 0, 0.5, 0.1, 1.0), (22, 0, 0.4, 0.1, 0.9), (23, 3, 1.0, 0.4, 2.0), (24, 11, 2.5, 1.3, 3.9),
        (25, 15, 3.4, 2.0, 4.9), (26, 19, 4.1, 2.6, 5.8),
    ]  # fmt: skip
    days = tuple(RateDay(date(2026, 11, day), buyers, at, low, high) for day, buyers, at, low, high in rows)
    return Rate(days, base=0.6, limit=1.2)


def _trace() -> Trace:
    nodes = (
        TraceNode("factory", "factory", Name("Lianhe factory", "联禾工厂"), 6000),
        TraceNode("brand", "brand", Name("Suyun (brand)", "素芸（品牌方）"), 1000),
        TraceNode("east", "agent", Name("Agent East", "华东代理"), 2900),
        TraceNode("south", "agent", Name("Agent South", "华南代理"), 2100),
        TraceNode("xiaohe", "shop", XIAOHE, 640, buyers=7, is_hot=True),
        TraceNode("miaomiao", "shop", MIAOMIAO, 1210, buyers=6, is_hot=True),
        TraceNode("five", "shop", FIVE, 590),
        TraceNode("anran", "shop", ANRAN, 980, buyers=4, is_hot=True),
        TraceNode("lulu", "shop", LULU, 760, buyers=2),
    )
    handed = [
        ("factory", "brand", 6000), ("brand", "east", 2900), ("brand", "south", 2100), ("east", "xiaohe", 700),
        ("east", "miaomiao", 1400), ("east", "five", 600), ("south", "anran", 1100), ("south", "lulu", 900),
    ]  # fmt: skip
    return Trace(nodes, tuple(TraceEdge(*edge) for edge in handed))


def _shops() -> tuple[ShopMoney, ...]:
    rows = [
        (XIAOHE, 201, 76_800, 38_400, 38_400, 98), (MIAOMIAO, 388, 145_200, 108_000, 37_200, 101),
        (ANRAN, 301, 117_600, 86_400, 31_200, 88), (LULU, 236, 91_200, 62_400, 28_800, 79),
        (FIVE, 186, 70_800, 54_720, 16_080, 46),
    ]  # fmt: skip
    return tuple(
        ShopMoney(shop, CNY, orders, paid * 100, released * 100, held * 100, 0, open_payments)
        for shop, orders, paid, released, held, open_payments in rows
    )


def _money_lines() -> tuple[MoneyLine, ...]:
    paid, passed = Name("Order paid", "订单付款"), Name("The window passed without a claim", "收货期满，无人索赔")
    limit = Name("Complaints above the limit", "投诉超过界限")
    return (
        MoneyLine(datetime(2026, 11, 20, 7, 58, tzinfo=UTC), "funded", XIAOHE, "TM-1", 1, 48_000, CNY, paid),
        MoneyLine(datetime(2026, 11, 21, 7, 58, tzinfo=UTC), "funded", LULU, "TM-2", 1, 24_000, CNY, paid),
        MoneyLine(datetime(2026, 11, 23, 8, 1, tzinfo=UTC), "released", LULU, "TM-2", 1, 24_000, CNY, passed, 240),
        MoneyLine(datetime(2026, 11, 24, 8, 2, tzinfo=UTC), "scope_frozen", None, "", 412, 15_168_000, CNY, limit),
    )


def _photos() -> tuple[Photo, ...]:
    drawn = [
        ("E-01", Name("Lot code", "批号"), picture("#8fa3a8")),
        ("E-02", Name("Cheek, 23 November", "脸颊，11 月 23 日"), picture("#e6a698", "JPEG")),
        ("E-05", Name("Yellow stain", "发黄痕迹"), picture("#d9c46b")),
    ]
    return tuple(Photo(code, label, hashlib.sha256(image).hexdigest(), image) for code, label, image in drawn)


def _history() -> tuple[StatusChange, ...]:
    watch, mediator = Name("Signal watch", "信号监测"), Name("Mediator Lin", "林调解员")
    return (
        StatusChange(
            datetime(2026, 11, 23, 20, 15, tzinfo=BEIJING), Name("Screening", "筛查"), watch,
            Name("Third verified buyer", "第三名已核实买家"),
        ),
        StatusChange(
            datetime(2026, 11, 24, 16, 2, tzinfo=BEIJING), Name("Preliminary, payments held", "初步研判，货款冻结"),
            watch, Name("Lower bound above the limit", "区间下限超过界限"),
        ),
        StatusChange(
            datetime(2026, 11, 24, 18, 40, tzinfo=BEIJING), Name("Hold confirmed", "冻结已确认"), mediator,
            Name("Injuries reported from four shops", "四家店铺均有伤害报告"),
        ),
    )  # fmt: skip


def suyun_facts() -> DossierFacts:
    """Return the whole dossier of lot SY26J1807."""
    return DossierFacts(
        reference="R-2026-00871",
        as_of=AS_OF,
        classification="regulator_only",
        prepared_for=OFFICE,
        filter_words=Name("batch = SY26J1807, with descendants", "批次 = SY26J1807，含下级批次"),
        rows=RowCounts(complaints=23, evidence=61, orders=1312),
        chain_head=CHAIN_HEAD,
        policy_version="signal-2026.11",
        verify_url="https://fairhold.example/verify/R-2026-00871",
        product=Name("Suyun Hydrating Sheet Mask", "素芸补水面膜"),
        brand=SUYUN,
        seller=SUYUN,
        lot_code="SY26J1807",
        units_made=6000,
        units_sold=4180,
        reported=Reported(verified_buyers=19, shops=4, span_days=4),
        rate=_rate(),
        seal_number=1_204_551,
        manufacturer_lot="LH261018A",
        gtin="06901234567892",
        made_on=date(2026, 10, 18),
        expires_on=date(2029, 10, 17),
        held_since=datetime(2026, 11, 24, 16, 2, tzinfo=BEIJING),
        signed_at=None,
        kinds=(
            KindCount(Name("Burning or rash", "灼痛或起疹"), 17),
            KindCount(Name("Yellow stain", "发黄"), 4),
            KindCount(Name("Leaking", "渗漏"), 2),
        ),
        shop_rates=(
            ShopRate(XIAOHE, 10.9, 5.2, 19.4),
            ShopRate(MIAOMIAO, 5.0, 2.2, 9.6),
            ShopRate(ANRAN, 4.1, 1.5, 9.0),
            ShopRate(LULU, 2.6, 0.6, 7.2),
            ShopRate(FIVE, 0.0, 0.0, 3.1),
        ),
        trace=_trace(),
        shops=_shops(),
        money_lines=_money_lines(),
        photos=_photos(),
        status_history=_history(),
        responses=(
            Response(
                datetime(2026, 11, 25, 18, 30, tzinfo=BEIJING), SUYUN,
                Name(
                    "We have stopped selling this lot and sent samples to a laboratory. Results are expected on "
                    "4 December.",
                    "我们已停售该批次，并已送检样品，预计 12 月 4 日出结果。",
                ),
            ),
        ),
    )  # fmt: skip
