"""What barcodes and lines of print mean: lot, days, trade number; and what is left alone."""

from datetime import date

import pytest

from service.complaints.recognise.codes import read_codes
from service.complaints.recognise.dates import gs1_day, printed_dates
from service.complaints.recognise.findings import FINDINGS_MAX, Finding, surest_first
from service.complaints.recognise.labels import read_lines
from service.complaints.recognise.reader import Code, Line, Region

TODAY = date(2026, 11, 22)
BOX: Region = ((0, 0), (100, 0), (100, 20), (0, 20))
Rows = list[str | tuple[str, ...]]


def lines(*rows: str | tuple[str, ...], turned: bool = False) -> list[Line]:
    """Boxes of print, a row beneath the other, those of one row beside each other; `turned` by a quarter."""
    found = []
    for place, row in enumerate(rows):
        x, y = 100, 100 + place * 70
        for text in (row,) if isinstance(row, str) else row:
            width = len(text) * 24
            corners = ((x, y), (x + width, y), (x + width, y + 40), (x, y + 40))
            found.append(Line(text, 1.0, tuple((2_000 - b, a) for a, b in corners) if turned else corners))
            x += width + 80
    return found


def told(*rows: str | tuple[str, ...], turned: bool = False) -> set[tuple[str, str]]:
    return {(each.kind, each.value) for each in read_lines(lines(*rows, turned=turned), today=TODAY)}


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["LOT SY26J1807"], {("lot", "SY26J1807")}),
        (["生产批号：SY26J1807"], {("lot", "SY26J1807")}),
        (["批號 TW2603"], {("lot", "TW2603")}),
        (["批次号：D77763"], {("lot", "D77763")}),
        (["批次: D77763"], {("lot", "D77763")}),
        (["产品批号 327710T"], {("lot", "327710T")}),  # holds what looks like LOT
        (["BATCHNO.: A1234"], {("lot", "A1234")}),
        (["BATCH N09056"], {("lot", "N09056")}),  # and like No.
        (["产品批号 D77763"], {("lot", "D77763")}),
        (["L0T:A12B3"], {("lot", "A12B3")}),  # a zero for the letter
        (["Batch No.: AB-1234/5"], {("lot", "AB-1234/5")}),
        (["B.No. 7X3301"], {("lot", "7X3301")}),
        (["B/N: 7X3301 EXP 05/27"], {("lot", "7X3301"), ("expiry", "2027-05")}),
        (["批号:20260312"], {("lot", "20260312")}),  # many lots are days
        (["LOT SY26J1807 14:32 EXP 03/2029"], {("lot", "SY26J1807"), ("expiry", "2029-03")}),
        (["EXP20290311LOTSY26J18"], {("expiry", "2029-03-11"), ("lot", "SY26J18")}),  # print without gaps
        (["生产批号及限期使用日期：SY26J1807 20290311"], {("lot", "SY26J1807"), ("expiry", "2029-03-11")}),
        (["生产日期/批号:20260312A1"], {("lot", "20260312A1")}),
        (["EXP 2029.03.11 MFG 20260312"], {("expiry", "2029-03-11"), ("made_on", "2026-03-12")}),
        (["生产日期：2026年3月12日", "有效期至2029.03"], {("made_on", "2026-03-12"), ("expiry", "2029-03")}),
        (["製造日期 2026/03/12", "保存期限 2029/03/11"], {("made_on", "2026-03-12"), ("expiry", "2029-03-11")}),
        (["保质期：36个月", "生产日期：2026.03.12"], {("made_on", "2026-03-12")}),  # how long is no day
        (["批号：见瓶底"], set()),
        (["BEST BEFORE END: MAR 2028"], {("expiry", "2028-03")}),
        (["USE BY 12MAR2028"], {("expiry", "2028-03-12")}),
        (["S/N: ABC12345"], {("serial", "ABC12345")}),
        (["6 901234 567892"], {("gtin", "06901234567892")}),
        (["6 901234 567893"], set()),  # its check digit is wrong
        (["LOTION 500 ml", "EXPERT CARE"], set()),
    ],
)
def test_labels_of_both_languages_say_what_follows_them(rows: Rows, says: set[tuple[str, str]]) -> None:
    assert told(*rows) == says


@pytest.mark.parametrize("turned", [False, True])
def test_a_value_stands_at_the_right_of_its_label_or_beneath(turned: bool) -> None:
    beside = told(("批号", "SY26J1807"), ("生产日期", "2026年3月12日"), ("有效期至", "2029.03"), turned=turned)
    assert beside == {("lot", "SY26J1807"), ("made_on", "2026-03-12"), ("expiry", "2029-03")}
    assert told("LOT", "G 010766", "EXP 290311", turned=turned) == {("lot", "G 010766"), ("expiry", "2029-03-11")}


def test_a_region_is_that_of_the_value_and_a_neighbour_is_less_sure() -> None:
    label, value = lines(("LOT", "A1234"))
    (found,) = read_lines([label, value], today=TODAY)
    assert (found.value, found.region, found.sure) == ("A1234", value.region, 0.85)
    (found,) = read_lines(lines("LOT A1234"), today=TODAY)
    assert found.sure == 1.0


def test_only_the_fragment_is_kept_and_not_what_stands_beside_it() -> None:
    (found,) = read_lines(lines("LOT: A1234 Zhang San 13812345678", "Deliver to: Nanjing Road 1"), today=TODAY)
    assert (found.text, found.value) == ("LOT: A1234", "A1234")


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2029-03-11", ("2029-03-11",)),
        ("20290311", ("2029-03-11",)),
        ("2029年3月", ("2029-03",)),
        ("25.12.2029", ("2029-12-25",)),
        ("03/04/2029", ("2029-04-03", "2029-03-04")),
        ("26/03/12", ("2026-03-12", "2012-03-26")),
        ("11 MAR 2029", ("2029-03-11",)),
        ("MAR 2029", ("2029-03",)),
        ("2029-13-11", ()),
        ("20291311", ()),
        ("1899-03-11", ()),
        ("2099-03-11", ()),
        ("400-820-1234", ()),
        ("A20290311", ()),
    ],
)
def test_a_print_means_every_day_that_it_can_mean(text: str, days: tuple[str, ...]) -> None:
    found = printed_dates(text, today=TODAY)
    assert tuple(day for each in found for day in each.days) == days


def test_a_day_that_can_be_two_is_offered_twice_and_said_to_be_ambiguous() -> None:
    found = read_lines(lines("EXP 03/04/2029"), today=TODAY)
    assert {(each.value, each.is_ambiguous, each.sure) for each in found} == {
        ("2029-04-03", True, 0.5),
        ("2029-03-04", True, 0.5),
    }
    made = read_lines(lines("MFG 03/12/2026"), today=TODAY)  # 3 December has not come yet
    assert [(each.value, each.is_ambiguous) for each in made] == [("2026-03-12", False)]


def test_a_stamp_without_words_is_offered_as_a_guess() -> None:
    found = {(each.kind, each.value): each for each in read_lines(lines("20290311 SY26J1807"), today=TODAY)}
    assert set(found) == {("lot", "SY26J1807"), ("expiry", "2029-03-11")}
    assert all(each.sure == 0.4 for each in found.values())
    assert found["expiry", "2029-03-11"].is_ambiguous
    assert told("20260312") == {("made_on", "2026-03-12"), ("expiry", "2026-03-12")}  # nobody knows which
    assert told("SY26J1807") == set()  # without a day beside it, a code may be anything


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("290311", "2029-03-11"),
        ("290300", "2029-03"),
        ("760101", "2076-01-01"),  # 50 years ahead
        ("770101", "1977-01-01"),  # 49 back
        ("291301", None),
        ("290230", None),
        ("29", None),
    ],
)
def test_a_gs1_day_lies_in_the_nearest_century(value: str, day: str | None) -> None:
    assert gs1_day(value, today=TODAY) == day


def code(text: str, *elements: tuple[str, str], symbology: str = "data_matrix", sure: float = 0.99) -> Code:
    return Code(symbology, "]d2", text, elements, sure, BOX)


def test_gs1_identifiers_say_number_lot_days_and_serial_and_nothing_else_is_kept() -> None:
    given = code("raw", ("01", "06901234567892"), ("10", "SY26J1807"), ("17", "290311"), ("11", "260312"),
                 ("21", "S-1"), ("710", "1234567"), ("421", "156310000"))  # fmt: skip
    found, others = read_codes([given], today=TODAY)
    assert [(each.kind, each.value, each.text) for each in found] == [
        ("gtin", "06901234567892", "(01)06901234567892"),
        ("lot", "SY26J1807", "(10)SY26J1807"),
        ("expiry", "2029-03-11", "(17)290311"),
        ("made_on", "2026-03-12", "(11)260312"),
        ("serial", "S-1", "(21)S-1"),
    ]
    assert {(each.source, each.region) for each in found} == {("data_matrix", BOX)}
    assert others == []


def test_a_wrong_check_digit_is_told_and_not_taken() -> None:
    found, others = read_codes([code("raw", ("01", "06901234567893"), ("10", "A1"))], today=TODAY)
    assert [each.kind for each in found] == ["lot"]
    assert [(each.symbology, each.what) for each in others] == [("data_matrix", "check_digit_wrong")]
    found, others = read_codes([code("16901234567890", symbology="itf")], today=TODAY)
    assert (found, others[0].what) == ([], "check_digit_wrong")


@pytest.mark.parametrize(
    ("symbology", "text", "gtin"),
    [
        ("ean_13", "6901234567892", "06901234567892"),
        ("ean_8", "96385074", "00000096385074"),
        ("upc_e", "0012345000065", "00012345000065"),
        ("itf", "16901234567899", "16901234567899"),
    ],
)
def test_trade_numbers_have_14_digits(symbology: str, text: str, gtin: str) -> None:
    ((found,), others) = read_codes([code(text, symbology=symbology)], today=TODAY)
    assert (found.kind, found.value, others) == ("gtin", gtin, [])


def test_a_digital_link_is_kept_without_its_query_and_other_addresses_are_not() -> None:
    link = "https://user:secret@ID.example.com/01/06901234567892/10/SY26J1807?17=290311&openid=o6_bmj#me"
    elements = (("01", "06901234567892"), ("10", "SY26J1807"), ("17", "290311"))
    found, others = read_codes([code(link, *elements, symbology="qr_code")], today=TODAY)
    assert {(each.kind, each.value) for each in found} == {
        ("gtin", "06901234567892"), ("lot", "SY26J1807"), ("expiry", "2029-03-11"),
        ("url", "https://id.example.com/01/06901234567892/10/SY26J1807"),
    }  # fmt: skip
    assert others == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("wxp://f2f0vK3example", "payment"),
        ("https://qr.alipay.com/fkx0123", "payment"),
        ("https://u.wechat.com/abcdef", "contact"),
        ("MECARD:N:Zhang San;TEL:13812345678;;", "contact"),
        ("BEGIN:VCARD\nN:Zhang", "contact"),
        ("tel:13812345678", "contact"),
        ("WIFI:S:home;P:secret;;", "network"),
        ("https://example.com/?phone=13812345678", "web_address"),
        ("13812345678", "number"),
        ("To Zhang San, Nanjing Road", "text"),
    ],
)
def test_of_other_codes_only_their_kind_is_kept(text: str, what: str) -> None:
    found, others = read_codes([code(text, symbology="qr_code")], today=TODAY)
    assert found == []
    assert [(each.symbology, each.what) for each in others] == [("qr_code", what)]


def test_what_cannot_be_printed_is_no_value_and_is_not_kept_beside_one() -> None:
    link = "https://id.example.com/\0/01/06901234567892"
    found, _ = read_codes([code(link, ("01", "06901234567892"), symbology="qr_code")], today=TODAY)
    assert [(each.kind, each.value) for each in surest_first(found)] == [("gtin", "06901234567892")]
    found, _ = read_codes([code("LOT:\0(L)A12B3", symbology="qr_code")], today=TODAY)
    assert [(each.kind, each.value, each.text) for each in surest_first(found)] == [("lot", "A12B3", "LOT: (L)A12B3")]
    assert surest_first([Finding("lot", "", "LOT", "qr_code", 0.9, BOX)]) == []


def test_words_in_a_code_are_read_like_a_label() -> None:
    found, others = read_codes([code("LOT:A12B3 EXP:20290311 TEL 13812345678", symbology="qr_code")], today=TODAY)
    assert [(each.kind, each.value, each.text) for each in found] == [
        ("lot", "A12B3", "LOT:A12B3"),
        ("expiry", "2029-03-11", "EXP 20290311"),
    ]
    assert others == []


def test_each_value_is_offered_once_by_its_surest_reading() -> None:
    print_, bars = Finding("lot", "A1", "LOT A1", "ocr", 0.9, BOX), Finding("lot", "A1", "(10)A1", "qr_code", 0.99, BOX)
    guess = Finding("expiry", "2029-03-11", "20290311", "ocr", 0.95, BOX, is_ambiguous=True)
    sure = Finding("expiry", "2029-03-11", "EXP 20290311", "ocr", 0.5, BOX)
    assert surest_first([print_, bars, guess, sure]) == [bars, sure]
    many = [Finding("lot", f"A{n}", "", "ocr", 0.5, BOX) for n in range(100)]
    assert len(surest_first(many)) == FINDINGS_MAX
    assert surest_first([Finding("lot", "A" * 121, "", "ocr", 0.5, BOX)]) == []
