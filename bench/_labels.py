"""Photos of pack labels, drawn from a seed: lot, days and name in both languages, in eleven conditions.

Six are what a careful buyer sends: clean, leaning, blurred, on foil, light on dark, turned. Five are hard: printed in
dots as ink-jets on the line do, faint, small, smeared by a moving hand, and foil with a glare over part of the print.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pylopdf_fonts_zh_cn
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FAIR = ("clean", "leaning", "blurred", "foil", "dark", "turned")
HARD = ("dots", "faint", "small", "smeared", "glare")
CONDITIONS = FAIR + HARD
WIDTH, HEIGHT = 1_600, 1_200
_WHEEL = Path(pylopdf_fonts_zh_cn.__file__).parent
_MACHINE = Path("/usr/share/fonts")
_NAMES = {
    "en": ("Hydrating Sheet Mask", "Goat Milk Powder 900 g", "Vitamin C Serum", "Rice Noodles 400 g", "Baby Lotion"),
    "zh": ("素云补水面膜", "牧羊羊奶粉900克", "维生素C精华液", "桂林米粉", "婴儿润肤乳"),
}  # fmt: skip
_LOT_LABELS = {
    "en": ("LOT ", "LOT: ", "Lot No. ", "Batch No.: ", "BATCH ", "B/N: "),
    "zh": ("批号：", "生产批号：", "产品批号 ", "批次号："),
}
_MADE_LABELS = {"en": ("MFG ", "MFG DATE: ", "Manufactured "), "zh": ("生产日期：", "制造日期：", "生产日期 ")}
_EXPIRY_LABELS = {"en": ("EXP ", "EXP DATE: ", "Use by "), "zh": ("限用日期：", "有效期至：", "有效期至 ")}
_FORMATS = {
    "en": ("%Y.%m.%d", "%Y-%m-%d", "%Y%m%d", "%d %b %Y"),
    "zh": ("%Y.%m.%d", "%Y/%m/%d", "%Y%m%d", "%Y年%m月%d日"),
}
_LETTERS, _DIGITS = "ABCDEFGHJKLMNPQRSTUVWXYZ", "0123456789"


@dataclass(frozen=True)
class Label:
    """A drawn label and what stands on it."""

    picture: Image.Image
    language: str
    condition: str
    name: str
    lot: str
    made_on: date
    expiry: date


def draw(number: int, *, today: date) -> Label:
    """Return label `number`; the same number gives the same label on machines with the same fonts."""
    chance = random.Random(number)
    language, condition = ("en", "zh")[number % 2], CONDITIONS[number // 2 % len(CONDITIONS)]
    made = today - timedelta(days=chance.randrange(30, 700))
    expiry = made + timedelta(days=chance.choice((365, 730, 1_095)) + 365)
    name, lot = chance.choice(_NAMES[language]), _lot(chance)
    style = chance.choice(_FORMATS[language])
    lines = [
        chance.choice(_LOT_LABELS[language]) + lot,
        chance.choice(_MADE_LABELS[language]) + made.strftime(style).upper(),
        chance.choice(_EXPIRY_LABELS[language]) + expiry.strftime(style).upper(),
    ]
    chance.shuffle(lines)
    size = chance.randrange(13, 21) if condition == "small" else chance.randrange(30, 56)
    font = ImageFont.truetype(chance.choice(fonts(language)), size)
    return Label(_photo([name, *lines], font, condition, chance), language, condition, name, lot, made, expiry)


def fonts(language: str) -> list[Path]:
    """Return the fonts of the machine, and of the font wheel, that hold the language's letters."""
    found = sorted(_WHEEL.glob("Noto*.otf")) + sorted(_MACHINE.rglob("Noto*CJK-*.ttc"))
    if language == "en":
        names = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSerif", "NotoSans-Regular", "NotoSans-Bold",
                 "NotoSerif-Regular", "NotoSansMono-Regular", "LiberationMono-Regular")  # fmt: skip
        found += sorted(path for name in names for path in _MACHINE.rglob(f"{name}.ttf"))
    return found


def _lot(chance: random.Random) -> str:
    """Return a lot as makers write them: letters and digits, digits with a letter, or a day with a shift."""

    def some(letters: str, count: int) -> str:
        return "".join(chance.choice(letters) for _ in range(count))

    forms: tuple[Callable[[], str], ...] = (
        lambda: some(_LETTERS, 2) + some(_DIGITS, 2) + some(_LETTERS, 1) + some(_DIGITS, 4),
        lambda: some(_DIGITS, 6) + some(_LETTERS, 1),
        lambda: some(_LETTERS, 1) + some(_DIGITS, 5),
        lambda: some(_LETTERS, 2) + "-" + some(_DIGITS, 4),
        lambda: (
            "2026" + f"{chance.randrange(1, 11):02}{chance.randrange(1, 29):02}" + some(_LETTERS, 1) + some(_DIGITS, 1)
        ),
        lambda: some("123456789", 1) + some(_DIGITS, 7),
    )
    return chance.choice(forms)()


def _photo(lines: list[str], font: ImageFont.FreeTypeFont, condition: str, chance: random.Random) -> Image.Image:
    ink, ground = _colours(condition, chance)
    is_foil = condition in {"foil", "glare"}
    picture = _foil(chance) if is_foil else Image.new("RGB", (WIDTH, HEIGHT), ground)
    pen, y = ImageDraw.Draw(picture), chance.randrange(180, 320)
    x = chance.randrange(150, 400)
    for number, line in enumerate(lines):
        if condition == "dots" and number:
            _dotted(pen, (x, y), line, font, ink)
        else:
            pen.text((x, y), line, font=font, fill=ink)
        y += round(font.size * chance.uniform(1.6, 2.2))
    if condition == "glare":
        picture = _glared(picture, x, y, chance)
    if condition == "leaning":
        angle = chance.choice((-1, 1)) * chance.uniform(5, 18)
        picture = picture.rotate(angle, Image.Resampling.BICUBIC, fillcolor=ground)
    elif condition == "turned":
        picture = picture.rotate(chance.choice((90, 180, 270)), expand=True)
    elif condition == "smeared":
        picture = _smeared(picture, chance.randrange(9, 18))
    blur = chance.uniform(1.5, 2.6) if condition == "blurred" else chance.uniform(0.3, 0.9)
    picture = picture.filter(ImageFilter.GaussianBlur(blur))
    return _noisy(picture, 14.0 if is_foil else 5.0, chance)


def _colours(condition: str, chance: random.Random) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Return the ink's and the ground's colour."""
    if condition == "dark":
        return (235, 232, 225), (38, 40, 46)
    if condition == "faint":
        grey = chance.randrange(196, 218)  # 15 to 37 of 255 darker than the ground
        return (grey, grey - 2, grey - 4), (236, 233, 226)
    return (40, 38, 36), (236, 233, 226)


def _dotted(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], line: str, font: ImageFont.FreeTypeFont, ink: tuple[int, int, int]
) -> None:
    """Draw a line in dots: seven of them to the height of a capital, sixteen for Chinese."""
    rows = 16 if any(ord(letter) > 0x2E80 for letter in line) else 10
    size, step = font.size, font.size / rows
    mask = Image.new("L", (round(font.getlength(line)) + 4, round(size * 1.4)))
    ImageDraw.Draw(mask).text((0, 0), line, font=font, fill=255)
    small = np.asarray(mask.resize((round(mask.width / step), round(mask.height / step)), Image.Resampling.BOX))
    radius = step * 0.42
    for row, column in np.argwhere(small > 80):
        x, y = at[0] + column * step, at[1] + row * step
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)


def _smeared(picture: Image.Image, length: int) -> Image.Image:
    """Return the picture as a hand that moved sideways by so many pixels took it."""
    grey = np.asarray(picture).astype(np.float32)
    moved = [np.roll(grey, shift, axis=1) for shift in range(-(length // 2), length - length // 2)]
    return Image.fromarray((sum(moved) / length).astype(np.uint8))


def _glared(picture: Image.Image, right: int, bottom: int, chance: random.Random) -> Image.Image:
    """Return the picture with a streak of light across the print, which leaves a tenth to a third of its contrast."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    lean, middle = chance.uniform(-0.6, 0.6), right + chance.uniform(80, 420)
    away = (across - middle - lean * (down - bottom / 2)) / chance.uniform(40, 110)
    light = chance.uniform(0.66, 0.9) * np.exp(-(away**2))[:, :, None]
    return Image.fromarray((np.asarray(picture) * (1 - light) + 252 * light).astype(np.uint8))


def _foil(chance: random.Random) -> Image.Image:
    """Return a shining ground: waves of light and dark across it."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = sum(
        chance.uniform(8, 22)
        * np.sin((across * chance.uniform(-1, 1) + down * chance.uniform(-1, 1)) / chance.uniform(25, 140))
        for _ in range(5)
    )
    grey = np.clip(178 + waves, 95, 250)[:, :, None] * np.array([1.0, 0.98, 0.95])
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


def _noisy(picture: Image.Image, sigma: float, chance: random.Random) -> Image.Image:
    noise = np.random.default_rng(chance.randrange(2**32)).normal(0, sigma, (picture.height, picture.width, 1))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))
