"""Step 7: a regulator downloads the batch's dossier, in English and in Chinese."""

import hashlib
from pathlib import Path

from service.samples.driver.stage import Json, Stage, Step, StepFailed, ensure_that

LANGUAGES = ("en", "zh")


def report(stage: Stage, step: Step) -> list[Path]:
    """Ask for both dossiers, wait until they are ready, and write them into the home; return their paths."""
    asked = {language: _ask(stage, language) for language in LANGUAGES}
    return [_download(stage, step, language, report_id) for language, report_id in asked.items()]


def _ask(stage: Stage, language: str) -> str:
    body = {"kind": "batch_dossier", "subject_id": stage.known.batch_id, "language": language}
    report_id: str = stage.person("regulator").post("/reports", body)["id"]
    return report_id


def _download(stage: Stage, step: Step, language: str, report_id: str) -> Path:
    regulator = stage.person("regulator")

    def ready() -> Json | None:
        found: Json = regulator.get(f"/reports/{report_id}")
        if found["state"] == "failed":
            raise StepFailed("report_failed", f"the dossier was not made: {found['failure']}")
        return found if found["state"] == "ready" else None

    made = stage.wait(f"the dossier ({language}) is ready", ready)
    pdf = regulator.download(f"/reports/{report_id}/pdf").content
    ensure_that(hashlib.sha256(pdf).hexdigest() == made["pdf_sha256"], "the PDF is the one that was stored")
    file = stage.home / f"batch-dossier-{stage.run}-{language}.pdf"
    file.write_bytes(pdf)
    rows = made["rows"]
    told = f"{len(pdf):,} bytes; {rows['complaints']} complaints, {rows['orders']} orders"
    step.tell(f"dossier ({language})", made["reference"], told)
    step.facts |= {f"pdf_{language}": str(file), f"rows_{language}": rows}
    return file
