"""Colour profiles that tests write themselves, and what their colours are in sRGB by arithmetic."""

import struct
from collections.abc import Callable, Sequence

import numpy as np

Colour = tuple[int, int, int]

# Columns of the matrices from linear RGB to XYZ under D50, as the profiles of these names carry them.
SRGB = ((0.43607, 0.38515, 0.14307), (0.22249, 0.71687, 0.06061), (0.01392, 0.09708, 0.71410))
DISPLAY_P3 = ((0.51512, 0.29198, 0.15710), (0.24120, 0.69225, 0.06657), (-0.00105, 0.04189, 0.78407))
ADOBE_RGB = ((0.60974, 0.20528, 0.14919), (0.31111, 0.62567, 0.06322), (0.01947, 0.06087, 0.74457))
GAMMA = 563 / 256  # of Adobe RGB; used for both, so that one formula tells what is right


def rgb_profile(matrix: Sequence[Sequence[float]], gamma: float = GAMMA) -> bytes:
    """A profile of three primaries and one curve."""
    columns = [_xyz(matrix[0][at], matrix[1][at], matrix[2][at]) for at in range(3)]
    tags = {name: columns[at] for at, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(gamma)))


def grey_profile(gamma: float) -> bytes:
    """A profile of grey with one curve."""
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": _curve(gamma)})


def cmyk_profile(lab_of: Callable[[int, int, int, int], tuple[int, int, int]]) -> bytes:
    """A printer's profile that knows the sixteen corners of CMYK by their Lab in bytes, and mixes between them."""
    straight = bytes(range(256))
    corners = [lab_of(at >> 3 & 1, at >> 2 & 1, at >> 1 & 1, at & 1) for at in range(16)]
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + identity
    table += straight * 4 + b"".join(map(bytes, corners)) + straight * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table})


def in_srgb(colour: Colour, matrix: Sequence[Sequence[float]], gamma: float = GAMMA) -> Colour:
    """What a colour of a profile is in sRGB, cut off where sRGB ends."""
    linear = (np.array(colour) / 255) ** gamma
    seen = np.linalg.solve(np.array(SRGB), np.array(matrix) @ linear).clip(0, 1)
    encoded = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    red, green, blue = (round(float(level) * 255) for level in encoded)
    return red, green, blue


def _profile(sort: bytes, colours: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    words = b"fairhold test"
    said = b"desc\0\0\0\0" + struct.pack(">I", len(words) + 1) + words + bytes(1 + 12 + 67)
    tags = {b"desc": said, b"wtpt": _xyz(0.9642, 1.0, 0.8249), b"cprt": b"text\0\0\0\0none\0"} | tags
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += padded
    head = struct.pack(">I4sI4s4s4s", 0, b"lcms", 0x02400000, sort, colours, connection)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061)
    made = head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(made)) + made[4:]


def _xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
