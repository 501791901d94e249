"""Trains a model on what people said of matches, and holds it against the one in force."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from service.complaints import rules
from service.complaints.labels import Label, labels
from service.complaints.matching.calibrate import Model
from service.complaints.matching.cases import FOLDS
from service.complaints.matching.evaluate import CrossFitted, Source, cross_fit
from service.complaints.matching.labelled import Labelled, check_registry, read_labelled
from service.complaints.matching.measures import Answer, service_figures, worse_in
from service.complaints.matching.retrieve import registered
from service.complaints.matching.shelf import read_registry
from service.complaints.matching.train import Told
from service.complaints.models import ModelView, current_model, model_in_force
from service.core.errors import Conflict
from service.core.names import name_key
from service.db.session import Tx


@dataclass(frozen=True, slots=True)
class Lessons:
    """What a model is to be trained on, and the model in force, which answers the same complaints."""

    sources: Sequence[Source]
    trained_on: Mapping[str, Any]
    in_force: ModelView
    model: Model


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model and the report that says how it compares."""

    content: Mapping[str, Any]
    report: Mapping[str, Any]


async def lessons(tx: Tx, files: tuple[Path, Path] | None) -> Lessons:
    """Return the labels of the database and the complaints of (registry, complaints) files, if there are enough.

    Raises `Invalid` for what is wrong with a file, `Conflict` ("labels_too_few").
    """
    hashes: list[dict[str, str]] = []
    sources: list[Source] = []
    if files is not None:  # before the first statement, so that no transaction waits for files
        registry, complaints = files
        check_registry(registry)
        sources.append(Source(read_registry(registry), read_labelled(complaints, needs_truth=True)))
        hashes = [{"name": each.name, "sha256": sha256(each.read_bytes()).hexdigest()} for each in files]
    said = await labels(tx)
    if said:
        sources.insert(0, Source(await registered(tx), [_labelled(each) for each in said]))
    known = [one for source in sources for one in source.complaints]
    check_enough(known)
    trained_on = {
        "complaints": len(known),
        "labels": len(said),
        "labels_by": dict(sorted(Counter(each.by for each in said).items())),
        "registered": sum(bool(one.batch) for one in known),
        "languages": dict(sorted(Counter(one.query.lang for one in known).items())),
        "files": hashes,
    }
    return Lessons(sources, trained_on, await model_in_force(tx), await current_model(tx))


def check_enough(known: Sequence[Labelled]) -> None:
    """Raise `Conflict` ("labels_too_few") unless there are enough complaints, and products among them, to learn."""
    products = len({one.product for one in known if one.batch})
    if len(known) < rules.LABELS_MIN or products < rules.LABELLED_PRODUCTS_MIN:
        raise Conflict(
            "labels_too_few",
            f"there are {len(known)} labelled complaints about {products} registered products; at least"
            f" {rules.LABELS_MIN} about {rules.LABELLED_PRODUCTS_MIN} are needed. Files may be added with --registry"
            " and --complaints",
            labels=len(known),
            labels_needed=rules.LABELS_MIN,
            products=products,
            products_needed=rules.LABELLED_PRODUCTS_MIN,
        )


def train_on(given: Lessons, told: Told) -> Trained:
    """Train, and judge the new model and the one in force on the same folds; takes minutes and writes nothing."""
    fitted = cross_fit(given.sources, beside=given.model, told=told)
    return Trained(fitted.content, report_of(fitted, given))


def report_of(fitted: CrossFitted, given: Lessons) -> dict[str, Any]:
    """Return what is kept with a model: figures of both on the same complaints, by language, and what to expect."""
    new = service_figures(fitted.answers)
    return {
        "judged_on": {"complaints": len(fitted.answers), "folds": FOLDS},
        "new": {"figures": new, **_by_language(fitted.answers)},
        "in_force": {
            "version": given.in_force.version,
            "figures": service_figures(fitted.beside),
            **_by_language(fitted.beside),
            "may_have_seen": may_have_seen(given.in_force, given.trained_on),
        },
        "worse": worse_in(fitted.answers, fitted.beside),
        "expected": {
            "unmatched": new["unmatched"],
            "overridden": None if new["linked_precision"] is None else round(1 - new["linked_precision"], 4),
        },
    }


def may_have_seen(model: ModelView, trained_on: Mapping[str, Any]) -> bool:
    """Whether a model may have been trained on the complaints that it is judged on, which flatters it.

    Nothing says what a shipped model was trained on, so that of files it may have seen any.
    """
    if model.origin == "shipped":
        return bool(trained_on["files"])
    seen = {each["sha256"] for each in model.trained_on.get("files", ())}
    again = any(each["sha256"] in seen for each in trained_on["files"])
    return again or bool(trained_on["labels"] and model.trained_on.get("labels"))


def _by_language(answers: Sequence[Answer]) -> dict[str, Any]:
    languages = sorted({one.complaint.query.lang for one in answers})
    return {
        "languages": {
            language: service_figures([one for one in answers if one.complaint.query.lang == language])
            for language in languages
        }
    }


def _labelled(label: Label) -> Labelled:
    """Return a label as the trainer has complaints; those without a product go together by the name that was told."""
    batch, product = (str(each) if each is not None else "" for each in (label.batch_id, label.product_id))
    group = product or name_key(label.query.product_text) or str(label.complaint_id)
    return Labelled(str(label.complaint_id), label.query, batch, product, group)
