"""Models and figures of the matcher on a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from service.complaints.matching.evaluate import Evaluated
from service.complaints.models import DeploymentView, ModelView

_FIGURES = (
    ("recall_at_1", "right batch first, lot told"),
    ("recall_at_10", "… among the first ten"),
    ("product_recall_no_lot", "right product first, no lot told"),
    ("product_recall_no_lot_top3", "… among the first three"),
    ("linked", "linked by itself (standard threshold)"),
    ("linked_precision", "… and right"),
    ("unregistered_linked", "… of complaints about unregistered batches"),
    ("strict_linked", "linked strictly (strict threshold)"),
    ("strict_precision", "… and right"),
    ("strict_unregistered_linked", "… of complaints about unregistered batches"),
    ("unmatched", "not placed"),
)
_AT = (("coverage", "score at the {name} or above"), ("precision", "… and right"),
       ("unregistered_linked", "… of complaints about unregistered batches"))  # fmt: skip


def models_table(models: Sequence[ModelView]) -> Table:
    """Return a line a model, in the order in which they are given."""
    table = Table(title="Models of the matcher", title_justify="left")
    for name in ("version", "from", "made", "last deployed", "in force"):
        table.add_column(name, no_wrap=True)
    for name in ("linked", "right", "recall@1"):
        table.add_column(name, justify="right")
    for each in models:
        figures = each.report.get("new", {}).get("figures", {})
        shown = [_percent(figures.get(name)) for name in ("linked", "linked_precision", "recall_at_1")]
        made, deployed = (f"{at:%Y-%m-%d %H:%M}" if at else "" for at in (each.made_at, each.deployed_at))
        table.add_row(each.version, each.origin, made, deployed, "yes" if each.is_in_force else "", *shown)
    return table


def deployments_table(deployments: Sequence[DeploymentView]) -> Table:
    """Return a line a change of the model in force, the newest first."""
    table = Table("number", "at", "model", "before", "by", "worse", title="Deployments", title_justify="left")
    table.add_column("why", overflow="fold")
    for each in deployments:
        at, worse = f"{each.at:%Y-%m-%d %H:%M}", "yes" if each.was_worse else ""
        table.add_row(str(each.number), at, each.version, each.before, each.by or "", worse, escape(each.reason))
    return table


def compared_table(version: str, report: Mapping[str, Any]) -> Table:
    """Return the figures of a new model and of the one in force on the same complaints, side by side."""
    judged, beside = report["judged_on"], report["in_force"]
    title = f"{judged['complaints']} complaints in {judged['folds']} folds by product; in per cent"
    table = Table(title=title, title_justify="left")
    table.add_column("figure")
    table.add_column(f"{version} (new)", justify="right")
    table.add_column(f"{beside['version']} (in force)", justify="right")
    table.add_column("worse")
    for name, words in _FIGURES:
        pair = [_percent(each["figures"][name]) for each in (report["new"], beside)]
        table.add_row(words, *pair, "[red]worse[/red]" if name in report["worse"] else "")
    return table


def verdict_words(version: str, report: Mapping[str, Any]) -> str:
    """Return what `deploy` would do with a trained model."""
    in_force = report["in_force"]["version"]
    said = [f"{version} is kept. {in_force} stays in force."]
    if report["in_force"]["may_have_seen"]:
        said.append(f"{in_force} may have been trained on some of these complaints, which flatters it.")
    if report["worse"]:
        worse = ", ".join(report["worse"])
        said.append(
            f"[yellow]deploy would refuse it:[/yellow] worse beyond chance in {worse} (--worse-anyway overrides)."
        )
    else:
        said.append(f"[green]deploy would take it:[/green] fairhold matching deploy {version} --reason …")
    return "\n".join(said)


def evaluated_table(found: Evaluated) -> Table:
    """Return the figures of an evaluation, of all complaints and by language."""
    table = Table(title=f"Model {found.model_version}; in per cent", title_justify="left")
    table.add_column("figure")
    table.caption = f"threshold {found.threshold:.6f}, strict threshold {found.strict_threshold:.6f}"
    if found.is_out_of_fold:
        table.caption += "; each complaint answered by a model that saw nothing of its product"
    figures = found.figures
    columns = {"all": figures["all"], **figures["lang"]}
    for name, each in columns.items():
        table.add_column(f"{name} ({each['complaints']})", justify="right")
    for name, words in _FIGURES:
        table.add_row(words, *(_percent(each[name]) for each in columns.values()))
    for limit in ("threshold", "strict_threshold"):
        for name, words in _AT:
            label = words.format(name=limit.replace("_", " "))
            table.add_row(label, *(_percent(each[f"at_{limit}"][name]) for each in columns.values()))
    return table


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f}"
