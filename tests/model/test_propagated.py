"""The file of propagated features: read when nothing changed, made anew when anything did."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.model import propagated
from recbole_slmrec.model.propagated import propagated_features

USERS, ITEMS = torch.tensor([1, 1, 2, 3, 4, 4, 4]), torch.tensor([1, 2, 2, 5, 1, 2, 5])
FEATURES = torch.rand(8, 3)


@pytest.fixture(autouse=True)
def worth_a_file(monkeypatch):
    monkeypatch.setattr(propagated, "_WORTH_A_FILE", 0)


def propagation_of(items=ITEMS, n_layers=3, adjacency="pre") -> Propagation:
    graph = interaction_graph(USERS, items, 6, 8)
    return Propagation(InteractionBlock(graph, torch.device("cpu")), n_layers, adjacency)


def unable() -> Propagation:
    propagation = propagation_of()
    propagation.from_items = lambda features: pytest.fail("propagated anew")
    return propagation


def assert_equal(actual, expected):
    for table, other in zip(actual, expected, strict=True):
        assert torch.equal(table, other)


def test_the_second_time_they_are_read(tmp_path):
    first = propagated_features("v", FEATURES, propagation_of(), tmp_path / "there")
    assert_equal(first, propagation_of().from_items(FEATURES))
    assert_equal(propagated_features("v", FEATURES, unable(), tmp_path / "there"), first)


@pytest.mark.parametrize(
    "features, changed",
    [
        (FEATURES + 1e-6, {}),
        (FEATURES.flip(0), {}),
        (FEATURES.double(), {}),
        (FEATURES, {"items": ITEMS.roll(1)}),
        (FEATURES, {"n_layers": 2}),
        (FEATURES, {"adjacency": "gcmc"}),
    ],
)
def test_what_was_made_from_anything_else_is_not_read_and_gives_way(tmp_path, features, changed):
    propagated_features("v", FEATURES, propagation_of(), tmp_path)
    propagated_features("other", FEATURES, propagation_of(), tmp_path)
    (stale,) = tmp_path.glob("v-*")
    made = propagated_features("v", features, propagation_of(**changed), tmp_path)
    assert_equal(made, propagation_of(**changed).from_items(features))
    assert not stale.exists()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "broken", ["cut", "empty", "value", "header", "zip", "pickle", "shape", "dtype"]
)
def test_a_file_that_is_not_whole_or_not_a_table_is_made_anew(tmp_path, broken):
    expected = propagated_features("v", FEATURES, propagation_of(), tmp_path)
    (path,) = tmp_path.iterdir()
    if broken == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif broken == "empty":
        path.write_bytes(b"")
    elif broken == "value":
        content = bytearray(path.read_bytes())
        content[-7] ^= 1
        path.write_bytes(content)
    elif broken == "header":
        path.write_bytes(path.read_bytes().replace(b"}", b" ", 1))
    elif broken == "zip":
        with path.open("wb") as file:
            np.savez(file, np.zeros(3))
    else:
        others = {
            "pickle": np.array([{}]),
            "shape": np.zeros((2, 3), np.float32),
            "dtype": np.zeros((14, 3), np.float64),
        }
        np.save(path, others[broken])
    assert_equal(propagated_features("v", FEATURES, propagation_of(), tmp_path), expected)
    assert_equal(propagated_features("v", FEATURES, unable(), tmp_path), expected)


def test_where_nothing_can_be_written_they_are_made_and_the_log_says_so(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.INFO):
        made = propagated_features("v", FEATURES, propagation_of(), tmp_path / "file")
    assert_equal(made, propagation_of().from_items(FEATURES))
    assert "propagated features of v are not kept for the next run" in caplog.text


def test_small_ones_and_those_without_a_folder_are_not_kept(tmp_path, monkeypatch):
    propagated_features("v", FEATURES, propagation_of(), None)
    monkeypatch.setattr(propagated, "_WORTH_A_FILE", len(ITEMS) * 3 + 1)
    propagated_features("v", FEATURES, propagation_of(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_name_becomes_a_file_name(tmp_path):
    propagated_features("../v/*", FEATURES, propagation_of(), tmp_path / "there")
    (path,) = (tmp_path / "there").iterdir()
    assert path.name.startswith("___v__-")
