"""What buyers, sellers and mediators of the sample data say. Each text has an English and a Chinese form."""

# kind -> (harm, wanted refund?, English, Chinese); {product} and {lot} are filled in.
STORIES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "unsafe": (
        (
            "discomfort",
            "After two evenings with {product} my cheeks burned and went red. I stopped; it faded overnight.",
            "用了两晚{product}，脸颊发烫发红。马上停用，过了一夜才消退。",
        ),
        (
            "injury",
            "My daughter got a rash with small blisters from {product}. The doctor wrote a prescription cream.",
            "女儿用了{product}后起了带小水泡的疹子，医生开了药膏。",
        ),
        (
            "none",
            "{product} smells sour although the seal was whole. I did not use it.",
            "{product}封口完好却有酸味，我没敢用。",
        ),
    ),
    "fake": (
        (
            "none",
            "The print on {product} is blurred and the code scratches off. It is not what I had last year.",
            "{product}的印刷模糊，码一刮就掉，和去年买的完全不一样。",
        ),
    ),
    "not_as_described": (
        (
            "none",
            "The listing of {product} says fragrance free. It is strongly perfumed.",
            "页面写着{product}不含香精，到手却香味刺鼻。",
        ),
    ),
    "damaged": (
        (
            "none",
            "{product} came with a crushed corner and had leaked into the box.",
            "{product}到货时一角压坏，已经漏到盒子里。",
        ),
    ),
    "expired": (
        (
            "none",
            "A sticker hides the date on {product}. Underneath it expired two months ago.",
            "{product}的日期被贴纸盖住，撕开一看已过期两个月。",
        ),
    ),
    "wrong_item": (
        ("none", "I ordered {product} and got another scent and size.", "订的是{product}，发来的香型和规格都不对。"),
    ),
}
OPENINGS = {"en": "Lot {lot} is printed on the bottom. ", "zh": "底部印着批号{lot}。"}
REFUSALS = {
    "en": "We checked our stock of this lot and found nothing wrong. We do not agree to a refund.",
    "zh": "我们检查了同批库存，没有发现问题，不同意退款。",
}
ACCEPTS = {"en": "We are sorry. You get your money back.", "zh": "非常抱歉，同意退款。"}
OFFERS = {"en": "We offer to return part of the price.", "zh": "我们愿意退还一部分货款。"}
RULINGS = {
    "en": "The photos and the account show a fault that lessens the value, but the goods could be used in part.",
    "zh": "照片与陈述表明存在影响价值的缺陷，但商品仍可部分使用。",
}
