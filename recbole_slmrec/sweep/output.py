"""The files of a sweep: CSV, Markdown and the chart."""

from __future__ import annotations

from pathlib import Path

from recbole_slmrec.compare.output import write_text
from recbole_slmrec.sweep import table
from recbole_slmrec.sweep.chart import draw


def write_all(found: table.Figures, folder: Path) -> None:
    """Writes ``table.csv``, ``table.md`` and ``chart.png``."""
    write_text(folder / "table.csv", table.csv_text(found))
    write_text(folder / "table.md", table.markdown(found))
    draw(found, folder / "chart.png")
