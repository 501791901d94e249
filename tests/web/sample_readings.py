"""Samples of what photos say."""

from datetime import date

from service.web.phrase import Lot, say
from service.web.views.readings import Mark, PhotosSay, ReadPhoto, Said

_MARK = Mark("80,60 420,60 420,110 80,110", "50 30 400 110", 900, 700)


def _said(number: int, kind: str, value: Lot | date, likely: int, *, takes: str = "", taken: bool = False) -> Said:
    by = say("read_from.code" if likely == 3 else "read_from.print")
    return Said("p1", number, say(f"reading.{kind}"), value, by, likely, _MARK, number == 3, taken, takes)


READINGS = PhotosSay(
    (
        ReadPhoto(
            "p1",
            "buyer",
            900,
            700,
            (
                _said(1, "lot", Lot("SY26J1807"), 3, takes="/file/d1/readings/r1/photos"),
                _said(2, "gtin", Lot("06901234567892"), 2, taken=True),
                _said(3, "expiry", date(2029, 3, 11), 1),
            ),
            (say("unread.payment"), say("unread.check_digit_wrong")),
        ),
    ),
    waiting=1,
    failed=1,
    again="/file/d1/photos",
)
STILL_READ = PhotosSay((), waiting=2, again="/file/d1/batch")
