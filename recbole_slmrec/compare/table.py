"""The table, formed like the paper's Table II: for a terminal, as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass

from recbole_slmrec.compare.statistics import Score, Summary
from recbole_slmrec.evaluation.metrics import NAMES

_ABSENT = "–"
_BOLD, _UNDERLINED, _PLAIN = "\033[1m", "\033[4m", "\033[0m"
_LATEX_SPECIAL = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "–": "--",
}


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    label: str
    """The model, or what is compared."""
    cells: list[str]
    """A metric each; empty for a model that has no finished run."""
    places: list[int]
    """1 for the best of its column, 2 for the second, else 0."""
    error: str = ""
    """Why there are no cells."""


def title(metric: str) -> str:
    """``NDCG@10`` for ``ndcg@10``."""
    name, at, k = metric.partition("@")
    return NAMES[name] + at + k


def model_rows(summary: Summary) -> list[Row]:
    """A row a model."""
    rows = []
    for label in summary.labels:
        if label in summary.scores:
            scores = [summary.scores[label][metric] for metric in summary.metrics]
            rows.append(
                Row(label, [mean_text(score) for score in scores], [s.place for s in scores])
            )
        else:
            error = next(iter(summary.failures[label].values()))
            rows.append(Row(label, [], [], f"failed: {error}"))
    return rows


def comparison_rows(summary: Summary) -> list[Row]:
    """What the first model gains over the strongest other, and whether that is chance."""
    if not summary.improvements:
        return []
    each = [summary.improvements[metric] for metric in summary.metrics]
    plain = [0] * len(each)
    rows = [Row("%Improv.", [_percent(improvement.percent) for improvement in each], plain)]
    if any(improvement.p_value is not None for improvement in each):
        rows.append(Row("p-value", [_p_value(improvement.p_value) for improvement in each], plain))
    return rows


def notes(summary: Summary) -> list[str]:
    """What a reader of the table must know, a sentence each."""
    sentences = []
    if max(summary.n_seeds.values()) > 1:
        sentences.append("Mean ± sample standard deviation over seeds.")
    if summary.improvements:
        others: dict[str, list[str]] = {}
        for metric, improvement in summary.improvements.items():
            others.setdefault(improvement.other, []).append(metric)
        against = "; ".join(
            other if len(others) == 1 else f"{other} in {', '.join(map(title, metrics))}"
            for other, metrics in others.items()
        )
        sentences.append(f"%Improv.: {summary.labels[0]} over the strongest other ({against}).")
        if any(improvement.p_value is not None for improvement in summary.improvements.values()):
            sentences.append("p-value: two-sided paired t-test over users, seeds averaged first.")
    return sentences + [
        f"{label}, seed {seed} failed and is left out: {error}"
        for label, failures in summary.failures.items()
        if label in summary.scores
        for seed, error in failures.items()
    ]


def terminal(summary: Summary, styled: bool) -> str:
    """Plain text; with ``styled`` the best is bold and the second underlined, by ANSI codes."""
    header = ["model", *map(title, summary.metrics)]
    models, comparisons = model_rows(summary), comparison_rows(summary)
    texts = [header, *([row.label, *row.cells] for row in (*models, *comparisons) if row.cells)]
    widths = [max(map(len, column)) for column in zip(*texts)]
    widths[0] = max(widths[0], *(len(row.label) for row in models))
    rule = "-" * (sum(widths) + 2 * len(widths) - 2)
    lines = [_aligned(header, [0] * len(widths), widths, False), rule]
    for row in models:
        lines.append(
            _aligned([row.label, *row.cells], [0, *row.places], widths, styled)
            if row.cells
            else f"{row.label.ljust(widths[0])}  {row.error}"
        )
    if comparisons:
        lines.append(rule)
    lines += [
        _aligned([row.label, *row.cells], [0, *row.places], widths, False) for row in comparisons
    ]
    return "\n".join([*lines, "", *notes(summary)])


def markdown(summary: Summary) -> str:
    """A Markdown table with its notes."""
    marks = {0: "{}", 1: "**{}**", 2: "<u>{}</u>"}
    lines = [
        ["model", *map(title, summary.metrics)],
        ["---", *("---:" for _ in summary.metrics)],
        *_marked_rows(summary, marks, lambda text: text.replace("|", "\\|"), "{}"),
    ]
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    return f"{table}\n\n" + "\n".join(f"- {note}" for note in notes(summary)) + "\n"


def latex(summary: Summary, caption: str) -> str:
    """A LaTeX table for the package booktabs."""
    marks = {0: "{}", 1: r"\textbf{{{}}}", 2: r"\underline{{{}}}"}
    wide = rf"\multicolumn{{{{{len(summary.metrics)}}}}}{{{{l}}}}{{{{{{}}}}}}"
    rows = [" & ".join(row) + r" \\" for row in _marked_rows(summary, marks, _latex_text, wide)]
    n_models = len(summary.labels)
    header = " & ".join(["Model", *map(title, summary.metrics)]) + r" \\"
    below = [r"\midrule", *rows[n_models:]] if rows[n_models:] else []
    return "\n".join(
        [
            *(f"% {note}" for note in notes(summary)),
            r"\begin{table}[t]",
            r"\centering",
            rf"\caption{{{_latex_text(caption)}}}",
            rf"\begin{{tabular}}{{l{'r' * len(summary.metrics)}}}",
            r"\toprule",
            header,
            r"\midrule",
            *rows[:n_models],
            *below,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def csv_text(summary: Summary) -> str:
    """Every number in full: a row a model, then the improvement and the p-value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [name for m in summary.metrics for name in (m, f"{m} deviation")]
    writer.writerow(["model", "seeds", *columns, "error"])
    for label in summary.labels:
        scores = summary.scores.get(label, {})
        numbers = [
            number
            for metric in summary.metrics
            for number in ((scores[metric].mean, scores[metric].deviation) if scores else ("", ""))
        ]
        error = "; ".join(f"seed {s}: {e}" for s, e in summary.failures.get(label, {}).items())
        writer.writerow([label, summary.n_seeds[label], *numbers, error])
    if summary.improvements:
        each = [summary.improvements[metric] for metric in summary.metrics]
        for name, values in (
            ("%Improv.", [improvement.percent for improvement in each]),
            ("p-value", [improvement.p_value for improvement in each]),
            ("strongest other", [improvement.other for improvement in each]),
        ):
            writer.writerow([name, "", *(cell for value in values for cell in (value, "")), ""])
    return text.getvalue()


def _marked_rows(summary: Summary, marks: dict[int, str], escape, wide: str) -> list[list[str]]:
    return [
        [escape(row.label)]
        + (
            [marks[place].format(escape(cell)) for cell, place in zip(row.cells, row.places)]
            or [wide.format(escape(row.error))]
        )
        for row in (*model_rows(summary), *comparison_rows(summary))
    ]


def _aligned(cells: list[str], places: list[int], widths: list[int], styled: bool) -> str:
    codes = {0: "", 1: _BOLD, 2: _UNDERLINED}
    columns = []
    for number, (cell, place, width) in enumerate(zip(cells, places, widths)):
        # The codes take no room on the screen, so the padding is counted without them.
        padding = " " * (width - len(cell))
        text = f"{codes[place]}{cell}{_PLAIN}" if styled and place else cell
        columns.append(padding + text if number else text + padding)
    return "  ".join(columns).rstrip()


def mean_text(score: Score) -> str:
    if score.deviation is None:
        return f"{score.mean:.5f}"
    return f"{score.mean:.5f} ± {score.deviation:.5f}"


def _percent(percent: float) -> str:
    return _ABSENT if math.isnan(percent) else f"{percent:+.2f}%"


def _p_value(p_value: float | None) -> str:
    if p_value is None:
        return _ABSENT
    return f"{p_value:.3f}" if p_value >= 0.001 else f"{p_value:.1e}"


def _latex_text(text: str) -> str:
    special = "|".join(map(re.escape, _LATEX_SPECIAL))
    return re.sub(special, lambda match: _LATEX_SPECIAL[match.group()], text)
