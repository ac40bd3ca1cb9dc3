"""Refit: all interactions, the chosen number of epochs, and no claim of metrics."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from recbole_slmrec import cli, quick_start
from recbole_slmrec.recommend import Recommender
from recbole_slmrec.training.checkpoint import load_checkpoint
from recbole_slmrec.training.refit import refit
from tests.made import read_pairs
from tests.trained import QUICK, train

SPLITS = ("train", "valid", "test")


@pytest.mark.parametrize("model", ["SLMRec", "LightGCN", "MultiVAE", "ItemKNN"])
def test_a_refit_trains_on_everything_as_long_as_validation_said(made, model):
    path = train(model, epochs=6, stopping_step=2)
    chosen = load_checkpoint(path)
    refitted = load_checkpoint(refit(path))
    assert refitted["refit"] is True and chosen["refit"] is False
    assert refitted["epoch"] == chosen["epoch"]
    assert refitted["best_valid_result"] is None
    assert refitted["data"]["number of training interactions"] == 540
    assert chosen["data"]["number of training interactions"] == 360
    for key in ("number of users", "number of items", "user ids", "item ids"):
        assert refitted["data"][key] == chosen["data"][key]
    assert refitted["external"] == chosen["external"]
    for key in ("learning_rate", "train_batch_size", "seed", "weight_decay"):
        assert refitted["settings"].get(key) == chosen["settings"].get(key), key


def test_it_is_a_run_on_a_data_set_whose_training_split_is_everything(made):
    """The same bits as training on one file that holds all three."""
    path = train("SLMRec", epochs=4)
    checkpoint = load_checkpoint(path)
    epochs, before = checkpoint["epoch"] + 1, checkpoint["state_dict"]
    refitted = load_checkpoint(refit(path))["state_dict"]
    rows = [pair for split in SPLITS for pair in read_pairs(made / f"made.{split}.inter")]
    text = "user_id:token\titem_id:token\n" + "".join(f"{u}\t{i}\n" for u, i in rows)
    (made / "made.train.inter").write_text(text)
    for split in ("valid", "test"):
        # RecBole wants these, and numbers ids by where they come first.
        (made / f"made.{split}.inter").write_text("\n".join(text.splitlines()[:2]) + "\n")
    # What `auto` stood for on the smaller training split stays.
    auto = {"negatives": "in_batch", "tau": 0.5, "ssl_task": "FAC"}
    auto.update(linear_user_power=0.0, linear_item_power=0.0)
    by_hand = load_checkpoint(train("SLMRec", epochs=epochs, eval_step=0, **auto))
    # What validation chose stays.
    chosen = {
        key: value for key, value in before.items() if key.startswith(("popularity.", "linear."))
    }
    assert len(chosen) == 4
    for name, value in {**by_hand["state_dict"], **chosen}.items():
        assert torch.equal(value, refitted[name]), name


def test_a_refit_is_repeatable_and_recommended_from(made):
    path = train("SLMRec", epochs=3)
    first, second = refit(path), refit(path, Path("saved/again.pth"))
    assert first == Path("saved/SLMRec-refit.pth") and second == Path("saved/again.pth")
    states = [load_checkpoint(each)["state_dict"] for each in (first, second)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    loaded = Recommender.load(first)
    seen = {pair for split in SPLITS for pair in read_pairs(made / f"made.{split}.inter")}
    found = loaded.recommend(k=45)
    assert not seen & set(zip(found["user"], found["item"]))
    assert len(found) == 60 * 45 - len(seen)
    # Its graph holds the test interactions too.
    assert int(loaded.model.encoder.propagation.block.user_degrees.sum()) == len(seen)


def test_no_metric_is_given_for_a_refit(made, capsys):
    refitted = refit(train("SLMRec", epochs=2))
    with pytest.raises(ValueError, match="is a refit: it was trained on the test interactions too"):
        quick_start.evaluate(str(refitted))
    with pytest.raises(ValueError, match="is a refit already: it has seen all interactions"):
        refit(refitted)
    with pytest.raises(ValueError, match="is a refit: it can be recommended from, not gone on"):
        quick_start.run(
            "SLMRec", "made", config_dict={**QUICK, "epochs": 9, "resume": str(refitted)}
        )


def test_the_command(made, capsys):
    path = train("VBPR", epochs=2)
    assert cli.main(["refit", f"--checkpoint={path}", "--output=saved/whole.pth"]) == 0
    assert "Checkpoint: saved/whole.pth" in capsys.readouterr().out
    assert cli.main(["refit", f"--checkpoint={path}", "--output=no/whole.pth"]) == 2
    assert "there is no folder [no] to write whole.pth to" in capsys.readouterr().err
    assert cli.main(["refit", "--checkpoint=none.pth"]) == 2
    assert "there is no checkpoint [none.pth]" in capsys.readouterr().err


def test_data_that_have_changed_are_refused(made):
    path = train("VBPR", epochs=1)
    file = made / "made.train.inter"
    file.write_text(file.read_text() + "u0\ti0\n")
    with pytest.raises(ValueError, match="has changed since: the number of training interactions"):
        refit(path)
