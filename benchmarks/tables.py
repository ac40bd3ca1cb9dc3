"""The measurements as tables: each a header and rows of text."""

from __future__ import annotations

from benchmarks import growth
from benchmarks.baselines import PLAIN
from benchmarks.steps import FAC, FLOOR, LIGHTGCN, STRAIGHTFORWARD
from benchmarks.targets import TARGETS, Results, fraction, memory_ratio

Table = tuple[list[str], list[list[str]]]

_HELD = ("tables, MiB", "gradients, MiB", "Adam, MiB", "sent a step, MB")


def targets(results: Results) -> Table:
    header = ["what", "at most", "measured", "with the loader", "reached"]
    return header, [target.row(results) for target in TARGETS]


def steps(measured: dict[str, dict[str, float]]) -> Table:
    """One data set's models, the quickest first, then the floor of FAC and its kernels."""
    header = ["", "step, ms", "loader, ms", "step / LightGCN's", "step / floor"]
    floor, yardstick = sum(measured["floor"].values()), measured["step"][LIGHTGCN]
    rows = []
    for model, seconds in sorted(measured["step"].items(), key=lambda each: each[1]):
        loader, over_lightgcn = milliseconds(measured["fetch"][model]), seconds / yardstick
        over_floor = f"{seconds / floor:.2f}" if model in (FAC, STRAIGHTFORWARD) else ""
        rows.append([model, milliseconds(seconds), loader, f"{over_lightgcn:.2f}", over_floor])
    rows.append([FLOOR, milliseconds(floor), "", f"{floor / yardstick:.2f}", "1.00"])
    for kernel, seconds in measured["floor"].items():
        rows.append([f"of it, {kernel}", milliseconds(seconds), "", "", ""])
    distinct = measured["distinct"]["similarities"]
    rows.append(["similarities of distinct rows alone", milliseconds(distinct), "", "", ""])
    return header, rows


def baselines(measured: dict[str, dict[str, float]]) -> Table:
    """One data set's baselines, the quickest first."""
    header = ["", "step, ms", "loader, ms", "step / LightGCN's", "step / straightforward"]
    taken = measured["step"]
    rows = []
    for model, seconds in sorted(taken.items(), key=lambda each: each[1]):
        row = [milliseconds(seconds), milliseconds(measured["fetch"][model])]
        over_plain = fraction(seconds / taken[PLAIN[model][0]]) if model in PLAIN else ""
        rows.append([model, *row, f"{seconds / taken[LIGHTGCN]:.2f}", over_plain])
    return header, rows


def hops(measured: dict[str, dict[str, float]]) -> Table:
    header = ["data set", "edges", "DGL, ms", "torch, ms", "torch / DGL"]
    rows = []
    for name, each in measured.items():
        dgl = ["", milliseconds(each["torch"]), ""]
        if "dgl" in each:
            dgl[0], dgl[2] = milliseconds(each["dgl"]), f"{each['torch'] / each['dgl']:.2f}"
        rows.append([name, f"{each['edges']:,}", *dgl])
    return header, rows


def growing(points: dict[str, list[float]]) -> Table:
    header = ["interactions", "with graph, ms", "without, ms", "the graph's part, ms", "ns each"]
    columns = zip(
        points["interactions"],
        points["with_graph"],
        points["without_graph"],
        growth.graph_part(points),
    )
    return header, [
        [f"{n:,}", *map(milliseconds, taken), f"{1e9 * taken[-1] / n:.0f}"] for n, *taken in columns
    ]


def memory(measured: dict[str, dict[str, int]]) -> Table:
    header = ["", "peak, MiB", "of it propagated features, MiB", "rest / LightGCN's"]
    rows = [
        [model, _mebibytes(each["peak"]), _mebibytes(each["propagated"])]
        for model, each in measured.items()
    ]
    for row, ratio in zip(rows, (memory_ratio(measured), 1)):
        row.append(f"{ratio:.2f}")
    return header, rows


def processes(measured: dict[str, dict[str, float]]) -> Table:
    header = ["processes", "step, ms", "/ one's", "processor, ms", "/ one's"]
    header += _HELD
    rows = []
    for key, each in measured.items():
        row = [key]
        for kind in ("step", "worked"):
            if kind in each:
                ratio = each[kind] / measured["1"][kind]
                row += [milliseconds(each[kind]), f"{ratio:.2f}"]
        if "sent" in each:
            row += _held(each)
        rows.append([*row, *[""] * (len(header) - len(row))])
    return header, rows


def shares(measured: list[dict[str, int]]) -> Table:
    header = ["users", "items", *_HELD]
    return header, [[f"{each['users']:,}", f"{each['items']:,}", *_held(each)] for each in measured]


def neighbours(measured: dict[str, float]) -> Table:
    header = ["items", "columns", "seconds", "memory, MiB", "read again, seconds"]
    row = [f"{measured['items']:,}", str(measured["columns"]), f"{measured['first']:.1f}"]
    taken = _mebibytes(measured["memory"]) if "memory" in measured else ""
    return header, [[*row, taken, f"{measured['second']:.2f}"]]


def evaluation(measured: dict[str, float]) -> Table:
    header = ["", "seconds", "ms a user"]
    rows = {
        "this package's batches of users": "ours",
        "of it, the vectors of all users and items": "vectors",
        "of it, the bare product": "product",
        "RecBole's default, a user a batch": "default",
    }
    return header, [
        [name, f"{measured[key]:.2f}", f"{1e3 * measured[key] / measured['users']:.2f}"]
        for name, key in rows.items()
    ]


def start_up(measured: dict[str, dict[str, float]]) -> Table:
    header = ["run", "data, s", "model, s", "whole process, s"]
    return header, [
        [run, *(f"{parts[part]:.1f}" for part in ("data", "model", "whole"))]
        for run, parts in measured.items()
    ]


def markdown(table: Table) -> str:
    """The table in Markdown, numbers to the right."""
    header, rows = table
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.1f}"


def _held(of_process: dict[str, float]) -> list[str]:
    """What a process holds, and what it sends."""
    held = [_mebibytes(of_process[key]) for key in ("parameters", "gradients", "optimiser")]
    return [*held, f"{of_process['sent'] / 1e6:.1f}"]


def _mebibytes(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:,.0f}"
