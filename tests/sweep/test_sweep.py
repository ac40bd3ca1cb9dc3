"""Sweeps: what is run, what the tables say, and which value validation picks."""

from __future__ import annotations

import csv
import io

import pytest
from matplotlib.figure import Figure

from recbole_slmrec.compare.names import parse_models
from recbole_slmrec.compare.runs import Outcome
from recbole_slmrec.sweep import chart, table
from recbole_slmrec.sweep.grid import parse_sweep
from tests.compare.made_up import kept_run

MODELS = "SLMRec[ssl_task=FD],BPR"


def made_sweep(values: str = "0.1,0.5,1"):
    return parse_sweep(parse_models(MODELS), "alpha", values)


def made_figures(*rows: Outcome):
    """SLMRec at three values, of which the second is best; BPR at the first alone."""
    sweep = made_sweep()
    recalls = {0: [[0.2], [0.4]], 1: [[0.6], [0.8]], 2: [[0.5], [0.5]], 3: [[0.3]]}
    outcomes = []
    for number, entry in enumerate(sweep.entries()):
        runs = [
            kept_run(entry.label, seed, each) for seed, each in enumerate(recalls.get(number, []))
        ]
        outcomes.append(Outcome(entry.label, runs, {} if runs else {1: "it broke"}))
    return table.figures(sweep, outcomes)


def test_every_model_is_run_at_every_value():
    assert [(entry.label, entry.overrides) for entry in made_sweep("0.1,1").entries()] == [
        ("SLMRec[ssl_task=FD,alpha=0.1]", {"ssl_task": "FD", "alpha": "0.1"}),
        ("SLMRec[ssl_task=FD,alpha=1]", {"ssl_task": "FD", "alpha": "1"}),
        ("BPR[alpha=0.1]", {"alpha": "0.1"}),
        ("BPR[alpha=1]", {"alpha": "1"}),
    ]


def test_a_row_is_what_compare_makes_of_the_same_brackets():
    for entry in made_sweep().entries():
        assert parse_models(entry.label) == [entry]


def test_values_may_hold_commas_in_brackets():
    assert parse_sweep(parse_models("SLMRec"), "modalities", "[v],[v,a]").values == ["[v]", "[v,a]"]


@pytest.mark.parametrize(
    "models, key, values, told",
    [
        (
            "SLMRec[alpha=1]",
            "alpha",
            "1,2",
            r"models: \[alpha\] in SLMRec\[alpha=1\] is what --vary",
        ),
        ("SLMRec", "alpha", "1", r"--values \[1\]: name two or more"),
        ("SLMRec", "alpha", "1,2,1", "--values: 1 is named more than once"),
        ("SLMRec", "dataset", "a,b", r"--vary \[dataset\] must be the same for all models"),
        ("SLMRec", "seed", "1,2", "leave it out there and pass --seeds"),
    ],
)
def test_what_cannot_be_swept_is_told(models, key, values, told):
    with pytest.raises(ValueError, match=told):
        parse_sweep(parse_models(models), key, values)


def test_a_row_has_means_and_deviations_and_a_star_where_validation_picks():
    assert table.rows(made_figures(), "test", "recall@10") == [
        ["SLMRec[ssl_task=FD]", "0.30000 ± 0.14142", "0.70000 ± 0.14142 *", "0.50000 ± 0.00000"],
        ["BPR", "0.30000 *", "failed", "failed"],
    ]


def test_validation_picks_by_validation_and_not_by_test():
    sweep = parse_sweep(parse_models("BPR"), "learning_rate", "0.1,1")
    runs = [
        kept_run("", 1, [0.9], valid={"recall@10": 0.1}),
        kept_run("", 1, [0.2], valid={"recall@10": 0.3}),
    ]
    outcomes = [Outcome(e.label, [run]) for e, run in zip(sweep.entries(), runs)]
    assert table.figures(sweep, outcomes).picked("BPR") == "1"


def test_validation_is_shown_first_and_nothing_is_picked_without_it():
    assert table.panels(made_figures())[:2] == [("valid", "recall@10"), ("test", "recall@10")]
    sweep = parse_sweep(parse_models("BPR"), "learning_rate", "0.1,1")
    outcomes = [Outcome(e.label, [kept_run("", 1, [0.5], valid={})]) for e in sweep.entries()]
    found = table.figures(sweep, outcomes)
    assert table.panels(found) == [("test", "recall@10"), ("test", "precision@10")]
    assert found.picked("BPR") is None and "*" not in table.terminal(found)


def test_notes_name_what_failed():
    notes = table.notes(made_figures())
    assert notes[0] == "Mean ± sample standard deviation over seeds."
    assert "BPR with alpha=0.5 failed: it broke" in notes


def test_the_csv_holds_every_number_in_full():
    lines = list(csv.DictReader(io.StringIO(table.csv_text(made_figures()))))
    best = [line for line in lines if line["picked"] and line["model"] != "BPR"]
    assert [
        (line["alpha"], line["split"], line["metric"], float(line["mean"])) for line in best
    ] == [
        ("0.5", "validation", "recall@10", 0.35),
        ("0.5", "test", "recall@10", 0.7),
        ("0.5", "test", "precision@10", 0.1),
    ]
    assert [line["error"] for line in lines if not line["mean"]] == ["it broke", "it broke"]


def test_markdown_has_a_table_a_panel():
    text = table.markdown(made_figures())
    assert text.count("| model | alpha=0.1 | alpha=0.5 | alpha=1 |") == 3
    assert "Recall@10 on validation" in text and "Precision@10 on test" in text


def test_the_chart_has_a_line_a_model_through_its_means(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(chart, "save", lambda figure, path: drawn.append(figure))
    chart.draw(made_figures(), tmp_path / "chart.png")
    assert isinstance(drawn[0], Figure)
    valid, recall, precision = drawn[0].axes
    assert recall.get_title() == "Recall@10 on test"
    lines = recall.get_lines()
    means = [line.get_ydata().tolist() for line in lines if len(line.get_ydata()) == 3]
    assert means[0] == [pytest.approx(0.3), pytest.approx(0.7), pytest.approx(0.5)]
    stars = [
        (line.get_xdata()[0], line.get_ydata()[0]) for line in lines if line.get_marker() == "*"
    ]
    assert stars == [(1, pytest.approx(0.7)), (0, pytest.approx(0.3))]
    assert [text.get_text() for text in recall.get_xticklabels()] == ["0.1", "0.5", "1"]
