"""The page, its tables and its targets, from made-up timings."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from benchmarks import page, tables
from benchmarks.baselines import BM3, FREEDOM, PLAIN
from benchmarks.growth import slope
from benchmarks.steps import FAC, FD, FM, LIGHTGCN, STRAIGHTFORWARD

STEPS = {
    "size": {"users": 1_000, "items": 2_000, "interactions": 30_000},
    "step": {FAC: 0.1, FM: 0.11, FD: 0.4, LIGHTGCN: 0.4, STRAIGHTFORWARD: 2.0},
    "fetch": {FAC: 0.01, FM: 0.01, FD: 0.01, LIGHTGCN: 0.04, STRAIGHTFORWARD: 0.01},
    "floor": {"graph": 0.03, "similarities": 0.01, "optimiser": 0.01},
    "distinct": {"similarities": 0.005},
}
SECONDS = {FREEDOM: 0.1, PLAIN[FREEDOM][0]: 0.5, BM3: 0.5, PLAIN[BM3][0]: 1.0, LIGHTGCN: 0.4}
RESULTS = {
    "command": "python -m benchmarks",
    "quick": False,
    "machine": {"cores": "2"},
    "versions": {"torch": "2.13.0"},
    "steps": {"tiktok-paper": STEPS},
    "baselines": {
        "tiktok": {"size": STEPS["size"], "step": SECONDS, "fetch": dict.fromkeys(SECONDS, 0.1)},
    },
    "hops": {
        "tiktok-paper": {"edges": 30_000, "dgl": 0.02, "torch": 0.016},
        "kwai-paper": {"edges": 3_000, "torch": 0.002},
    },
    "growth": {
        "interactions": [100, 200, 400, 800],
        "with_graph": [0.011, 0.021, 0.041, 0.081],
        "without_graph": [0.001] * 4,
    },
    "memory": {
        FAC: {"peak": 900 * 2**20, "propagated": 200 * 2**20},
        LIGHTGCN: {"peak": 500 * 2**20, "propagated": 0},
    },
    "processes": {
        "1": {
            "step": 0.2, "worked": 0.2, "sent": 0,
            "parameters": 2**23, "gradients": 2**23, "optimiser": 2**24,
        },
        "2": {
            "step": 0.13, "worked": 0.11, "sent": 5_500_000,
            "parameters": 2**22, "gradients": 2**22, "optimiser": 2**23,
        },
        "1, two threads": {"step": 0.1},
    },
    "shares": [
        {
            "users": 100, "items": 200, "sent": 5_000_000,
            "parameters": 2**22, "gradients": 2**22, "optimiser": 2**23,
        },
        {
            "users": 800, "items": 1_600, "sent": 5_400_000,
            "parameters": 2**25, "gradients": 2**25, "optimiser": 2**26,
        },
    ],
    "neighbours": {
        "items": 71_494, "columns": 256, "first": 61.0, "second": 0.25, "memory": 600 * 2**20,
    },
    "evaluation": {
        "users": 200, "items": 70_000, "ours": 0.2, "default": 8.0,
        "vectors": 0.05, "product": 0.1,
        "difference": 2e-6, "largest": 0.1,
    },
    "start_up": {
        "first": {"whole": 14.0, "data": 8.0, "model": 2.0},
        "second": {"whole": 9.0, "data": 4.0, "model": 1.0},
    },
}  # fmt: skip


def rows_of(table: tables.Table) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in table[1]}


def test_targets_beside_what_was_measured():
    rows = rows_of(tables.targets(RESULTS))
    assert rows["SLMRec-FAC step / LightGCN step, paper-size TikTok"] == [
        "0.20", "0.25", "0.25", "no",
    ]  # fmt: skip
    straightforward = rows["SLMRec-FAC step / straightforward SLMRec-FAC step, paper-size TikTok"]
    assert straightforward == ["1/15", "1/20", "1/18.3", "yes"]
    assert rows["SLMRec-FD step / SLMRec-FAC step, paper-size TikTok"][1:] == ["4.00", "3.73", "no"]
    assert rows["SLMRec-FAC step / floor, paper-size TikTok"] == ["1.50", "2.00", "", "no"]
    (distinct,) = [row for what, row in rows.items() if what.startswith("the same, with")]
    assert distinct == ["1.50", "2.22", "", "no"]
    assert rows["a hop by torch / by DGL, paper-size TikTok"] == ["1.50", "0.80", "", "yes"]
    (growth,) = [row for what, row in rows.items() if what.startswith("growth")]
    assert growth == ["1.10", "1.00", "", "yes"]
    (memory,) = [row for what, row in rows.items() if what.startswith("peak memory")]
    assert memory == ["1.50", "1.40", "", "yes"]
    assert rows["2 processes of one thread / 1 process of one thread, a step, paper-size TikTok"] == [
        "0.60", "0.65", "", "no",
    ]  # fmt: skip
    assert rows["the same by the time of the processor"] == ["0.60", "0.55", "", "yes"]
    threads = rows[
        "2 processes of one thread / 1 process of two threads, a step, paper-size TikTok"
    ]
    assert threads == ["1.15", "1.30", "", "no"]
    (evaluation,) = [row for what, row in rows.items() if what.startswith("full-sort")]
    assert evaluation == ["1/20", "1/40", "", "yes"]
    (product,) = [row for what, row in rows.items() if "the bare product" in what]
    assert product == ["1.30", "1.50", "", "no"]
    assert rows["largest difference of a metric between the two"] == ["1e-06", "2e-06", "", "no"]
    (nearest,) = [row for what, row in rows.items() if what.startswith("nearest items")]
    assert nearest == ["60.0 s", "61.0 s", "", "no"]
    taken = rows["the same, memory beside the features"]
    assert taken == ["1,024 MiB", "600 MiB", "", "yes"]
    (start,) = [row for what, row in rows.items() if what.startswith("start-up")]
    assert start == ["10.0 s", "9.0 s", "", "yes"]


def test_baselines_beside_their_equations_and_lightgcn():
    rows = rows_of(tables.targets(RESULTS))
    assert rows["FREEDOM step / straightforward FREEDOM step, public TikTok"] == [
        "1/3", "1/5", "1/3", "yes",
    ]  # fmt: skip
    assert rows["FREEDOM step / LightGCN step, public TikTok"] == ["1.00", "0.25", "0.40", "yes"]
    plain = rows["BM3 step / straightforward BM3 step, public TikTok"]
    assert plain == ["1/3", "1/2", "1/1.83", "no"]
    assert rows["BM3 step / LightGCN step, public TikTok"][1:] == ["1.25", "1.20", "no"]
    assert rows["BM3 step / LightGCN step, paper-size TikTok"][1] == "not measured"
    rows = rows_of(tables.baselines(RESULTS["baselines"]["tiktok"]))
    assert list(rows)[0] == FREEDOM
    assert rows[BM3] == ["500.0", "100.0", "1.25", "1/2"]
    assert rows[PLAIN[BM3][0]] == ["1000.0", "100.0", "2.50", ""]


def test_what_was_not_measured_says_so():
    rows = rows_of(tables.targets(RESULTS))
    assert rows["SLMRec-FAC step / LightGCN step, public TikTok"] == [
        "1.10", "not measured", "", "",
    ]  # fmt: skip
    cases = ("steps", "baselines", "hops", "growth", "memory", "processes", "shares")
    cases += ("neighbours", "evaluation", "start_up")
    nothing = {**RESULTS, **{case: {} for case in cases}}
    assert {row[2] for row in tables.targets(nothing)[1]} == {"not measured"}
    assert [title for title, _ in page.terminal(nothing)] == ["Targets"]


def test_steps_are_compared_with_lightgcn_and_the_floor():
    rows = rows_of(tables.steps(STEPS))
    assert list(rows)[0] == FAC and list(rows)[4] == STRAIGHTFORWARD
    assert rows[STRAIGHTFORWARD] == ["2000.0", "10.0", "5.00", "40.00"]
    assert rows["floor of SLMRec-FAC"] == ["50.0", "", "0.12", "1.00"]
    assert rows[FM] == ["110.0", "10.0", "0.27", ""]
    assert rows["of it, graph"] == ["30.0", "", "", ""]


def test_hops_are_compared_where_dgl_has_kernels():
    rows = rows_of(tables.hops(RESULTS["hops"]))
    assert rows["tiktok-paper"] == ["30,000", "20.0", "16.0", "0.80"]
    assert rows["kwai-paper"] == ["3,000", "", "2.0", ""]


def test_processes_are_compared_with_one():
    rows = rows_of(tables.processes(RESULTS["processes"]))
    assert rows["1"] == ["200.0", "1.00", "200.0", "1.00", "8", "8", "16", "0.0"]
    assert rows["2"] == ["130.0", "0.65", "110.0", "0.55", "4", "4", "8", "5.5"]
    assert rows["1, two threads"] == ["100.0", "0.50", "", "", "", "", "", ""]


def test_what_a_process_holds_and_sends_is_shown_by_the_size_of_the_data():
    rows = rows_of(tables.shares(RESULTS["shares"]))
    assert rows["100"] == ["200", "4", "4", "8", "5.0"]
    assert rows["800"] == ["1,600", "32", "32", "64", "5.4"]


def test_memory_of_the_nearest_items_is_shown_where_it_is_known():
    measured = RESULTS["neighbours"]
    assert rows_of(tables.neighbours(measured))["71,494"] == ["256", "61.0", "600", "0.25"]
    unknown = {key: value for key, value in measured.items() if key != "memory"}
    assert rows_of(tables.neighbours(unknown))["71,494"] == ["256", "61.0", "", "0.25"]


def test_growth_takes_the_graph_alone():
    rows = rows_of(tables.growing(RESULTS["growth"]))
    assert rows["400"] == ["41.0", "1.0", "40.0", "100000"]


@pytest.mark.parametrize("exponent", [1.0, 1.5])
def test_slope(exponent):
    sizes = [1, 2, 4, 8]
    assert slope(sizes, [3 * size**exponent for size in sizes]) == pytest.approx(exponent)


def test_a_run_is_written_as_page_figures_and_json():
    output = Path("docs/performance.md")
    page.write_all(RESULTS, output)
    text = output.read_text(encoding="utf-8")
    assert "$" not in text
    assert "| of it, graph | 30.0 |  |  |  |" in text
    for part in ("steps", "growth"):
        assert f"](performance-{part}.png)" in text
        assert Path(f"docs/performance-{part}.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(Path("docs/performance.json").read_text(encoding="utf-8")) == RESULTS
    assert "quick run" not in text


def test_a_part_of_a_run_names_what_is_missing():
    part = copy.deepcopy(RESULTS) | {"quick": True, "growth": {}, "memory": {}}
    page.write_all(part, Path("part.md"))
    text = Path("part.md").read_text(encoding="utf-8")
    assert text.count("Not measured in this run.") == 2
    assert "A quick run" in text
    assert not Path("part-growth.png").exists()
