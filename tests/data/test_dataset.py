"""Alignment, selection and errors through RecBole's real Config and loading."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recbole.config import Config
from recbole.data.dataset import Dataset

from recbole_slmrec.data.dataset import MultimodalDataset
from tests.data.tiny import Tiny

V = {"v": "v.npy"}
EYE = np.eye(3)


def test_rows_follow_the_item_file_not_the_interactions(tiny, by_token):
    tiny.save("v.npy", EYE)
    dataset = tiny.dataset(V)
    (modality,) = dataset.item_modalities
    assert list(dataset.field2id_token["item_id"]) == ["[PAD]", "r", "p", "q"]
    assert modality.name == "v" and modality.missing == 0
    assert not modality.features[0].any()
    assert by_token(dataset) == {"p": [1, 0, 0], "q": [0, 1, 0], "r": [0, 0, 1]}


def test_shuffling_item_rows_together_with_their_features_changes_no_item(tiny, by_token):
    rng = np.random.default_rng(1)
    header = "item_id:token title:token_seq size:float year:token vector:float_seq"
    rows = [
        ("p", "a b", 1.0, "x", "1 2"),
        ("q", "b c c", "", "y", ""),
        ("r", "", 4.5, "x", "0 3"),
    ]
    matrix = rng.normal(size=(3, 4))
    declared = V | {name: {"field": name} for name in ("title", "size", "year", "vector")}
    vectors = []
    for order in ([0, 1, 2], [2, 0, 1]):
        tiny.items(*(rows[row] for row in order), header=header)
        tiny.save("v.npy", matrix[order])
        dataset = tiny.dataset(declared, normalize_all=True)
        vectors.append([by_token(dataset, index) for index in range(len(declared))])
        assert [modality.missing for modality in dataset.item_modalities] == [0, 1, 1, 0, 1]
    assert vectors[0] == vectors[1]


# What the csv reader takes as it stands: no separators, quotes or control characters.
tokens = st.text(st.characters(whitelist_categories=["L", "Nd", "Po"], blacklist_characters='"'))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_item_keeps_its_own_row(data):
    # "i" keeps pandas from reading an id such as NA as missing.
    ids = data.draw(st.lists(tokens, min_size=1, max_size=8, unique=True).map(_prefixed))
    interacted = data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=12))
    with tempfile.TemporaryDirectory() as root:
        tiny = Tiny(Path(root))
        tiny.items(*ids)
        tiny.inter(*(("u", item) for item in interacted))
        tiny.save("v.npy", np.eye(len(ids)))
        dataset = tiny.dataset(V)
    internal = dataset.token2id("item_id", ids)
    assert np.array_equal(dataset.item_modalities[0].features[internal], np.eye(len(ids)))
    assert len(dataset.item_modalities[0].features) == len(ids) + 1


def _prefixed(ids: list[str]) -> list[str]:
    return [f"i{token}" for token in ids]


def test_filtered_items_leave_the_others_aligned(tiny, by_token):
    tiny.items("p", "q", "r", "s")
    tiny.inter(("u", "s"), ("w", "s"), ("u", "q"), ("w", "q"), ("u", "p"))
    tiny.save("v.npy", np.eye(4))
    tiny.save("t.npy", np.array([[0, 1, 3], [0, 1, 2]]))
    dataset = tiny.dataset(V | {"t": {"words": "t.npy"}}, item_inter_num_interval="[2,inf)")
    assert by_token(dataset) == {"s": [0, 0, 0, 1], "q": [0, 1, 0, 0]}
    words = dataset.item_modalities[1]
    assert dataset.id2token("item_id", words.items).tolist() == ["q", "s"]
    assert words.words.tolist() == [1, 2] and words.n_words == 3 and words.missing == 0


def test_the_field_is_read_before_recbole_fills_normalises_and_discretises(tiny, by_token):
    header = "item_id:token size:float"
    tiny.items(("p", 2.0), ("q", ""), ("r", 4.0), header=header)
    size = {"size": {"field": "size"}}
    for preparation in (
        {},
        {"normalize_all": True},
        {"numerical_features": ["size"], "discretization": {"size": {"method": "LD"}}},
    ):
        dataset = tiny.dataset(size, **preparation)
        assert by_token(dataset) == {"p": [-1], "q": [0], "r": [1]}
        assert dataset.item_modalities[0].missing == 1


def test_modalities_are_selected_and_ordered_and_only_those_are_read(tiny):
    tiny.save("v.npy", EYE)
    tiny.save("a.npy", EYE[:, :2])
    declared = V | {"absent": "absent.npy", "a": "a.npy"}
    for selected in (["a", "v"], "[a,v]"):
        dataset = tiny.dataset(declared, modalities=selected)
        assert [modality.name for modality in dataset.item_modalities] == ["a", "v"]
        assert [modality.features.shape for modality in dataset.item_modalities] == [(4, 2), (4, 3)]


def test_without_modalities_no_item_file_is_needed(tiny):
    (tiny.folder / "tiny.item").unlink()
    for item_modalities, modalities in ((None, None), (V, [])):
        assert tiny.dataset(item_modalities, modalities=modalities).item_modalities == ()


def test_the_splits_share_the_features(tiny):
    tiny.save("v.npy", EYE)
    dataset = tiny.dataset(V)
    for split in dataset.build():
        assert split.item_modalities is dataset.item_modalities


def test_benchmark_splits_and_test_interactions_do_not_change_the_features(tiny, by_token):
    tiny.items(("p", "a b"), ("q", "b"), ("r", "c"), header="item_id:token title:token_seq")
    tiny.save("v.npy", EYE)
    tiny.inter(("u", "q"), ("w", "q"), suffix="train.inter")
    tiny.inter(("u", "p"), suffix="valid.inter")
    vectors = []
    for test in ([("w", "r")], [("w", "p"), ("u", "r")]):
        tiny.inter(*test, suffix="test.inter")
        dataset = tiny.dataset(
            V | {"title": {"field": "title"}}, benchmark_filename=["train", "valid", "test"]
        )
        vectors.append([by_token(dataset, 0), by_token(dataset, 1)])
        assert [len(split) for split in dataset.build()] == [2, 1, len(test)]
    assert vectors[0] == vectors[1]
    assert vectors[0][0] == {"p": [1, 0, 0], "q": [0, 1, 0], "r": [0, 0, 1]}


def test_ml_100k_has_features_of_titles_and_genres():
    config = Config(
        model="BPR",
        dataset="ml-100k",
        config_dict={
            "load_col": {
                "inter": ["user_id", "item_id"],
                "item": ["item_id", "movie_title", "class"],
            },
            "item_modalities": {
                "title": {"field": "movie_title"},
                "genre": {"field": "class", "encoding": "multi_hot"},
            },
        },
    )
    dataset = MultimodalDataset(config)
    title, genre = dataset.item_modalities
    assert title.features.shape == (1683, 128)
    n_genres = len(dataset.field2id_token["class"]) - 1
    assert genre.features.shape == (1683, n_genres)
    for modality in (title, genre):
        norms = np.linalg.norm(modality.features[1:], axis=1)
        assert np.sum(norms == 0) == modality.missing
        np.testing.assert_allclose(norms[norms > 0], 1, rtol=1e-5)
    toy_story, golden_eye = dataset.token2id("item_id", ["1", "2"])
    # Animation Children's Comedy against Action Adventure Thriller.
    assert np.count_nonzero(genre.features[toy_story]) == 3
    assert genre.features[toy_story] @ genre.features[golden_eye] == 0


def test_missing_items_are_logged_once_for_each_modality(tiny, caplog):
    tiny.save("v.npy", np.diag([1, 0, 1]))
    tiny.save("a.npy", EYE)
    tiny.dataset(V | {"a": "a.npy"}).build()
    assert [r.message for r in caplog.records if r.message.startswith("modality")] == [
        "modality v: 1 of 3 items have no features there; they get the zero vector"
    ]


def test_what_training_lacks_is_logged(tiny, caplog):
    train = [("u", "q"), ("u", "q"), ("u", "r"), ("w", "q"), ("w", "r"), ("u", "q")]
    tiny.inter(*train, suffix="train.inter")
    tiny.inter(("x", "p"), ("y", "r"), suffix="test.inter")
    tiny.save("v.npy", EYE)
    dataset = tiny.dataset(V, benchmark_filename=["train", "test"])
    caplog.clear()
    with caplog.at_level(logging.INFO):
        dataset.build()
    assert [(record.levelname, record.message.split(":")[0]) for record in caplog.records] == [
        ("WARNING", "2 users have no training interaction"),
        ("INFO", "1 items have no training interaction"),
        ("WARNING", "2 duplicate interactions in training"),
    ]


def test_nothing_is_logged_where_training_lacks_nothing(tiny, caplog):
    tiny.inter(("u", "p"), ("u", "q"), ("u", "r"), suffix="train.inter")
    dataset = tiny.dataset(None, benchmark_filename=["train"])
    caplog.clear()
    with caplog.at_level(logging.INFO):
        dataset.build()
    assert not caplog.records


def test_an_empty_training_split_is_an_error(tiny):
    message = "data set tiny: the training split has no interactions; change the split"
    tiny.inter(suffix="train.inter")
    tiny.inter(("u", "p"), suffix="test.inter")
    with pytest.raises(ValueError, match=message):
        tiny.dataset(None, benchmark_filename=["train", "test"]).build()
    split = {"split": {"RS": [0, 1, 1]}, "group_by": "none", "order": "RO", "mode": "full"}
    with pytest.raises(ValueError, match=message):
        tiny.dataset(None, eval_args=split).build()


def test_an_interacted_item_without_a_row_is_an_error_before_recbole_drops_it(tiny):
    tiny.save("v.npy", EYE)
    tiny.inter(*(("u", f"x{n}") for n in [3, 1, 1, 2, 4, 5, 6]), ("u", "p"))
    message = r"name 6 item\(s\) that .*tiny.item lacks: 'x3', 'x1', 'x2', 'x4', 'x5', \.\.\.; add"
    with pytest.raises(ValueError, match=message):
        tiny.dataset(V)
    assert tiny.dataset(V, modalities=[]).inter_num == 1


def test_two_rows_for_an_item_are_an_error(tiny):
    tiny.save("v.npy", np.eye(4))
    tiny.items("p", "q", "r", "q")
    message = r"tiny.item has more than one row for 1 item\(s\): 'q'; keep one row"
    with pytest.raises(ValueError, match=message):
        tiny.dataset(V)


def test_a_missing_item_file_is_an_error(tiny):
    (tiny.folder / "tiny.item").unlink()
    with pytest.raises(FileNotFoundError, match="tiny.item does not exist.*v; write one row"):
        tiny.dataset(V)


def test_an_item_file_that_is_not_loaded_is_an_error(tiny):
    with pytest.raises(ValueError, match=r"tiny.item is not loaded.*add item: \[item_id\] to load"):
        tiny.dataset(V, load_col={"inter": ["user_id", "item_id"]})


@pytest.mark.parametrize(
    "field, message",
    [
        ("titel", "'titel' is not in .*tiny.item: did you mean title.*item_id, title, size"),
        ("size", "'size' is in .*tiny.item but is not loaded: add it to load_col under item"),
        ("item_id", "'item_id' is the item id itself; the ID embedding covers it"),
        ("user_id", "'user_id' is not in .*tiny.item"),
    ],
)
def test_a_field_that_cannot_be_had_is_an_error(tiny, field, message):
    rows = [("p", "a", 1), ("q", "b", 2), ("r", "c", 3)]
    tiny.items(*rows, header="item_id:token title:token_seq size:float")
    load_col = {"inter": ["user_id", "item_id"], "item": ["item_id", "title"]}
    with pytest.raises(ValueError, match=f"modality m: field {message}"):
        tiny.dataset({"m": {"field": field}}, load_col=load_col)


def test_a_file_in_a_selected_modality_is_looked_for_beside_the_atomic_files(tiny):
    with pytest.raises(FileNotFoundError, match="modality v: .*tiny.v.npy does not exist"):
        tiny.dataset(V)


def test_tiktok_has_unit_rows_in_both_of_its_modalities(tmp_path):
    origin = Path(__file__).parents[3] / "shared/data/hkuds-tiktok"
    if not origin.is_dir():
        pytest.skip("no ../shared/data/hkuds-tiktok")
    n_items = len(np.load(origin / "image_feat.npy", mmap_mode="r"))
    tiny = Tiny(tmp_path)
    tiny.items(*map(str, range(n_items)))
    tiny.inter(*(("u", str(item)) for item in range(n_items - 1, -1, -1)))
    for file in ("image_feat.npy", "audio_feat.npy"):
        (tiny.folder / file).symlink_to(origin / file)
    dataset = tiny.dataset({"v": "image_feat.npy", "a": "audio_feat.npy"})
    for modality in dataset.item_modalities:
        norms = np.linalg.norm(modality.features[1:].astype(np.float64), axis=1)
        np.testing.assert_allclose(norms[norms > 0], 1, rtol=1e-6)
        assert np.sum(norms == 0) == modality.missing


def test_reduced_texts_follow_from_the_seed_of_the_data_not_from_that_of_training(tiny):
    rng = np.random.default_rng(0)
    titles = [" ".join(f"w{word}" for word in rng.integers(0, 40, 12)) for _ in range(30)]
    items = [(f"i{row}", title) for row, title in enumerate(titles)]
    tiny.items(*items, header="item_id:token title:token_seq")
    tiny.inter(*(("u", item) for item, _ in items))
    title = {"title": {"field": "title", "max_width": 3}}

    def features(**seeds):
        return tiny.dataset(title, **seeds).item_modalities[0].features

    of_seed_5 = features(seed=1, data_seed=5)
    assert np.array_equal(features(seed=2, data_seed=5), of_seed_5)
    assert np.array_equal(features(seed=5), of_seed_5)
    assert not np.array_equal(features(seed=2, data_seed=6), of_seed_5)


@pytest.mark.parametrize("separator", ["\t", "::"])
def test_tables_are_read_as_recbole_reads_them(tiny, separator):
    floats = ["0.1", "1e-7", "123456789.123456789", "0.30000000000000004", "", "-3"]
    tokens = ["001", "a b", 'q"uote', "é", "x", "1.0"]
    rows = [("u" + token, token, value) for token, value in zip(tokens, floats)]
    tiny.write("inter", "user_id:token item_id:token rating:float", rows)
    path = tiny.folder / "tiny.inter"
    path.write_text(path.read_text(encoding="utf-8").replace("\t", separator), encoding="utf-8")
    settings = {"data_path": str(tiny.root), "field_separator": separator}
    settings["load_col"] = {"inter": ["user_id", "item_id", "rating"]}
    config = Config(model="BPR", dataset="tiny", config_dict=settings)
    ours, recboles = MultimodalDataset(config), Dataset(config)
    pd.testing.assert_frame_equal(ours.inter_feat, recboles.inter_feat, check_exact=True)
    for field in ("user_id", "item_id"):
        assert list(ours.field2id_token[field]) == list(recboles.field2id_token[field])
