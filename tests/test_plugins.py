"""Models and tasks from outside: docs/adding-a-model.md as it stands, and what is refused."""

from __future__ import annotations

import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pandas as pd
import pytest
import torch

from recbole_slmrec import cli, plugins, quick_start
from recbole_slmrec.config import Config
from recbole_slmrec.recommend import Recommender
from recbole_slmrec.registry import get_model, model_names
from recbole_slmrec.settings import model_defaults
from recbole_slmrec.training.checkpoint import load_checkpoint
from recbole_slmrec.training.trainer import SLMRecTrainer, get_trainer

GUIDE = Path(__file__).parent.parent / "docs" / "adding-a-model.md"
QUICK = {"epochs": 2, "train_batch_size": 64, "show_progress": False, "state": "ERROR"}
FLAGS = [f"--{key}={value}" for key, value in QUICK.items()]


@pytest.fixture
def guide(made, tmp_path, monkeypatch):
    """The guide's files in the current folder, which is that of the made-up data set."""
    monkeypatch.setattr(plugins, "_imported", {})
    monkeypatch.setattr(sys, "path", [*sys.path])
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    for file, code in blocks:
        Path(file).write_text(code, encoding="utf-8")
    yield [file for file, _ in blocks]
    for file, _ in blocks:
        sys.modules.pop(file.removesuffix(".py"), None)


def checkpoint_of(model: str, **settings) -> str:
    return quick_start.run(model, "made", config_dict={**QUICK, **settings})["checkpoint"]


def test_the_guides_files(guide):
    assert guide == ["taste.py", "half.py"]


def test_a_model_by_its_dotted_name_runs_and_has_its_settings(guide):
    path = checkpoint_of("taste.Taste", embedding_size=8)
    checkpoint = load_checkpoint(path)
    assert Path(path).name.startswith("taste.Taste-") and checkpoint["model"] == "taste.Taste"
    assert checkpoint["state_dict"]["taste.weight"].shape == (61, 8)
    assert checkpoint["settings"]["word_embedding_size"] == 32
    config = Config("taste.Taste", "made", config_dict=QUICK)
    assert issubclass(get_trainer(config["MODEL_TYPE"], config["model"]), SLMRecTrainer)
    assert config["embedding_size"] == 32 and not config.warnings()
    (told,) = Config("taste.Taste", "made", config_dict={"embeding_size": 3}).warnings()
    assert "did you mean embedding_size" in told


def test_its_ranking_is_its_equation(guide):
    path = checkpoint_of("taste.Taste")
    recommender = Recommender.load(path)
    model = recommender.model
    with torch.no_grad():
        users, items = model()
    pairs = [("u3", "i4"), ("u9", "i0")]
    rows = (recommender.users.rows(["u3", "u9"]), recommender.items.rows(["i4", "i0"]))
    expected = (users[rows[0]] * items[rows[1]]).sum(1)
    torch.testing.assert_close(torch.from_numpy(recommender.score(pairs)), expected)


def test_the_guides_commands(guide, tmp_path, monkeypatch):
    def run(verb: str, *flags: str) -> int:
        return cli.main([verb, *flags, *FLAGS])

    models = "--models=taste.Taste,taste.Taste[embedding_size=8],BPR"
    assert run("compare", models, "--dataset=made", "--seeds=1", "--output=table") == 0
    assert "taste.Taste[embedding_size=8]" in next(Path("table").glob("*.md")).read_text()
    Path("taste.hyper").write_text("embedding_size choice [4,8]\n")
    flags = [
        "--model=taste.Taste",
        "--dataset=made",
        "--params_file=taste.hyper",
        "--output=search",
    ]
    assert cli.main(["tune", *flags, "--epochs=2", "--train_batch_size=64"]) == 0
    path = checkpoint_of("taste.Taste")
    flags = [f"--checkpoint={path}", "--model=taste.Taste", "--output=recs.csv", "--k=3"]
    assert cli.main(["recommend", *flags]) == 0
    assert len(pd.read_csv("recs.csv")) == 180
    assert cli.main(["refit", f"--checkpoint={path}", "--model=taste.Taste"]) == 0
    assert cli.main(["export", f"--checkpoint={path}", "--output=vectors"]) == 0


def test_a_checkpoint_alone_has_nothing_imported(guide, capsys, monkeypatch):
    path = checkpoint_of("taste.Taste")
    plugins._imported.clear()
    del sys.modules["taste"]
    assert cli.main(["evaluate", f"--checkpoint={path}"]) == 2
    said = capsys.readouterr().err
    assert f"{path} has the model [taste.Taste], which is no part of this package" in said
    assert "say so with --model=taste.Taste" in said and "taste" not in sys.modules
    assert cli.main(["evaluate", f"--checkpoint={path}", "--model=taste.Taste"]) == 0


def test_a_task_by_its_dotted_name(guide):
    path = checkpoint_of("SLMRec", ssl_task="half.WithoutId", main_loss="none")
    plugins._imported.clear()
    with pytest.raises(ValueError, match=r"has the ssl_task \[half.WithoutId\], which is no part"):
        quick_start.load_data_and_model(path)
    settings = {"ssl_task": "half.WithoutId"}
    _, model, *_ = quick_start.load_data_and_model(path, settings)
    assert type(model.ssl_task).__name__ == "WithoutId"
    encoding = model.encoder()
    first, second = model.ssl_task.views(encoding)
    assert first is encoding and second.item_parts["id"] is None


def declare(monkeypatch, name: str, value: str, group: str) -> None:
    points = {group: [EntryPoint(name, value, group)]}
    monkeypatch.setattr(plugins, "entry_points", lambda group: points.get(group, []))


def test_a_declared_model_has_a_short_name(guide, monkeypatch):
    monkeypatch.syspath_prepend(".")
    declare(monkeypatch, "Taste", "taste:Taste", "recbole_slmrec.models")
    assert "Taste" in model_names()
    path = checkpoint_of("Taste")
    plugins._imported.clear()
    assert load_checkpoint(path)["model"] == "Taste"
    assert quick_start.evaluate(path)["recall@10"] > 0


def test_a_declared_task_has_a_short_name(guide, monkeypatch):
    monkeypatch.syspath_prepend(".")
    declare(monkeypatch, "half", "half:WithoutId", "recbole_slmrec.ssl_tasks")
    assert (
        load_checkpoint(checkpoint_of("SLMRec", ssl_task="half"))["settings"]["ssl_task"] == "half"
    )
    with pytest.raises(ValueError, match=r"ssl_task \[halve\] is not one of FAC, .*RW, half, none"):
        checkpoint_of("SLMRec", ssl_task="halve")


def test_a_class_made_from_ours_has_our_settings_too(guide):
    Path("kin.py").write_text(
        "from recbole_slmrec.model.freedom import FREEDOM\n"
        "class Kin(FREEDOM):\n    defaults = {'prune_ratio': 0.5, 'mine': 1}\n"
    )
    get_model("kin.Kin")
    assert model_defaults("kin.Kin") == {**model_defaults("FREEDOM"), "prune_ratio": 0.5, "mine": 1}
    assert checkpoint_of("kin.Kin")
    del sys.modules["kin"]


def test_a_class_itself_may_be_given(guide):
    model_class = get_model("taste.Taste")
    plugins._imported.clear()
    checkpoint = load_checkpoint(checkpoint_of(model_class))
    assert checkpoint["model"] == "taste.Taste"


@pytest.mark.parametrize(
    "name, message",
    [
        ("nowhere.Model", r"there is no module \[nowhere\] to import \[nowhere.Model\] from"),
        ("taste.Tast", r"the module \[taste\], .*taste.py, has no class \[Tast\]"),
        ("taste.bpr", r"\[taste.bpr\] is no class that is made from AbstractRecommender"),
        ("taste.nn", r"\[taste.nn\] is no class that is made from AbstractRecommender"),
        ("taste..Taste", r"\[taste..Taste\] is no dotted name of a class"),
        ("../taste", r"\[../taste\] is no dotted name of a class"),
        ("Tast", r"there is no model \[Tast\]"),
    ],
)
def test_names_that_stand_for_no_model_are_refused(guide, name, message):
    with pytest.raises(ValueError, match=message):
        get_model(name)


def test_an_error_in_the_file_itself_is_shown_as_it_is(guide):
    Path("broken.py").write_text("import a_package_that_is_not_there\n")
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_not_there"):
        get_model("broken.Model")
