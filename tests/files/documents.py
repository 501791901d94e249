"""PDFs that tests make themselves, good and hostile."""

import zlib
from collections.abc import Mapping
from io import BytesIO

import pikepdf

END = b"%%EOF\n"


def pdf(pages: int, **options: object) -> bytes:
    """A PDF of empty pages, saved by qpdf with its options."""
    out = BytesIO()
    with pikepdf.new() as document:
        for _ in range(pages):
            document.add_blank_page()
        document.save(out, **options)
    return out.getvalue()


def protected(user: str = "secret") -> bytes:
    """A PDF that asks for a password, or for none to read it if `user` is empty."""
    return pdf(1, encryption=pikepdf.Encryption(owner="owner", user=user))


def written(objects: Mapping[int, bytes], *, root: int = 1) -> bytes:
    """A PDF of these very objects, with a right cross-reference table and without a library's care."""
    out, places = bytearray(b"%PDF-1.7\n"), {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, last = len(out), max(objects)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (last + 1)
    for number in range(1, last + 1):
        out += b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 65535 f \n"
    out += b"trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%d\n%s" % (last + 1, root, start, END)
    return bytes(out)


def active(action: bytes) -> bytes:
    """A PDF of one page that does something when it is opened."""
    catalog = b"<< /Type /Catalog /Pages 2 0 R /OpenAction %s >>" % action
    return written({1: catalog, 2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", 3: PAGE})


def packed(plain: bytes, *, times: int = 1) -> bytes:
    """A stream object, packed by Flate `times` over."""
    for _ in range(times):
        plain = zlib.compress(plain, 9)
    filters = b" ".join([b"/FlateDecode"] * times)
    return b"<< /Length %d /Filter [%s] >>\nstream\n%s\nendstream" % (len(plain), filters, plain)


def object_stream_bomb(megabytes: int) -> bytes:
    """A PDF whose catalogue lies in an object stream that unpacks to `megabytes`."""
    inside = b"1 0 << /Type /Catalog /Pages 2 0 R >>" + b" " * (megabytes * 1_000_000)
    body = zlib.compress(zlib.compress(inside, 1), 9)
    stream = b"<< /Type /ObjStm /N 1 /First 4 /Length %d /Filter [/FlateDecode /FlateDecode] >>" % len(body)
    out = bytearray(b"%PDF-1.7\n")
    places = {}
    for number, said in (
        (2, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"),
        (3, PAGE),
        (4, stream + b"\nstream\n" + body + b"\nendstream"),
    ):
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, said)
    start = len(out)
    rows = [(0, 0, 65535), (2, 4, 0), *((1, places[number], 0) for number in (2, 3, 4)), (1, start, 0)]
    table = b"".join(kind.to_bytes(1) + at.to_bytes(4) + more.to_bytes(2) for kind, at, more in rows)
    head = b"<< /Type /XRef /Size 6 /W [1 4 2] /Root 1 0 R /Length %d >>" % len(table)
    out += b"5 0 obj\n%s\nstream\n%s\nendstream\nendobj\nstartxref\n%d\n%s" % (head, table, start, END)
    return bytes(out)


PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>"
CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
ONE_PAGE = {1: CATALOG, 2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", 3: PAGE}
