"""The files of a comparison: CSV, Markdown, LaTeX, two figures and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

from recbole_slmrec.compare import table
from recbole_slmrec.compare.figures import draw_bars, draw_curves
from recbole_slmrec.compare.page import dataset_of, page
from recbole_slmrec.compare.runs import Outcome
from recbole_slmrec.compare.statistics import COLD, Summary, summarise, summarise_cold
from recbole_slmrec.data.files import whole_file


def write_all(
    outcomes: Sequence[Outcome],
    folder: Path,
    command: str,
    valid_latex: Path | None = None,
    test_latex: Path | None = None,
) -> Summary:
    """Writes ``table.csv``, ``table.md``, two ``*.tex``, two figures and ``index.html``.

    Where the data set has cold items, ``cold_among_all`` and ``cold_among_cold`` as ``.csv``,
    ``.md`` and ``.tex`` too.

    Args:
        outcomes: a row each.
        folder: where to.
        command: the command that made the comparison.
        valid_latex: another place for ``valid.tex``.
        test_latex: another place for ``test.tex``.

    Returns:
        The statistics of the test split.
    """
    summary, validation = summarise(outcomes), summarise(outcomes, "valid")
    dataset = dataset_of(outcomes)
    write_text(folder / "table.csv", table.csv_text(summary))
    write_text(folder / "table.md", table.markdown(summary))
    test_caption, valid_caption = (f"Results on {dataset} ({s})" for s in ("test", "validation"))
    write_text(test_latex or folder / "test.tex", table.latex(summary, test_caption))
    write_text(valid_latex or folder / "valid.tex", table.latex(validation, valid_caption))
    for split, cold in summarise_cold(outcomes).items():
        write_text(folder / f"{split}.csv", table.csv_text(cold))
        write_text(folder / f"{split}.md", table.markdown(cold))
        caption = f"Results on {dataset} ({COLD[split].lower()})"
        write_text(folder / f"{split}.tex", table.latex(cold, caption))
    figures = {"Test metrics": folder / "metrics.png", "Training curves": folder / "training.png"}
    draw_bars(summary, figures["Test metrics"])
    draw_curves(outcomes, figures["Training curves"])
    write_text(folder / "index.html", page(outcomes, summary, figures, command))
    return summary


def write_text(path: Path, text: str) -> None:
    """Writes a text, whole or not at all, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")
