"""What stands on a dossier's pages, and what kind of file it is."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
from pypdf import PdfReader

from reports.data import load_json
from reports.facts import DossierFacts, Language
from reports.render import render_dossier
from tests.reports.reading import pressed, text_of
from tests.reports.suyun import CHAIN_HEAD

Opened = Callable[[Language], PdfReader]
Rendered = Callable[[Language], bytes]
ROOT = Path(__file__).parents[2]
DIGEST_OF_BOTH = (
    "import hashlib; from reports.render import render_dossier; from tests.reports.suyun import suyun_facts;"
    "print([hashlib.sha256(render_dossier(suyun_facts(), name)).hexdigest() for name in ('en', 'zh')])"
)


def test_the_english_dossier_says_what_was_found_and_what_it_does_not_prove(opened: Opened) -> None:
    text = text_of(opened("en"))
    for expected in (
        "Suyun Hydrating Sheet Mask",
        "Batch dossier · lot SY26J1807",
        "Payments on hold since 24 November 2026, 16:02 Beijing time. CNY 151,680.00 in 412 payments",
        "As of 26 November 2026, 12:00 Beijing time",
        "batch = SY26J1807, with descendants",
        "23 complaints, 61 pieces of evidence, 1,312 orders",
        "R-2026-00871",
        "Official: regulator only",
        "Nineteen verified buyers from four shops reported a problem with this batch within four days.",
        "Seventeen of 23 complaints are filed under “Burning or rash”.",
        "On 24 November the lower bound passed the limit (twice the base) and payments were held.",
        "Total 1,312 501,600.00 349,920.00 151,680.00 412",
        "Balanced at seal 1,204,551.",
        "They do not prove causation.",
        "This edition carries no signature.",
    ):
        assert expected in text
    assert CHAIN_HEAD in pressed(text)
    assert "1,210 sold · 6 buyers" in text


def test_the_chinese_dossier_says_the_same_in_chinese(opened: Opened) -> None:
    text = pressed(text_of(opened("zh")))
    for expected in (
        "素芸补水面膜",
        "货款自2026年11月24日16:02（北京时间）起冻结，412笔共¥151,680.00尚未付出。",
        "数据截至2026年11月26日12:00（北京时间）",
        "投诉23起，证据61件，订单1,312笔",
        "四天之内，来自四家店铺的19名已核实买家投诉了本批次。",
        "11月24日区间下限超过界限（基准的两倍），货款随即冻结。",
        "小禾护肤201",
        "合计1,312501,600.00349,920.00151,680.00412",
        "不能据此认定因果关系",
        f"链首{CHAIN_HEAD}",
    ):
        assert expected in text
    assert "CNY" not in text


def test_a_signed_edition_says_when_and_what_the_signature_covers(suyun: DossierFacts) -> None:
    text = text_of(render_dossier(replace(suyun, signed_at=suyun.as_of), "en"))
    assert "Signed by Fairhold on 26 November 2026, 12:00 Beijing time. The signature covers the whole file" in text
    assert "no signature" not in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_data_are_attached_as_json_and_csv_and_read_back(
    opened: Opened, suyun: DossierFacts, language: Language
) -> None:
    attached = {name: content[0] for name, content in opened(language).attachments.items()}
    assert sorted(attached) == ["dossier.csv", "dossier.json", "money.csv"]
    assert load_json(attached["dossier.json"], {photo.code: photo.image or b"" for photo in suyun.photos}) == suyun
    assert json.loads(attached["dossier.json"])["product"] == {"en": "Suyun Hydrating Sheet Mask", "zh": "素芸补水面膜"}
    rows = list(csv.DictReader(io.StringIO(attached["dossier.csv"].decode("utf-8-sig"))))
    held = [row["value"] for row in rows if row["section"] == "money_by_shop" and row["measure"] == "held"]
    assert held == ["38400.00", "37200.00", "31200.00", "28800.00", "16080.00"]
    assert {row["name_zh"] for row in rows} >= {"素芸补水面膜", "小禾护肤", "批号"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_file_is_a_tagged_pdf_a_3u_with_its_data_as_associated_files(
    rendered: Rendered, language: Language
) -> None:
    with pikepdf.open(io.BytesIO(rendered(language))) as pdf:
        root = pdf.Root
        with pdf.open_metadata() as metadata:
            assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "U")
        assert root.MarkInfo.Marked
        assert root.StructTreeRoot.K[0].S == "/Document"
        assert str(root.Lang) == {"en": "en", "zh": "zh-Hans-CN"}[language]
        assert root.OutputIntents[0].S == "/GTS_PDFA1"
        assert {str(file.AFRelationship) for file in root.AF} == {"/Data"}
        assert [str(file.UF) for file in root.AF] == ["dossier.csv", "dossier.json", "money.csv"]
        assert [str(name) for name in list(root.Names.EmbeddedFiles.Names)[::2]] == [
            "dossier.csv",
            "dossier.json",
            "money.csv",
        ]
        images = [item for item in pdf.objects if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == "/Image"]
        assert len(images) == 3
        assert not any(bool(image.get("/Interpolate", False)) for image in images)
        figures = [item for item in pdf.objects if isinstance(item, pikepdf.Dictionary) and item.get("/S") == "/Figure"]
        assert len(figures) == 9
        assert all(str(figure.Alt) for figure in figures)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_font_is_embedded_and_every_glyph_has_its_letter(rendered: Rendered, language: Language) -> None:
    with pikepdf.open(io.BytesIO(rendered(language))) as pdf:
        dictionaries = [item for item in pdf.objects if isinstance(item, pikepdf.Dictionary)]
        descriptors = [item for item in dictionaries if item.get("/Type") == "/FontDescriptor"]
        assert descriptors
        assert all("/FontFile2" in item or "/FontFile3" in item for item in descriptors)
        assert all("/ToUnicode" in item for item in dictionaries if item.get("/Subtype") == "/Type0")


def test_the_outline_has_every_numbered_heading(opened: Opened) -> None:
    titles = [item.title for item in opened("en").outline if not isinstance(item, list)]
    assert [title[:1] for title in titles if title[:1].isdigit()] == list("1234567891")


def test_two_processes_draw_the_same_bytes() -> None:
    first, second = (
        subprocess.run(
            [sys.executable, "-c", DIGEST_OF_BOTH], cwd=ROOT, capture_output=True, text=True, check=True, timeout=100
        ).stdout
        for _ in range(2)
    )
    assert first == second
    assert len(first) > 128


def test_dates_and_identifier_come_from_the_facts(rendered: Rendered, suyun: DossierFacts) -> None:
    with pikepdf.open(io.BytesIO(rendered("en"))) as pdf:
        identifier = bytes(pdf.trailer.ID[0])
        assert str(pdf.docinfo.CreationDate) == "D:20261126040000Z"
        assert {str(file.EF.F.Params.CreationDate) for file in pdf.Root.AF} == {"D:20261126040000Z"}
    with pikepdf.open(io.BytesIO(render_dossier(replace(suyun, reference="R-2026-00872"), "en"))) as other:
        assert bytes(other.trailer.ID[0]) != identifier


def test_letter_paper_is_drawn_on_letter(suyun: DossierFacts) -> None:
    reader = PdfReader(io.BytesIO(render_dossier(suyun, "en", "Letter")))
    assert {(round(page.mediabox.width), round(page.mediabox.height)) for page in reader.pages} == {(612, 792)}
