"""Checkpoints: what goes in comes out, and nothing read from a file runs."""

from __future__ import annotations

import os
import pickle
import random

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from recbole_slmrec import quick_start
from recbole_slmrec.training import checkpoint
from recbole_slmrec.training.checkpoint import (
    load_checkpoint,
    plain_settings,
    random_state,
    restore_random_state,
    save_checkpoint,
)
from tests.trained import at_home, home  # noqa: F401


def test_values_survive_with_their_types(tmp_path):
    state = {
        "tensor": torch.randn(3),
        "array": np.arange(6, dtype=np.uint32).reshape(2, 3),
        "sparse": sp.random(5, 4, 0.5, format="csc", random_state=0),
        "plain": {"a": [1, 2.5, None, True], "b": ("x", (1,))},
        "score": np.float64(0.25),
    }
    save_checkpoint(state, tmp_path / "a.pth")
    loaded = load_checkpoint(tmp_path / "a.pth")
    assert torch.equal(loaded["tensor"], state["tensor"])
    assert loaded["array"].dtype == np.uint32 and (loaded["array"] == state["array"]).all()
    assert loaded["sparse"].format == "csc" and (loaded["sparse"] != state["sparse"]).nnz == 0
    assert loaded["plain"] == state["plain"]
    assert loaded["score"] == 0.25 and type(loaded["score"]) is float


def test_what_needs_a_pickle_is_refused_and_leaves_no_file(tmp_path):
    with pytest.raises(TypeError, match=r"\[settings.model\] is a type: a checkpoint holds"):
        save_checkpoint({"settings": {"model": int}}, tmp_path / "a.pth")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_writing_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.pth"
    save_checkpoint({"epoch": 1}, path)

    def full_disk(state, file):
        open(file, "wb").write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoint.torch, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint({"epoch": 2}, path)
    assert load_checkpoint(path)["epoch"] == 1
    assert list(tmp_path.iterdir()) == [path]


class Malice:
    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_a_malicious_pickle_does_not_run(tmp_path, writer):
    path, marker = tmp_path / "evil.pth", tmp_path / "ran"
    content = {"format": checkpoint.FORMAT, "state_dict": Malice(marker)}
    if writer == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(ValueError, match=r"evil\.pth is refused: it holds more than tensors"):
        load_checkpoint(path)
    assert not marker.exists()


def test_files_that_are_no_checkpoint_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no checkpoint \[.*none\.pth\]"):
        load_checkpoint(tmp_path / "none.pth")
    path = tmp_path / "a.pth"
    save_checkpoint({"tensor": torch.randn(1000)}, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"a\.pth is truncated or not a checkpoint"):
        load_checkpoint(path)
    torch.save({"state_dict": {}}, path)
    with pytest.raises(ValueError, match=r"a\.pth is not a checkpoint of this package"):
        load_checkpoint(path)


def test_random_states_are_restored(tmp_path):
    save_checkpoint(random_state(), tmp_path / "a.pth")
    drawn = random.random(), np.random.rand(), torch.rand(1).item()
    restore_random_state(load_checkpoint(tmp_path / "a.pth"))
    assert (random.random(), np.random.rand(), torch.rand(1).item()) == drawn


def test_settings_keep_what_can_be_written_down():
    settings = {"tau": 0.2, "device": torch.device("cpu"), "topk": [10]}
    assert plain_settings(settings) == {"tau": 0.2, "topk": [10]}


CHECKPOINT = "saved/SLMRec.pth"
_OFF = ("popularity_weight", "linear_weight", "cold_share", "ema_decay")


def test_settings_of_before_are_kept_whatever_the_defaults_became(at_home):  # noqa: F811
    """What the version wrote that compared in the batch and ranked by inner product."""
    state = load_checkpoint(CHECKPOINT)
    came_later = ("negatives", "exclude_positives", "score", *_OFF)
    settings = {key: state["settings"][key] for key in state["settings"] if key not in came_later}
    state["settings"] = {**settings, "main_loss": "in_batch", "tau": 0.37}
    config = quick_start.config_of(state, {}, CHECKPOINT)
    found = {key: config[key] for key in ("main_loss", "tau", *came_later)}
    assert found == {
        "main_loss": "info_nce",
        "tau": 0.37,
        "negatives": "in_batch",
        "exclude_positives": False,
        "score": "dot",
        **dict.fromkeys(_OFF, 0.0),
    }
    state["external"] = {**state["external"], "main_loss": "in_batch", "tau": 0.5}
    config = quick_start.config_of(state, {"tau": 0.6}, CHECKPOINT)
    assert (config["main_loss"], config["negatives"], config["tau"]) == (
        "info_nce",
        "in_batch",
        0.6,
    )


def test_a_weight_in_another_unit_is_refused_with_the_file(at_home):  # noqa: F811
    state = load_checkpoint(CHECKPOINT)
    state["settings"]["linear_weight"] = 5.0
    del state["settings"]["linear_user_power"]
    with pytest.raises(
        ValueError, match="saved/SLMRec.pth is of a version whose linear_weight had"
    ):
        quick_start.config_of(state, {}, CHECKPOINT)


def test_a_value_that_changed_on_the_disk_is_told(tmp_path):
    path = tmp_path / "a.pth"
    save_checkpoint({"weights": torch.full((64,), 2.0)}, path)
    content = path.read_bytes()
    path.write_bytes(content.replace(torch.full((4,), 2.0).numpy().tobytes(), b"\0" * 16, 1))
    with pytest.raises(
        ValueError, match=r"a\.pth is truncated or not a checkpoint: its part .* damaged"
    ):
        load_checkpoint(path)


def test_an_empty_pickle_is_no_checkpoint(tmp_path):
    path = tmp_path / "a.pth"
    path.write_bytes(b"\x80\x02.")
    with pytest.raises(ValueError, match=r"a\.pth is "):
        load_checkpoint(path)
