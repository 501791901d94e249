"""Codes as reports say them, in both languages."""

from typing import Final

from reports.facts import Name

KINDS: Final = {
    "unsafe": Name("Unsafe, or hurt someone", "不安全或造成伤害"),
    "fake": Name("Looks fake", "疑似假货"),
    "not_as_described": Name("Not as described", "与描述不符"),
    "damaged": Name("Broken, leaking or spoiled", "破损、渗漏或变质"),
    "wrong_item": Name("Another item", "发错货"),
    "expired": Name("Past its date", "已过期"),
    "missing_licence": Name("Licence, label or instruction missing", "缺少许可、标签或说明"),
    "not_delivered": Name("Not delivered, or part missing", "未送达或缺件"),
    "other": Name("Something else", "其他"),
}
STATUSES: Final = {
    "active": Name("On sale", "正常"),
    "held": Name("Payments on hold", "货款冻结"),
    "recalled": Name("Recalled", "已召回"),
    "cleared": Name("Cleared", "已解除"),
}
REASONS: Final = {
    "signal": Name("Complaints above the limit", "投诉超过界限"),
    "not_the_product": Name("The product is not the cause", "与产品无关"),
    "not_this_batch": Name("Not this batch", "非本批次问题"),
    "not_genuine": Name("The complaints are not genuine", "投诉不属实"),
    "put_right": Name("The fault has been put right", "问题已改正"),
    "no_risk": Name("No risk was found", "未发现风险"),
    "not_confirmed": Name("Nobody confirmed the freeze in time", "冻结未在期限内确认"),
    "time_over": Name("The longest time of a freeze has passed", "冻结已达最长期限"),
    "links_moved": Name("Its complaints were not about this batch", "相关投诉不属于本批次"),
    "corrected": Name("What was registered was corrected", "登记内容已更正"),
}
MONEY_REASONS: Final = {
    "paid": Name("Order paid", "订单付款"),
    "claim": Name("A claim", "买家索赔"),
    "scope": REASONS["signal"],
    "signal": REASONS["signal"],
    "seal_failure": Name("The chain's seal failed", "封存链异常"),
    "unreachable_seller": Name("The seller cannot be reached", "无法联系卖家"),
    "sweep": Name("The window passed without a claim", "收货期满，无人索赔"),
    "waiver": Name("The buyer gave up the window", "买家放弃收货期"),
    "refund": Name("Refund agreed", "同意退款"),
    "ruling": Name("A ruling", "裁定"),
    "split": Name("Split between buyer and shop", "买家与店铺分配"),
    "chargeback": Name("Charged back by the buyer's bank", "买家银行拒付"),
    "provider": Name("Confirmed by the provider", "支付机构确认"),
}
BY_ITSELF: Final = Name("Fairhold, automatically", "Fairhold 自动")
NAMELESS: Final = Name("Not named", "未具名")


def said(words: dict[str, Name], code: str) -> Name:
    """Return a code's name; one without a name stands for itself."""
    return words.get(code, Name(code, code))


def scope_words(lot_code: str, others: int) -> Name:
    """Say which rows a dossier has: those of the batch and of all that shares its fate."""
    if not others:
        return Name(f"Lot {lot_code}, every shop", f"批号 {lot_code}，全部店铺")
    batches = "batch" if others == 1 else "batches"
    return Name(
        f"Lot {lot_code} and {others} {batches} of the same production or made from it, every shop",
        f"批号 {lot_code} 及同一生产批次或由其分装的 {others} 个批次，全部店铺",
    )


def photo_label(reference: str) -> Name:
    """Say which case a photo is from."""
    return Name(f"Case {reference}", f"投诉 {reference}")
