"""The table's forms: the same numbers, marked and escaped as each form needs."""

from __future__ import annotations

import csv
import io

import pytest
from scipy.stats import ttest_rel

from recbole_slmrec.compare import table
from recbole_slmrec.compare.statistics import summarise
from tests.compare.made_up import outcomes

P_VALUE = f"{ttest_rel([0.7, 0.6, 0.9, 0.4], [0.5, 0.3, 0.7, 0.1]).pvalue:.3f}"


@pytest.fixture
def summary():
    return summarise(outcomes())


def test_the_terminal_aligns_columns_and_marks_only_when_styled(summary):
    plain = table.terminal(summary, styled=False)
    lines = plain.splitlines()
    assert lines[0].split() == ["model", "Recall@10", "Precision@10"]
    assert lines[2].split() == ["A_1", "0.65000", "±", "0.07071", "0.40000", "±", "0.14142"]
    assert len(lines[0]) == len(lines[1]) == len(lines[2]) == len(lines[3])
    assert lines[5] == "D         failed: no_luck"
    assert lines[7].split() == ["%Improv.", "+62.50%", "-33.33%"]
    assert lines[8].split() == ["p-value", P_VALUE, "–"]
    assert "C, seed 2 failed and is left out: it <broke> & 5%" in lines
    assert "\033" not in plain
    styled = table.terminal(summary, styled=True)
    assert "\033[1m0.65000 ± 0.07071\033[0m" in styled
    assert "\033[4m0.40000 ± 0.14142\033[0m" in styled
    for code in ("\033[0m", "\033[1m", "\033[4m"):
        styled = styled.replace(code, "")
    assert styled == plain


def test_markdown(summary):
    lines = table.markdown(summary).splitlines()
    assert lines[0] == "| model | Recall@10 | Precision@10 |"
    assert lines[1] == "| --- | ---: | ---: |"
    assert lines[2] == "| A_1 | **0.65000 ± 0.07071** | <u>0.40000 ± 0.14142</u> |"
    assert lines[4] == "| C | 0.10000 | **0.60000** |"
    assert lines[5] == "| D | failed: no_luck |"
    assert lines[6] == "| %Improv. | +62.50% | -33.33% |"
    assert lines[7] == f"| p-value | {P_VALUE} | – |"
    assert "- %Improv.: A_1 over the strongest other (B in Recall@10; C in Precision@10)." in lines


def test_latex(summary):
    text = table.latex(summary, "Results on a_b (test)")
    assert r"\caption{Results on a\_b (test)}" in text
    assert r"\begin{tabular}{lrr}" in text
    assert r"A\_1 & \textbf{0.65000 $\pm$ 0.07071} & \underline{0.40000 $\pm$ 0.14142} \\" in text
    assert r"D & \multicolumn{2}{l}{failed: no\_luck} \\" in text
    assert r"\%Improv. & +62.50\% & -33.33\% \\" in text
    assert rf"p-value & {P_VALUE} & -- \\" in text
    body = text[text.index(r"\begin{table}") :]
    assert body.count(r"\midrule") == 2 and body.count("±") == 0
    assert table.latex(summarise(outcomes()[:1]), "").count(r"\midrule") == 1


def test_csv_holds_numbers_in_full(summary):
    rows = list(csv.DictReader(io.StringIO(table.csv_text(summary))))
    assert [row["model"] for row in rows] == (
        ["A_1", "B", "C", "D", "%Improv.", "p-value", "strongest other"]
    )
    scores = summary.scores["A_1"]["recall@10"]
    assert float(rows[0]["recall@10"]) == scores.mean
    assert float(rows[0]["recall@10 deviation"]) == scores.deviation
    assert [row["seeds"] for row in rows[:4]] == ["2", "2", "1", "0"]
    assert rows[2]["error"] == "seed 2: it <broke> & 5%"
    assert rows[3]["recall@10"] == "" and rows[3]["error"] == "seed 1: no_luck; seed 2: no_luck"
    assert float(rows[5]["recall@10"]) == summary.improvements["recall@10"].p_value
    assert (rows[6]["recall@10"], rows[6]["precision@10"]) == ("B", "C")


def test_small_p_values_keep_their_magnitude():
    assert table._p_value(0.04999) == "0.050"
    assert table._p_value(0.00012) == "1.2e-04"
