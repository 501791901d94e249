"""Chinese on a machine that has no Chinese font."""

import os
import subprocess
import sys
from pathlib import Path

from tests.reports.reading import pressed, text_of

ROOT = Path(__file__).parents[2]
DRAW = (
    "import sys; from reports.render import render_dossier; from tests.reports.suyun import suyun_facts;"
    "sys.stdout.buffer.write(render_dossier(suyun_facts(), sys.argv[1]))"
)
ONLY_DEJAVU = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig><dir>/usr/share/fonts/truetype/dejavu</dir><cachedir>{cache}</cachedir></fontconfig>"""


def test_the_wheels_font_is_embedded_where_the_machine_has_none(tmp_path: Path) -> None:
    config = tmp_path / "fonts.conf"
    config.write_text(ONLY_DEJAVU.format(cache=tmp_path / "cache"))
    for language, expected in (("zh", "素芸补水面膜"), ("en", "Suyun Hydrating Sheet Mask")):
        drawn = subprocess.run(
            [sys.executable, "-c", DRAW, language],
            cwd=ROOT,
            env={**os.environ, "FONTCONFIG_FILE": str(config)},
            capture_output=True,
            check=True,
            timeout=100,
        )
        assert b"notdef" not in drawn.stderr
        assert pressed(expected) in pressed(text_of(drawn.stdout))
        assert b"CJK" not in drawn.stdout
