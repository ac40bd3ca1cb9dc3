"""The files of a sweep: CSV, Markdown, the chart and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

from recbole_slmrec.compare.output import write_text
from recbole_slmrec.compare.page import dataset_of, of_runs
from recbole_slmrec.compare.runs import Outcome
from recbole_slmrec.compare.table import title
from recbole_slmrec.pages import render
from recbole_slmrec.sweep import table
from recbole_slmrec.sweep.chart import draw


def write_all(
    found: table.Figures, outcomes: Sequence[Outcome], folder: Path, command: str
) -> None:
    """Writes ``table.csv``, ``table.md``, ``chart.png`` and ``index.html``.

    Args:
        found: the figures.
        outcomes: what they are of.
        folder: where to.
        command: the command that made the sweep.
    """
    write_text(folder / "table.csv", table.csv_text(found))
    write_text(folder / "table.md", table.markdown(found))
    draw(found, folder / "chart.png")
    write_text(folder / "index.html", _page(found, outcomes, folder / "chart.png", command))


def _page(found: table.Figures, outcomes: Sequence[Outcome], chart: Path, command: str) -> str:
    key = found.sweep.key
    tables = {
        f"{title(metric)} on {table.SPLITS[split]}": table.rows(found, split, metric)
        for split, metric in table.panels(found)
    }
    return render(
        "sweep.html",
        heading=f"{key} on {dataset_of(outcomes)}",
        key=key,
        values=found.sweep.values,
        tables=tables,
        notes=table.notes(found),
        **of_runs(outcomes, {f"What {key} does": chart}, command),
    )
