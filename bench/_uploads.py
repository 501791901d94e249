"""Memory of the service (`upload_rss_mb`) while 20 clients send a photo of 20 MB each at once.

Once as forms to the service, once by forms of the storage and their completion. The figure is the serving process's own
high-water mark over both rounds, which the kernel keeps (VmHWM); decoders and storage are processes of their own. Each
client sends another photo. With `--quick` four clients send, and the figure is printed under another name.
"""

import http.client
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from _run import Result
from _shop import Shop, open_shop
from PIL import Image

CLIENTS = 20
QUICK_CLIENTS = 4
FILE_BYTES = 20_000_000
SIDES_PX = (4_000, 3_000)
PIECE_BYTES = 2**16
ANSWER_SECONDS_MAX = 600.0
BOUNDS = "fairhold-bench"
SEGMENT_BYTES_MAX = 65_535
MEGABYTE = 2**20


def measure_uploads(result: Result, *, quick: bool) -> None:
    """Measure the service's memory while many clients upload at once."""
    clients = QUICK_CLIENTS if quick else CLIENTS
    with tempfile.TemporaryDirectory(prefix="fh-bench-") as folder, open_shop(Path(folder)) as shop:
        picture = noise()
        worker = serving_process(shop.processes["serve"].popen.pid)
        result.note("idle_rss_mb", memory_mb(worker, "VmRSS"), "MB")
        for name, send in (("direct", send_directly), ("presigned", send_by_form)):
            cases = shop.drafts(clients, name)
            began = time.monotonic()
            at_once([(send, shop, case, photo(picture, f"{name} {place}")) for place, case in enumerate(cases)])
            result.note(f"{name}_s", time.monotonic() - began, "s")
            result.note(f"peak_rss_after_{name}_mb", memory_mb(worker, "VmHWM"), "MB")
        stored = shop.rows("SELECT count(*) FROM stored_file WHERE size_bytes = %(size)s", {"size": FILE_BYTES})
        if stored != [(2 * clients,)]:
            raise RuntimeError(f"{stored} files were stored")
        key = f"upload_rss_{clients}_clients_mb" if quick else "upload_rss_mb"
        result.note(key, memory_mb(worker, "VmHWM"), "MB")


Send = Callable[[Shop, UUID, Sequence[bytes]], None]


def at_once(sends: Sequence[tuple[Send, Shop, UUID, Sequence[bytes]]]) -> None:
    """Let every client send its photo at the same time; raises if one is refused."""
    with ThreadPoolExecutor(len(sends)) as pool:
        for sent in [pool.submit(send, shop, case, parts) for send, shop, case, parts in sends]:
            sent.result()


def send_directly(shop: Shop, case: UUID, parts: Sequence[bytes]) -> None:
    """One form with one photo to the service."""
    post(shop.settings.public_url, f"/api/v1/complaints/{case}/evidence", shop.buyer_key, fields={}, file=parts)


def send_by_form(shop: Shop, case: UUID, parts: Sequence[bytes]) -> None:
    """Ask for a form, send the photo to the storage by it, say that it is there."""
    base = f"/api/v1/complaints/{case}/uploads"
    told = msgspec.json.decode(post(shop.settings.public_url, base, shop.buyer_key))
    address = urlsplit(told["url"])
    post(f"{address.scheme}://{address.netloc}", address.path, "", fields=told["fields"], file=parts, name="file")
    post(shop.settings.public_url, f"{base}/{told['id']}/completion", shop.buyer_key)


def post(
    address: str,
    path: str,
    key: str,
    *,
    fields: dict[str, str] | None = None,
    file: Sequence[bytes] = (),
    name: str = "files",
) -> bytes:
    """POST an empty JSON object, or a form whose file goes out in pieces; return the answer's body."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body: list[bytes] = [b"{}"]
    if fields is None:
        headers["Content-Type"] = "application/json"
    else:
        headers["Content-Type"] = f"multipart/form-data; boundary={BOUNDS}"
        body = [
            *(_field(*each) for each in fields.items()),
            _field(name, None),
            *file,
            f"\r\n--{BOUNDS}--\r\n".encode(),
        ]
    headers["Content-Length"] = str(sum(map(len, body)))
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=ANSWER_SECONDS_MAX)
    try:
        connection.request("POST", path, body=pieces(body), headers=headers)
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    if answer.status >= http.client.BAD_REQUEST:
        raise RuntimeError(f"{path}: {answer.status} {said[:500]!r}")
    return said


def pieces(parts: Sequence[bytes]) -> Iterator[bytes]:
    """Give the parts in small pieces."""
    for part in parts:
        for start in range(0, len(part), PIECE_BYTES):
            yield part[start : start + PIECE_BYTES]


def _field(name: str, value: str | None) -> bytes:
    """Return a field, or without a value the head of the file."""
    head = f'--{BOUNDS}\r\nContent-Disposition: form-data; name="{name}"'
    if value is None:
        return f'{head}; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'.encode()
    return f"{head}\r\n\r\n{value}\r\n".encode()


def noise() -> bytes:
    """Return a JPEG of 12 megapixels that hardly compresses."""
    bands = [
        Image.frombytes("L", SIDES_PX, random.Random(band).randbytes(SIDES_PX[0] * SIDES_PX[1])) for band in range(3)
    ]
    out = BytesIO()
    Image.merge("RGB", bands).save(out, "JPEG", quality=70)
    return out.getvalue()


def photo(picture: bytes, remark: str) -> list[bytes]:
    """Return a JPEG of exactly `FILE_BYTES`, in two parts: the picture with remarks in front."""
    left, remarks = FILE_BYTES - len(picture), []
    if left < len(remark) + 4:
        raise RuntimeError(f"the picture alone has {len(picture)} bytes")
    while left:
        size = min(SEGMENT_BYTES_MAX + 2, left if left <= SEGMENT_BYTES_MAX + 2 else left - 4)
        said = remark.encode()[: size - 4].ljust(size - 4)
        remarks.append(b"\xff\xfe" + (size - 2).to_bytes(2, "big") + said)
        left -= size
    return [picture[:2] + b"".join(remarks), picture[2:]]


def serving_process(parent: int) -> int:
    """Return the process that serves: the largest that `fairhold serve` has started."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return max((int(each) for each in children), key=lambda each: memory_mb(each, "VmRSS"))


def memory_mb(process: int, what: str) -> float:
    """Return a figure of a process's memory in megabytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))
    return kilobytes * 1024 / MEGABYTE
