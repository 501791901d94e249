"""Malware is looked for before anything is stored, and without an answer nothing is taken."""

import io
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from minio import Minio

from service.core.errors import FairholdError, Invalid, Unavailable
from service.files.images import ImageWorkshop
from service.files.kinds import FILE_BYTES_MAX
from service.files.scanning import PIECE_BYTES, ClamdAddress, Scanner
from tests.files.clamds import EICAR, FakeClamd, real_clamd
from tests.files.pictures import quarters, saved
from tests.files.shelf import Shelf, names_in

PHOTO = saved(quarters(64, 48), "JPEG")
INFECTED = saved(quarters(64, 48), "JPEG", comment=EICAR)


@pytest.fixture
async def scanned(shelf: Shelf, clamd: FakeClamd) -> AsyncIterator[Shelf]:
    """A shelf whose workshop asks the fake clamd, and not for long."""
    workshop = ImageWorkshop(scanner=Scanner(ClamdAddress.parse(clamd.address), seconds=2))
    yield replace(shelf, workshop=workshop)
    await workshop.close()


@pytest.fixture(scope="module")
def real() -> Iterator[Scanner]:
    with tempfile.TemporaryDirectory(prefix="fh-clamd-") as folder, real_clamd(Path(folder)) as address:
        yield Scanner(ClamdAddress.parse(f"unix:{address}"))


async def refusal_of(scanner: Scanner, data: bytes) -> FairholdError:
    with pytest.raises(FairholdError) as refused:
        await scanner.scan(io.BytesIO(data))
    return refused.value


async def test_a_clean_file_is_shown_to_clamd_whole_and_taken(scanned: Shelf, clamd: FakeClamd) -> None:
    file_id = await scanned.add(PHOTO)
    assert clamd.seen == [PHOTO]
    assert (await scanned.view(file_id)).size_bytes == len(PHOTO)


async def test_an_infected_file_is_refused_and_nothing_of_it_is_kept(
    scanned: Shelf, clamd: FakeClamd, admin: Minio, prefix: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await scanned.take(INFECTED)
    assert (refused.value.code, dict(refused.value.facts)) == ("file_infected", {})
    assert clamd.seen == [INFECTED]
    for bucket in ("quarantine", "views", "evidence"):
        assert names_in(admin, prefix, bucket) == []
    assert await scanned.events() == []


@pytest.mark.parametrize(
    "answer",
    [b"", b"stream: Can't allocate memory ERROR\0", b"nonsense\0", b"stream: OK", b"\0", b"x" * 10_000, None],
)
async def test_without_a_clear_answer_nothing_is_taken(
    scanned: Shelf, clamd: FakeClamd, admin: Minio, prefix: str, answer: bytes | None
) -> None:
    clamd.answer = answer
    with pytest.raises(Unavailable) as refused:
        await scanned.take(PHOTO)
    assert refused.value.code == "scanner_unavailable"
    assert names_in(admin, prefix, "quarantine") == names_in(admin, prefix, "views") == []


async def test_a_clamd_that_takes_less_than_we_do_is_no_answer(scanned: Shelf, clamd: FakeClamd) -> None:
    clamd.bytes_max = 1_000
    scanner = Scanner(ClamdAddress.parse(clamd.address))
    for size in (1_001, 20 * PIECE_BYTES):  # said after the last byte, and while we still send
        refused = await refusal_of(scanner, secrets.token_bytes(size))
        assert (type(refused), refused.code) == (Unavailable, "scanner_unavailable")


@pytest.mark.parametrize("address", ["127.0.0.1:9", "unix:/nowhere/clamd.sock"])
async def test_a_clamd_that_is_not_there_lets_nothing_in(address: str) -> None:
    scanner = Scanner.of(address)
    assert scanner is not None
    assert (await refusal_of(scanner, PHOTO)).code == "scanner_unavailable"
    with pytest.raises(Unavailable):
        await scanner.check()


async def test_the_largest_file_goes_through_in_pieces(clamd: FakeClamd) -> None:
    data = secrets.token_bytes(FILE_BYTES_MAX)
    await Scanner(ClamdAddress.parse(clamd.address)).scan(io.BytesIO(data))
    assert clamd.seen == [data]


async def test_a_check_wants_clamds_own_word(clamd: FakeClamd) -> None:
    await Scanner(ClamdAddress.parse(clamd.address)).check()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("scanner:3310", ClamdAddress("scanner", 3310, "")),
        ("[::1]:3310", ClamdAddress("::1", 3310, "")),
        ("unix:/run/clamav/clamd.ctl", ClamdAddress("", 0, "/run/clamav/clamd.ctl")),
    ],
)
def test_an_address_is_a_host_with_its_port_or_a_socket(text: str, address: ClamdAddress) -> None:
    assert ClamdAddress.parse(text) == address


@pytest.mark.parametrize("text", ["scanner", "scanner:", ":3310", "scanner:0", "scanner:70000", "unix:relative"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        ClamdAddress.parse(text)


def test_without_a_setting_nobody_looks() -> None:
    assert Scanner.of("") is None


async def test_a_real_clamd_takes_a_photo_and_knows_eicar_in_one(real: Scanner) -> None:
    await real.check()
    await real.scan(io.BytesIO(PHOTO))
    for data in (EICAR, INFECTED):
        assert (await refusal_of(real, data)).code == "file_infected"


async def test_a_real_clamd_looks_at_the_largest_file_to_its_end(real: Scanner) -> None:
    clean = b"a" * (FILE_BYTES_MAX - len(EICAR))
    await real.scan(io.BytesIO(clean))
    assert (await refusal_of(real, clean + EICAR)).code == "file_infected"


async def test_a_real_clamd_that_gets_more_than_it_takes_is_no_answer(real: Scanner) -> None:
    assert (await refusal_of(real, bytes(27_000_000))).code == "scanner_unavailable"
