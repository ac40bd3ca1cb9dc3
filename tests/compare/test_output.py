"""The files of a comparison, made from made-up outcomes."""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path

import pytest
import yaml
from matplotlib.image import imread

from recbole_slmrec.compare import figures
from recbole_slmrec.compare.output import write_all
from recbole_slmrec.compare.runs import Outcome
from recbole_slmrec.compare.statistics import summarise
from tests.compare.made_up import kept_run, outcomes


@pytest.fixture
def page(tmp_path) -> str:
    write_all(outcomes(), tmp_path / "out", "python run_compare.py --models='A_1,B'")
    return (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_every_form_is_written_and_nothing_else(page, tmp_path):
    names = {path.name for path in (tmp_path / "out").iterdir()}
    expected = {"table.csv", "table.md", "valid.tex", "test.tex", "metrics.png", "training.png"}
    assert names == expected | {"index.html"}
    assert "(validation)" in (tmp_path / "out" / "valid.tex").read_text(encoding="utf-8")
    assert "0.32500" in (tmp_path / "out" / "valid.tex").read_text(encoding="utf-8")
    assert "0.65000" in (tmp_path / "out" / "test.tex").read_text(encoding="utf-8")


def test_latex_tables_go_where_recboles_flags_say(tmp_path):
    valid, test = tmp_path / "latex" / "v.tex", tmp_path / "latex" / "t.tex"
    (tmp_path / "out").mkdir()
    write_all(outcomes(), tmp_path / "out", "", valid, test)
    assert "(validation)" in valid.read_text(encoding="utf-8")
    assert "(test)" in test.read_text(encoding="utf-8")
    assert not list((tmp_path / "out").glob("*.tex"))


def test_the_page_carries_its_images_and_loads_nothing(page, tmp_path):
    images = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert [base64.b64decode(image) for image in images] == [
        (tmp_path / "out" / name).read_bytes() for name in ("metrics.png", "training.png")
    ]
    assert not re.search(r"<script|<link|http|src=\"(?!data:)", page)


def test_the_page_says_how_the_figures_came_about(page):
    assert "4 users, 9 items; interactions: 20 training, 4 validation, 8 test" in page
    assert "but those of the user's training and validation interactions" in html.unescape(page)
    assert "seeds 1, 2." in page
    assert "<code>epochs=2</code>" in page
    settings = re.search("<summary>B, seed 1</summary><pre>(.*?)</pre>", page, re.DOTALL)[1]
    assert yaml.safe_load(html.unescape(settings)) == kept_run("B", 1, [0.0])["settings"]
    assert "torch 2.13" in page
    assert "python run_compare.py --models='A_1,B'" in html.unescape(page)
    assert "python run_recbole.py --model=B --seed=2" in page


def test_the_page_escapes_what_an_error_says(page):
    assert "<td><b>0.65000</b><small>± 0.07071</small></td>" in page
    assert "it &lt;broke&gt; &amp; 5%" in page and "<broke>" not in page
    assert '<td colspan="2" class="error">failed: no_luck</td>' in page


def test_figures_name_axes_and_every_model(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "save", lambda figure, path: drawn.append(figure))
    figures.draw_bars(summarise(outcomes()), tmp_path / "a.png")
    figures.draw_curves(outcomes(), tmp_path / "b.png")
    bars, curves = drawn
    assert [panel.get_xlabel() for panel in bars.axes] == [
        "Recall@10 on test",
        "Precision@10 on test",
    ]
    assert [tick.get_text() for tick in bars.axes[0].get_yticklabels()] == ["A_1", "B", "C"]
    assert [bar.get_width() for bar in bars.axes[0].patches] == pytest.approx([0.65, 0.4, 0.1])
    scores, losses, by_second = curves.axes
    assert scores.get_ylabel() == "Recall@10 on validation" and scores.get_xlabel() == "epoch"
    assert [text.get_text() for text in curves.legends[0].get_texts()] == ["A_1", "B", "C"]
    assert len(scores.lines) == len(losses.lines) == 5
    assert losses.lines[0].get_ydata().tolist() == [1.0, 0.5]
    assert by_second.lines[0].get_xydata().tolist() == [[1, 1], [4, 0.5]]
    assert by_second.get_xlabel() == "seconds of training"
    assert scores.lines[0].get_xydata().tolist() == [[1, 0.1], [2, 0.2]]


def test_a_model_without_a_loss_and_many_models_are_drawn(tmp_path):
    many = [
        Outcome(f"M{n}", [kept_run(f"M{n}", 1, [n / 20, 0.5, 0.1, n / 30])]) for n in range(1, 13)
    ]
    many.append(Outcome("Pop", [kept_run("Pop", 1, [0.1] * 4, loss=[0.0], valid_score=[[1, 0.1]])]))
    path: Path = tmp_path / "c.png"
    figures.draw_curves(many, path)
    figures.draw_bars(summarise(many), tmp_path / "d.png")
    height, width, _ = imread(path).shape
    assert width > height > 400
