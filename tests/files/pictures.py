"""Pictures that tests make themselves."""

import random
import struct
import zlib
from io import BytesIO

from PIL import Image, ImageDraw

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 180, 60), (30, 60, 220), (255, 255, 255)


def quarters(width: int, height: int) -> Image.Image:
    """A picture with red top left, green top right, blue bottom left and white bottom right."""
    picture = Image.new("RGB", (width, height), WHITE)
    picture.paste(RED, (0, 0, width // 2, height // 2))
    picture.paste(GREEN, (width // 2, 0, width, height // 2))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    return picture


def noise(width: int, height: int, seed: int = 1) -> Image.Image:
    """A picture of colours by chance, which no format packs well."""
    return Image.frombytes("RGB", (width, height), random.Random(seed).randbytes(width * height * 3))


def scene(width: int, height: int, seed: int = 1) -> Image.Image:
    """A picture with what a photo has: soft light, fine grain, edges and print."""
    chance = random.Random(seed)
    picture = Image.new("RGB", (width, height))
    for cells, strength in ((6, 1.0), (50, 0.3), (max(width, height) // 3, 0.04)):
        layer = noise(cells, max(1, cells * height // width), chance.randrange(99))
        picture = Image.blend(picture, layer.resize((width, height), Image.Resampling.BICUBIC), strength)
    pen = ImageDraw.Draw(picture)
    for number in range(40):
        x, y, colour = chance.randrange(width), chance.randrange(height), chance.randrange(2**24)
        pen.rectangle((x, y, x + width // 12, y + height // 12), outline=colour, width=4)
        pen.text((x + 9, y + 9), f"LOT {number:03d}-A EXP 2027-08", fill=colour, font_size=max(10, width // 60))
    return picture


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    """The bytes of a picture in a format of Pillow's."""
    out = BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    """EXIF with an orientation, a maker, a GPS position and a comment."""
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x010F] = "Secret Maker"
    gps = made.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (31.0, 13.0, 49.0), "E", (121.0, 28.0, 25.0)
    return made


def png_bomb(side: int, colours: int = 0) -> bytes:
    """A small PNG that unpacks to side x side pixels: grey, or of PNG's colour type 2 (RGB), 4 (grey and alpha), 6."""
    packer = zlib.compressobj(9)
    row = bytes(side * {0: 1, 2: 3, 4: 2, 6: 4}[colours] + 1)
    rows = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def scan_bomb(side: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again: small to send, endless to decode."""
    plain = saved(Image.new("L", (side, side), 128), "JPEG", progressive=True)
    last = plain.rindex(b"\xff\xda")
    return plain[:last] + (plain[last:-2]) * scans + b"\xff\xd9"


def jpeg_claiming(width: int, height: int) -> bytes:
    """A small JPEG whose header claims other sides."""
    plain = saved(quarters(64, 48), "JPEG")
    at = plain.index(b"\xff\xc0") + 5
    return plain[:at] + struct.pack(">HH", height, width) + plain[at + 4 :]


def webp_claiming(side: int) -> bytes:
    """An extended WebP whose canvas claims to be a square of `side`."""
    canvas = b"\0\0\0\0" + (side - 1).to_bytes(3, "little") * 2
    bare = saved(quarters(64, 48), "WEBP")[12:]
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + canvas + bare
    return b"RIFF" + struct.pack("<I", len(body)) + body


def box_claiming(form: str, side: int) -> bytes:
    """A small HEIF or AVIF whose picture claims to be a square of `side`."""
    plain = bytearray(saved(quarters(64, 48), form))
    at = plain.index(b"ispe") + 8
    plain[at : at + 8] = struct.pack(">II", side, side)
    return bytes(plain)


def many_frames(form: str, count: int) -> bytes:
    """A file of many small pictures, none like the one before: an animation, or a file of several photos."""
    frames = [Image.new("RGB", (16, 16), (number * 7 % 256, number * 31 % 256, 99)) for number in range(count)]
    exact = {"lossless": True, "minimize_size": False} if form == "WEBP" else {}
    return saved(frames[0], form, save_all=True, append_images=frames[1:], **exact)


def png_with(name: bytes, body: bytes) -> bytes:
    """A small PNG with one more chunk, behind its header."""
    plain = saved(quarters(64, 48), "PNG")
    return plain[:33] + _chunk(name, body) + plain[33:]


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
