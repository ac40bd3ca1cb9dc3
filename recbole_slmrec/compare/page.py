"""The comparison as one HTML page that needs nothing else: table, figures, settings, versions."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from recbole_slmrec.compare.runs import Outcome
from recbole_slmrec.compare.statistics import COLD, Summary, summarise_cold
from recbole_slmrec.compare.table import comparison_rows, model_rows, notes, title
from recbole_slmrec.pages import render
from recbole_slmrec.report import ranked

# Every row has its own; they are no difference between models.
_OF_THE_RUN = frozenset("seed data_seed state show_progress".split())


def page(
    outcomes: Sequence[Outcome], summary: Summary, figures: dict[str, Path], command: str
) -> str:
    """The page.

    Args:
        outcomes: a row each.
        summary: their statistics on the test split.
        figures: PNG files by what they show.
        command: the command that made the comparison.
    """
    cold = {COLD[split]: table for split, table in summarise_cold(outcomes).items()}
    return render(
        "compare.html",
        heading=f"Comparison on {dataset_of(outcomes)}",
        tables={name: _table(table) for name, table in {"Test": summary, **cold}.items()},
        **of_runs(outcomes, figures, command),
    )


def dataset_of(outcomes: Sequence[Outcome]) -> str:
    """The name of the data set of all runs."""
    return next(run["dataset"] for outcome in outcomes for run in outcome.runs)


def of_runs(outcomes: Sequence[Outcome], figures: dict[str, Path], command: str) -> dict[str, Any]:
    """What ``runs.html`` shows of any set of runs, by the names of its variables; the arguments are
    those of :func:`page`."""
    finished = [outcome for outcome in outcomes if outcome.runs]
    first = finished[0].runs[0]
    return {
        "data": first["data"],
        "valid_metric": title(first["valid_metric"]),
        "ranked": _ranked(finished),
        "seeds": sorted({run["seed"] for outcome in finished for run in outcome.runs}),
        "images": {name: _embedded(path) for name, path in figures.items()},
        "training": _training(finished),
        "changed": [(outcome.label, _changed(outcome)) for outcome in finished],
        "full": [_full(outcome) for outcome in finished],
        "versions": first["versions"],
        "command": command,
        "commands": "\n".join(run["command"] for outcome in finished for run in outcome.runs),
    }


def _ranked(finished: Sequence[Outcome]) -> str:
    labels: dict[str, list[str]] = {}
    for outcome in finished:
        labels.setdefault(ranked(outcome.runs[0]["settings"]), []).append(outcome.label)
    if len(labels) == 1:
        return next(iter(labels))
    return "; ".join(f"{what} ({', '.join(rows)})" for what, rows in labels.items())


def _table(summary: Summary) -> dict[str, Any]:
    """What the template draws of a table: a place is 1 for the best of its column, 2 for the second."""
    comparisons = comparison_rows(summary)
    rows = [
        {
            "label": row.label,
            "is_comparison": row in comparisons,
            "error": row.error,
            "cells": [_cell(*cell) for cell in zip(row.cells, row.places)],
        }
        for row in (*model_rows(summary), *comparisons)
    ]
    return {"metrics": [*map(title, summary.metrics)], "rows": rows, "notes": notes(summary)}


def _cell(text: str, place: int) -> dict[str, Any]:
    mean, _, deviation = text.partition(" ± ")
    return {"mean": mean, "deviation": deviation, "place": place}


def _embedded(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _training(finished: Sequence[Outcome]) -> list[list[str]]:
    metric = finished[0].runs[0]["valid_metric"]
    rows = [["model", "seeds", "epochs", "seconds per epoch", f"{title(metric)} on validation"]]
    for outcome in finished:
        epochs = [len(run["seconds"]) for run in outcome.runs]
        seconds = [np.mean(run["seconds"]) for run in outcome.runs if run["seconds"]]
        valid = [run["valid"][metric] for run in outcome.runs if run["valid"]]
        rows.append(
            [
                outcome.label,
                str(len(outcome.runs)),
                ", ".join(map(str, epochs)),
                f"{np.mean(seconds):.2f}" if seconds else "–",
                f"{np.mean(valid):.5f}" if valid else "–",
            ]
        )
    return rows


def _changed(outcome: Outcome) -> str:
    changed = outcome.runs[0]["changed"]
    return ", ".join(f"{key}={value}" for key, value in changed.items() if key not in _OF_THE_RUN)


def _full(outcome: Outcome) -> tuple[str, str]:
    run = outcome.runs[0]
    settings = "\n".join(f"{key}: {value}" for key, value in sorted(run["settings"].items()))
    return f"{outcome.label}, seed {run['seed']}", settings
