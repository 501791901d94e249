"""What becomes of a file, and what that costs: for the tests that send many of them."""

import time
from dataclasses import dataclass
from pathlib import Path

from service.core.errors import FairholdError
from service.files.images import Derivatives, ImageWorkshop
from service.files.kinds import HEAD_BYTES, TAIL_BYTES, Kind, check_size, sniff

SHOWN = "shown"
SECONDS_MAX = 10.0
SLACK_SECONDS = 1.0  # for the answer's way through a busy machine
MEMORY_MB_MAX = 512


@dataclass(frozen=True, slots=True)
class Outcome:
    """`code` is `SHOWN` or why the file was refused; `made` is what people see of a photo."""

    code: str
    seconds: float
    made: Derivatives | None = None


def sniff_whole(data: bytes) -> Kind:
    """Check size and kind of a file held in memory; raises as `check_size` and `sniff` do."""
    check_size(len(data))
    return sniff(data[:HEAD_BYTES], data[-TAIL_BYTES:])


async def judge(workshop: ImageWorkshop, data: bytes) -> Outcome:
    """Judge a file as taking it in does; anything but a refusal with a code comes out as it is."""
    started = time.monotonic()
    made: Derivatives | None = None
    try:
        kind = sniff_whole(data)
        if kind.is_photo:
            made = await workshop.derive(data, kind)
        else:
            assert await workshop.count_pages(data) > 0
    except FairholdError as refusal:
        return Outcome(refusal.code, time.monotonic() - started)
    return Outcome(SHOWN, time.monotonic() - started, made)


def peak_mb(workshop: ImageWorkshop) -> float:
    """The most memory that a decoder which is still alive has ever had resident, in MiB; 0 where there is no /proc."""
    peaks = [0.0]
    for worker in workshop._idle:
        status = Path(f"/proc/{worker._process.pid}/status")
        if status.exists():
            peaks += [int(line.split()[1]) / 1_024 for line in status.read_text().splitlines() if "VmHWM" in line]
    return max(peaks)
