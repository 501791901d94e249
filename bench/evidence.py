"""What it costs to take in a photo: the whole of it, and the same pictures made with bare Pillow.

Ours is `files.intake.receive` on a running S3 server: judge, decode in a process apart, make view, thumbnail and
perceptual hash, hash the bytes, seal all three parts and store them. The rival decodes, resizes and encodes the same
two pictures in this process, as short as Pillow allows: no profile, no orientation, no hash, no store. Both take the
same photos in turns, one at a time. Processor time is that of all processes concerned: ours, the decoder's, the S3
server's; of the rival only its own.

`upload_rss_mb` is the service's memory while 20 clients send 20 MB each (`_uploads`).
"""

import asyncio
import io
import os
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from _run import Result, median, run
from _uploads import measure_uploads
from PIL import Image, ImageDraw, ImageFilter

from service.core.ids import new_id
from service.embedded.s3 import EmbeddedS3
from service.files import decoder
from service.files.images import ImageWorkshop
from service.files.intake import CaseKey, receive
from service.files.store import Store

SIZE = (4_000, 3_000)
JPEG_QUALITY = 92
SEED = 20_261_122


def measure(result: Result, *, quick: bool) -> None:
    """Compare the intake of 12-megapixel JPEGs with bare Pillow; then the service's memory amid large uploads."""
    asyncio.run(_measure(result, photos=3 if quick else 8, turns=3 if quick else 12))
    measure_uploads(result, quick=quick)


@dataclass
class Costs:
    """Seconds of a photo, one number a turn."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Intake:
    """What takes photos in."""

    store: Store
    workshop: ImageWorkshop
    key: CaseKey

    async def take(self, body: bytes) -> None:
        """Take in one photo, as an upload that was spooled to a file."""
        with tempfile.TemporaryFile() as source:
            source.write(body)
            received = await receive(self.store, self.workshop, self.key, source)
        assert received.derived is not None
        assert (received.derived.width_px, received.derived.height_px) == SIZE


async def _measure(result: Result, *, photos: int, turns: int) -> None:
    bodies = [make_photo(SEED + number) for number in range(photos)]
    result.note("photo_mb", sum(map(len, bodies)) / len(bodies) / 1e6, "MB")
    ours, bare = Costs(), Costs()
    async with _open_intake() as intake:
        await intake.take(bodies[0])  # warm: the decoder is up, the bucket has had its first write
        bare_pillow(bodies[0])
        for _ in range(turns):
            cpu, wall = _family_seconds(), time.perf_counter()
            for body in bodies:
                await intake.take(body)
            ours.cpu.append((_family_seconds() - cpu) / photos)
            ours.wall.append((time.perf_counter() - wall) / photos)
            cpu, wall = time.process_time(), time.perf_counter()
            for body in bodies:
                bare_pillow(body)
            bare.cpu.append((time.process_time() - cpu) / photos)
            bare.wall.append((time.perf_counter() - wall) / photos)
    for name, costs in (("ingest", ours), ("pillow", bare)):
        result.note(f"{name}_per_s_core", 1 / median(costs.cpu), "1/s")
        result.note(f"{name}_cpu_ms", median(costs.cpu) * 1_000, "ms")
        result.note(f"{name}_wall_ms", median(costs.wall) * 1_000, "ms")
    pairs = zip(bare.cpu, ours.cpu, strict=True)
    result.compare("ingest_vs_bare", median([rival / product for rival, product in pairs]))
    pairs = zip(bare.wall, ours.wall, strict=True)
    result.compare("ingest_vs_bare_wall", median([rival / product for rival, product in pairs]))


def bare_pillow(body: bytes) -> tuple[bytes, bytes]:
    """Make the same two pictures with Pillow alone: same sizes, filters, quality and effort."""
    with Image.open(io.BytesIO(body)) as photo:
        photo.thumbnail((decoder.VIEW_SIDE_MAX, decoder.VIEW_SIDE_MAX), decoder.FILTER)
        view = io.BytesIO()
        photo.save(view, "WEBP", quality=decoder.VIEW_QUALITY, method=decoder.WEBP_EFFORT)
        photo.thumbnail((decoder.THUMBNAIL_SIDE_MAX, decoder.THUMBNAIL_SIDE_MAX), decoder.FILTER)
        thumbnail = io.BytesIO()
        photo.save(thumbnail, "WEBP", quality=decoder.THUMBNAIL_QUALITY, method=decoder.WEBP_EFFORT)
    return view.getvalue(), thumbnail.getvalue()


def make_photo(seed: int) -> bytes:
    """Draw a JPEG of 12 megapixels with soft light, edges, print and the grain of a sensor."""
    chance = np.random.default_rng(seed)
    picture = Image.new("RGB", SIZE)
    for cells, strength in ((6, 1.0), (40, 0.35), (400, 0.15)):
        rough = chance.integers(0, 256, (cells * 3 // 4, cells, 3), dtype=np.uint8)
        layer = Image.fromarray(rough).resize(SIZE, Image.Resampling.BICUBIC)
        picture = Image.blend(picture, layer, strength)
    pen = ImageDraw.Draw(picture)
    for number in range(60):
        x, y = (int(chance.integers(0, side)) for side in SIZE)
        colour = tuple(int(level) for level in chance.integers(0, 256, 3))
        pen.rectangle((x, y, x + 300, y + 200), outline=colour, width=6)
        pen.text((x + 12, y + 40), f"LOT {seed % 997:03d}-{number:02d} EXP 2027-08", fill=colour, font_size=64)
    grain = Image.fromarray(chance.normal(128, 110, (SIZE[1], SIZE[0])).clip(0, 255).astype(np.uint8))
    grain = grain.filter(ImageFilter.GaussianBlur(0.8))
    picture = Image.blend(picture, Image.merge("RGB", [grain] * 3), 0.15)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


@asynccontextmanager
async def _open_intake() -> AsyncIterator[Intake]:
    with tempfile.TemporaryDirectory(prefix="fairhold-bench-") as folder:
        server = EmbeddedS3(Path(folder))
        access = server.start()
        store = Store(access.endpoint, access.access_key, access.secret_key, secure=False, prefix="bench")
        workshop = ImageWorkshop()
        try:
            await store.ensure_buckets()
            case = new_id()
            yield Intake(store, workshop, CaseKey(new_id(), new_id(), case, secrets.token_bytes(32)))
        finally:
            await workshop.close()
            store.close()
            server.stop()


def _family_seconds() -> float:
    """Processor seconds of this process and of all that it started, the ended ones too."""
    seconds, waiting = 0.0, [os.getpid()]
    while waiting:
        number = waiting.pop()
        try:
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            for task in Path(f"/proc/{number}/task").iterdir():
                waiting += [int(word) for word in (task / "children").read_text().split()]
        except OSError:  # it ended just now, and its parent counts it
            continue
        seconds += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return seconds


if __name__ == "__main__":
    run(measure, "evidence")
