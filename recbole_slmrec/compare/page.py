"""The comparison as one HTML page that needs nothing else: table, figures, settings, versions."""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from recbole_slmrec.compare.runs import Outcome
from recbole_slmrec.compare.statistics import COLD, Summary, summarise_cold
from recbole_slmrec.compare.table import html_table, title
from recbole_slmrec.report import ranked

_CSS = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; }
body { max-width: 1080px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; }
h2 { font-size: 1.15rem; margin-top: 2.2rem; border-bottom: 1px solid #ddd; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: .3rem .7rem; vertical-align: top; text-align: right; white-space: nowrap; }
th:first-child, .text td, .text th { text-align: left; }
.text td { white-space: normal; overflow-wrap: anywhere; }
thead th { border-bottom: 2px solid #444; }
tbody th { font-weight: normal; white-space: normal; overflow-wrap: anywhere; min-width: 8rem; }
tbody tr:nth-child(even) { background: #f6f7f9; }
tr.comparison { font-style: italic; }
:not(.comparison) + tr.comparison > * { border-top: 1px solid #444; }
td small { display: block; font-weight: normal; color: #777; font-size: 12px; }
td.error { text-align: left; color: #a40000; white-space: normal; }
ul.notes { color: #555; font-size: 13px; padding-left: 1.2rem; }
img { max-width: 100%; height: auto; }
pre { background: #f6f7f9; padding: .7rem; font-size: 12.5px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
code { font-size: 13px; }
summary { cursor: pointer; padding: .2rem 0; }
"""

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
    finished = [outcome for outcome in outcomes if outcome.runs]
    first = finished[0].runs[0]
    sections = {
        "Test": f'<div class="wide">{html_table(summary)}</div>',
        **{
            COLD[split]: f'<div class="wide">{html_table(cold)}</div>'
            for split, cold in summarise_cold(outcomes).items()
        },
        **{name: _image(path, name) for name, path in figures.items()},
        "Training": _training(finished),
        "Settings that differ from the defaults": _changed(finished),
        "Full settings": "".join(_details(outcome) for outcome in finished),
        "Versions": _pairs(first["versions"]),
        "Commands": _commands(finished, command),
    }
    name = html.escape(first["dataset"])
    body = "".join(f"<h2>{html.escape(head)}</h2>{text}" for head, text in sections.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Comparison on {name}</title><style>{_CSS}</style></head>"
        f"<body><h1>Comparison on {name}</h1>{_introduction(finished)}{body}</body></html>\n"
    )


def _introduction(finished: Sequence[Outcome]) -> str:
    run = finished[0].runs[0]
    data = run["data"]
    seeds = sorted({run["seed"] for outcome in finished for run in outcome.runs})
    return (
        f"<p>{data['users']:,} users, {data['items']:,} items; interactions: "
        f"{data['training']:,} training, {data['validation']:,} validation, {data['test']:,} test. "
        f"{title(run['valid_metric'])} on validation picks the epoch; test is read once. It ranks "
        f"{_ranked(finished)}. One split for all models and seeds; seeds "
        f"{', '.join(map(str, seeds))}.</p>"
    )


def _ranked(finished: Sequence[Outcome]) -> str:
    labels: dict[str, list[str]] = {}
    for outcome in finished:
        labels.setdefault(ranked(outcome.runs[0]["settings"]), []).append(outcome.label)
    if len(labels) == 1:
        return next(iter(labels))
    return "; ".join(f"{what} ({html.escape(', '.join(rows))})" for what, rows in labels.items())


def _image(path: Path, name: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{html.escape(name)}" src="data:image/png;base64,{data}">'


def _training(finished: Sequence[Outcome]) -> str:
    metric = finished[0].runs[0]["valid_metric"]
    head = ["model", "seeds", "epochs", "seconds per epoch", f"{title(metric)} on validation"]
    rows = []
    for outcome in finished:
        epochs = [len(run["seconds"]) for run in outcome.runs]
        seconds = [np.mean(run["seconds"]) for run in outcome.runs if run["seconds"]]
        valid = [run["valid"][metric] for run in outcome.runs if run["valid"]]
        rows.append(
            [
                html.escape(outcome.label),
                str(len(outcome.runs)),
                ", ".join(map(str, epochs)),
                f"{np.mean(seconds):.2f}" if seconds else "–",
                f"{np.mean(valid):.5f}" if valid else "–",
            ]
        )
    return f'<div class="wide">{_table(head, rows)}</div>'


def _changed(finished: Sequence[Outcome]) -> str:
    rows = []
    for outcome in finished:
        changed = outcome.runs[0]["changed"]
        shown = [f"{key}={value}" for key, value in changed.items() if key not in _OF_THE_RUN]
        text = f"<code>{html.escape(', '.join(shown))}</code>" if shown else "none"
        rows.append([html.escape(outcome.label), text])
    return f'<div class="text">{_table(["model", "settings"], rows)}</div>'


def _details(outcome: Outcome) -> str:
    run = outcome.runs[0]
    settings = "\n".join(f"{key}: {value}" for key, value in sorted(run["settings"].items()))
    return (
        f"<details><summary>{html.escape(outcome.label)}, seed {run['seed']}</summary>"
        f"<pre>{html.escape(settings)}</pre></details>"
    )


def _pairs(values: dict[str, Any]) -> str:
    return f"<p>{', '.join(f'{html.escape(k)} {html.escape(v)}' for k, v in values.items())}</p>"


def _commands(finished: Sequence[Outcome], command: str) -> str:
    each = "\n".join(run["command"] for outcome in finished for run in outcome.runs)
    return (
        f"<p>The whole comparison:</p><pre>{html.escape(command)}</pre>"
        f"<details><summary>Each run by itself</summary><pre>{html.escape(each)}</pre></details>"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr><th>{row[0]}</th>{''.join(f'<td>{cell}</td>' for cell in row[1:])}</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
