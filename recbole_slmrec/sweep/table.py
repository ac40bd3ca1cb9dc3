"""The figures of a sweep: a line a model, a column a value, and what validation picks."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Sequence

from recbole.evaluator import smaller_metrics

from recbole_slmrec import report
from recbole_slmrec.compare.runs import Outcome
from recbole_slmrec.compare.statistics import Score, metrics_of, over_seeds
from recbole_slmrec.compare.table import mean_text, title
from recbole_slmrec.sweep.grid import Sweep

SPLITS = {"valid": "validation", "test": "test"}
"""What the splits of a run are called."""


@dataclass(frozen=True)
class Figures:
    """A sweep in numbers."""

    sweep: Sweep
    """What was swept."""
    valid_metric: str
    """The one that picks epochs."""
    metrics: list[str]
    """Those of the test."""
    scores: dict[tuple[str, str], dict[str, dict[str, Score]]]
    """By model and value, then by split and metric; nothing where no run has finished."""
    failures: dict[tuple[str, str], str]
    """The first error, by model and value."""

    def of(self, model: str, value: str, split: str, metric: str) -> Score | None:
        """A point of the chart; None where there is none."""
        return self.scores.get((model, value), {}).get(split, {}).get(metric)

    def picked(self, model: str) -> str | None:
        """The value that is best on validation; None where there is no validation."""
        means = {
            value: score.mean
            for value in self.sweep.values
            if (score := self.of(model, value, "valid", self.valid_metric))
        }
        smaller = self.valid_metric.partition("@")[0] in smaller_metrics
        return (min if smaller else max)(means, key=means.get) if means else None


def figures(sweep: Sweep, outcomes: Sequence[Outcome]) -> Figures:
    """The statistics over seeds.

    Args:
        sweep: what was swept.
        outcomes: those of :meth:`Sweep.entries`, in their order; at least one has a finished run.
    """
    first = next(run for outcome in outcomes for run in outcome.runs)
    metrics = {split: metrics_of(first, split) for split in SPLITS}
    points = [(model.label, value) for model in sweep.models for value in sweep.values]
    scores, failures = {}, {}
    for point, outcome in zip(points, outcomes):
        if outcome.failures:
            failures[point] = next(iter(outcome.failures.values()))
        if outcome.runs:
            scores[point] = {
                split: {
                    name: over_seeds([run[split][name] for run in outcome.runs]) for name in names
                }
                for split, names in metrics.items()
            }
    return Figures(sweep, first["valid_metric"], metrics["test"], scores, failures)


def panels(found: Figures) -> list[tuple[str, str]]:
    """What is shown, as split and metric: that which picks epochs on validation, then the test."""
    shown = [("test", metric) for metric in found.metrics]
    has_validation = any(point["valid"] for point in found.scores.values())
    return [("valid", found.valid_metric), *shown] if has_validation else shown


def rows(found: Figures, split: str, metric: str) -> list[list[str]]:
    """A row a model: its name, then a cell a value; a star is at what validation picks."""
    return [
        [
            model.label,
            *(_cell(found, model.label, value, split, metric) for value in found.sweep.values),
        ]
        for model in found.sweep.models
    ]


def notes(found: Figures) -> list[str]:
    """What a reader of the tables must know, a sentence each."""
    sentences = []
    scores = [score for point in found.scores.values() for score in point["test"].values()]
    if any(score.deviation is not None for score in scores):
        sentences.append("Mean ± sample standard deviation over seeds.")
    if any(found.picked(model.label) for model in found.sweep.models):
        sentences.append(
            f"*: the {found.sweep.key} that {title(found.valid_metric)} on validation picks; the other "
            "test figures show what it does and pick nothing."
        )
    return sentences + [
        f"{model} with {found.sweep.key}={value} failed: {error}"
        for (model, value), error in found.failures.items()
    ]


def terminal(found: Figures) -> str:
    """The metric that picks epochs, on validation and on the test, with the notes."""
    shown = [panel for panel in panels(found) if panel[1] == found.valid_metric]
    header = ["model", *(f"{found.sweep.key}={value}" for value in found.sweep.values)]
    tables = [
        f"{title(metric)} on {SPLITS[split]}\n{report.table(header, rows(found, split, metric))}"
        for split, metric in shown
    ]
    return "\n\n".join([*tables, "\n".join(notes(found))])


def markdown(found: Figures) -> str:
    """A Markdown table a panel, with the notes."""
    header = ["model", *(f"{found.sweep.key}={value}" for value in found.sweep.values)]
    parts = []
    for split, metric in panels(found):
        lines = [
            header,
            ["---", *("---:" for _ in found.sweep.values)],
            *rows(found, split, metric),
        ]
        table = "\n".join(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
        )
        parts.append(f"{title(metric)} on {SPLITS[split]}\n\n{table}\n")
    return "\n".join([*parts, *(f"- {note}" for note in notes(found))]) + "\n"


def csv_text(found: Figures) -> str:
    """Every number in full, a row a model, value, split and metric."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["model", found.sweep.key, "split", "metric", "mean", "deviation", "picked", "error"]
    )
    for model in found.sweep.models:
        picked = found.picked(model.label)
        for value in found.sweep.values:
            error = found.failures.get((model.label, value), "")
            if (model.label, value) not in found.scores:
                writer.writerow([model.label, value, "", "", "", "", "", error])
            for split, metric in panels(found):
                score = found.of(model.label, value, split, metric)
                if score:
                    numbers = [score.mean, "" if score.deviation is None else score.deviation]
                    chosen = "yes" if value == picked else ""
                    writer.writerow(
                        [model.label, value, SPLITS[split], metric, *numbers, chosen, error]
                    )
    return text.getvalue()


def _cell(found: Figures, model: str, value: str, split: str, metric: str) -> str:
    score = found.of(model, value, split, metric)
    if score is None:
        return "failed" if (model, value) in found.failures else "–"
    return mean_text(score) + (" *" if value == found.picked(model) else "")
