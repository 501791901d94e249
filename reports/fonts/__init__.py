"""The fonts of the PDFs. Latin: Noto Sans where the machine has it, else DejaVu Sans.

Chinese: Noto Sans CJK SC where the machine has it (Regular and Bold), else the full Noto Sans SC Regular that comes
as a wheel, under the name "Fairhold Han". The wheel has no Bold, so there headings are Regular. No font file lies in
this repository. Subset web fonts are of no use: WeasyPrint ignores `unicode-range` and would print wrong glyphs.
"""

from functools import cache
from pathlib import Path

import pylopdf_fonts_zh_cn
from fontTools.ttLib import TTFont  # type: ignore[import-untyped] # it ships no types


def han_path() -> Path:
    """Return the wheel's Noto Sans SC (OpenType, all glyphs; SIL Open Font License)."""
    return Path(pylopdf_fonts_zh_cn.sans_path())


@cache
def han_characters() -> frozenset[int]:
    """Return the code points that the wheel's font can draw; it is there on every machine."""
    with TTFont(han_path(), lazy=True) as font:
        return frozenset(font.getBestCmap())
