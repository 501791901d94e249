"""Step 3: a complaint with photos, matched though misspelt; and one that waits until its batch is registered."""

import hashlib
import io
from typing import Any

from PIL import Image

from service.samples.driver.ordering import PRICE_MINOR
from service.samples.driver.registering import new_product, register_batch
from service.samples.driver.stage import MAKER, Json, Person, Stage, Step, ensure_that, money
from service.samples.pictures import label_png, photo_with_place

_LOOKALIKES = str.maketrans("0158", "OISB")
_TRIED = ("complaint.linked", "complaint.unmatched")


def complain(stage: Stage, step: Step) -> None:
    """File both complaints, and show what was stored and found."""
    known, buyer = stage.known, stage.person("buyer")
    typed = known.lot[:4].lower() + " " + known.lot[4:].translate(_LOOKALIKES)
    draft = buyer.post("/complaints", _told_of_mask(known.claimed_order_id, typed))
    known.complaint_id = draft["id"]
    _photos(stage, step, buyer, draft["id"])
    sent = buyer.post(f"/complaints/{draft['id']}/submission")
    frozen = [each["kind"] for each in sent["hold"]["freezes"]]
    step.tell("complaint sent", sent["reference"], f"claims {money(sent['claim'])}; hold frozen by {', '.join(frozen)}")
    packed = sent["commitment"]
    ensure_that([each["sha256"] for each in packed["photos"]] == [known.packed_sha256], "the case shows the packing")
    step.tell("both sides beside", f"{len(sent['evidence'])} of the buyer", f"packed before {packed['committed_at']}")
    linked = await_matching(stage, buyer, draft["id"])
    ensure_that(linked["batch_id"] == known.batch_id, "the misspelt complaint was linked to its batch")
    found = stage.person("mediator").get(f"/complaints/{draft['id']}/matches")
    best = found["suggestions"][0]
    reasons = [each["reason"] for each in best["reasons"]]
    step.tell("matched", f"“{typed}”", f"to {known.lot}: score {best['probability']:.3f}; {', '.join(reasons[:4])}")
    step.facts |= {
        "complaint_id": draft["id"], "reference": sent["reference"], "match_status": linked["match_status"],
        "batch_id": linked["batch_id"], "score": best["probability"], "reasons": reasons, "freezes": frozen,
        "hold_state": sent["hold"]["state"], "packed": packed["photos"][0]["sha256"],
    }  # fmt: skip
    _wait_for_batch(stage, step, buyer)


def await_matching(stage: Stage, buyer: Person, complaint_id: str, *, linked: bool = True) -> Json:
    """Return the case once the matcher has looked: linked, or (with `linked` false) tried and not linked."""

    def looked() -> Json | None:
        case: Json = buyer.get(f"/complaints/{complaint_id}")
        if linked:
            return case if case["match_status"] == "linked" else None
        names = [each["name"] for each in stage.person("mediator").get(f"/complaints/{complaint_id}/timeline")]
        return case if any(name in _TRIED for name in names) else None

    return stage.wait("the complaint was matched", looked)


def _told_of_mask(order_id: str, lot: str) -> Json:
    return {
        "order_id": order_id,
        "kind": "unsafe",
        "harm": "discomfort",
        "product_text": "Suyn Hydratng Sheet Msak",
        "brand_text": "Suyun",
        "lot_text": lot,
        "narrative": "My face burned ten minutes after I put the mask on, and it smells sour.",
        "wanted": "refund",
        "claim": {"amount_minor": PRICE_MINOR, "currency": "CNY"},
        "may_publish": True,
    }


def _photos(stage: Stage, step: Step, buyer: Person, complaint_id: str) -> None:
    """Send a JPEG with its place in EXIF and a PNG; compare hashes, and look for metadata in what people see."""
    pictures = [photo_with_place(f"LOT {stage.known.lot}"), label_png("素芸补水面膜", stage.known.lot)]
    files = [
        ("files", ("sachet.jpg", pictures[0], "image/jpeg")),
        ("files", ("label.png", pictures[1], "image/png")),
    ]
    buyer.post(f"/complaints/{complaint_id}/evidence", files=files)

    def locked() -> list[Json] | None:
        stored: list[Json] = buyer.get(f"/complaints/{complaint_id}/evidence")
        return stored if all(each["state"] == "locked" for each in stored) else None

    stored = stage.wait("the photos lie locked in S3", locked)
    sent = sorted(hashlib.sha256(picture).hexdigest() for picture in pictures)
    ensure_that(sorted(each["sha256"] for each in stored) == sent, "the stored SHA-256 are those of the sent bytes")
    for each in stored:
        step.tell(
            "photo locked", each["sha256"][:16] + "…", f"{each['kind']}, {each['size_bytes']:,} bytes, SHA-256 as sent"
        )
    views = [buyer.download(f"/complaints/{complaint_id}/evidence/{each['file_id']}/view").content for each in stored]
    tags = [_metadata(view) for view in views]
    ensure_that(not any(tags), "what people see has no metadata")
    ensure_that(bool(_metadata(pictures[0])), "the sent photo had metadata")
    step.tell("views", f"{len(views)} pictures", "no EXIF, no GPS, no comments")
    step.facts |= {"sha256": sent, "view_metadata": tags, "sent_metadata": _metadata(pictures[0])}


def _metadata(picture: bytes) -> list[str]:
    with Image.open(io.BytesIO(picture)) as opened:
        kept: dict[Any, Any] = {key: value for key, value in opened.info.items() if key in ("exif", "xmp", "comment")}
        return sorted([*map(str, opened.getexif()), *map(str, kept)])


def _wait_for_batch(stage: Stage, step: Step, buyer: Person) -> None:
    """File a complaint that no batch fits, then register its batch."""
    name, name_zh, lot = f"Quillon Basalt Peel {stage.run}", f"奎伦玄武岩去角质{stage.run}", f"QK{stage.run}X"
    draft = buyer.post(
        "/complaints",
        {
            "seller_id": stage.known.seller_id,
            "kind": "expired",
            "harm": "none",
            "product_text": name,
            "brand_text": "Quillon",
            "seller_text": "Suyun Shop",
            "lot_text": lot,
            "narrative": "A sticker hides the date. Underneath it expired two months ago.",
            "wanted": "none",
        },
    )
    sent = buyer.post(f"/complaints/{draft['id']}/submission")
    tried = await_matching(stage, buyer, draft["id"], linked=False)
    ensure_that(tried["match_status"] != "linked" and tried["batch_id"] is None, "no batch fits yet")
    step.tell("no batch fits", sent["reference"], f"{tried['match_status']}: “{name}”, lot {lot}")
    product = stage.person(MAKER).post("/products", new_product(stage, 2, "Quillon", name, name_zh))
    batch = register_batch(stage, product["id"], lot, None)
    linked = await_matching(stage, buyer, draft["id"])
    ensure_that(linked["batch_id"] == batch["id"], "the waiting complaint was linked to the new batch")
    step.tell("its batch is registered", batch["lot_code"], f"{sent['reference']} is {linked['match_status']} to it")
    step.facts |= {
        "before": tried["match_status"], "after": linked["match_status"], "late_batch_id": batch["id"],
        "late_linked_to": linked["batch_id"],
    }  # fmt: skip
