"""The page, the JSON and the figures of a run."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import Callable

from benchmarks import figures, tables
from benchmarks.targets import Results
from recbole_slmrec.data.files import whole_file

TITLES = {
    "tiktok": "TikTok, public version",
    "tiktok-paper": "TikTok, generated",
    "kwai-paper": "Kwai, generated",
    "movielens-paper": "MovieLens, generated",
}

_TEMPLATE = Path(__file__).with_name("performance.md.in")
_QUICK = "A quick run, on generated sets of an eighth of the paper's size: not for quoting."
_MISSING = "Not measured in this run."


def write_all(results: Results, path: Path) -> None:
    """Writes the page to ``path``, and beside it the JSON and the figures under the same name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = {part: path.with_name(f"{path.stem}-{part}.png") for part in ("steps", "growth")}
    if results["steps"]:
        figures.draw_steps(titles(results, "steps"), results["steps"], images["steps"])
    if results["growth"]:
        figures.draw_growth(results["growth"], images["growth"])
    with whole_file(path.with_suffix(".json")) as partial:
        partial.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    with whole_file(path) as partial:
        partial.write_text(page(results, images), encoding="utf-8")


def page(results: Results, images: dict[str, Path]) -> str:
    """The page in Markdown."""
    sections = {
        "steps": _steps(results, images["steps"]),
        "baselines": _by_set(results, "baselines", tables.baselines),
        "growth": _growth(results, images["growth"]),
        "evaluation": _evaluation(results),
    }
    plain = {
        "hops": tables.hops,
        "memory": tables.memory,
        "neighbours": tables.neighbours,
        "processes": tables.processes,
        "shares": tables.shares,
        "start_up": tables.start_up,
    }
    for part, table in plain.items():
        sections[part] = tables.markdown(table(results[part])) if results[part] else _MISSING
    template = Template(_TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(
        sections,
        quick=f"\n{_QUICK}\n" if results["quick"] else "",
        command=results["command"],
        machine="; ".join(f"{name}: {value}" for name, value in results["machine"].items()),
        versions=", ".join(f"{name} {value}" for name, value in results["versions"].items()),
        targets=tables.markdown(tables.targets(results)),
    )


def terminal(results: Results) -> list[tuple[str, tables.Table]]:
    """The tables with their titles, in order."""
    parts = [
        (titles(results, part)[name], table(measured))
        for part, table in (("steps", tables.steps), ("baselines", tables.baselines))
        for name, measured in results[part].items()
    ]
    others = {
        "hops": ("A hop", tables.hops),
        "growth": ("Growth", tables.growing),
        "memory": ("Peak memory", tables.memory),
        "neighbours": ("Nearest items", tables.neighbours),
        "processes": ("Several processes", tables.processes),
        "shares": ("Two processes, by the size of the data", tables.shares),
        "evaluation": ("Full-sort evaluation", tables.evaluation),
        "start_up": ("Start-up", tables.start_up),
    }
    for part, (title, table) in others.items():
        if results[part]:
            parts.append((title, table(results[part])))
    note = f" ({_QUICK})" if results["quick"] else ""
    return [*parts, (f"Targets{note}", tables.targets(results))]


def titles(results: Results, part: str) -> dict[str, str]:
    """The data sets of a part of the results by name, with their sizes."""
    return {
        name: f"{TITLES[name]}: {measured['size']['users']:,} users, "
        f"{measured['size']['items']:,} items, {measured['size']['interactions']:,} interactions"
        for name, measured in results[part].items()
    }


def _steps(results: Results, image: Path) -> str:
    text = _by_set(results, "steps", tables.steps)
    if not results["steps"]:
        return text
    return f"![Milliseconds a training step, by model and data set]({image.name})\n\n{text}"


def _by_set(results: Results, part: str, table: Callable[[dict], tables.Table]) -> str:
    """A table for each data set of a part of the results."""
    if not results[part]:
        return _MISSING
    return "\n\n".join(
        f"### {titles(results, part)[name]}\n\n{tables.markdown(table(measured))}"
        for name, measured in results[part].items()
    )


def _growth(results: Results, image: Path) -> str:
    if not results["growth"]:
        return _MISSING
    table = tables.markdown(tables.growing(results["growth"]))
    return f"![The graph's part of a step against size]({image.name})\n\n{table}"


def _evaluation(results: Results) -> str:
    measured = results["evaluation"]
    if not measured:
        return _MISSING
    return (
        f"{tables.markdown(tables.evaluation(measured))}\n\n"
        f"The same MMLightGCN, on a sample of {measured['users']:,} users and all "
        f"{measured['items']:,} items; the propagation before the scores counts in both. The "
        f"metrics differ by {measured['difference']:.1g} at most; the largest is "
        f"{measured['largest']:.4f}."
    )
