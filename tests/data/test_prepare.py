"""Published files become a data set that says of them exactly what they say."""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from recbole.config import Config

from recbole_slmrec.cli import guarded
from recbole_slmrec.cli.prepare import main
from recbole_slmrec.data import write
from recbole_slmrec.data.dataset import MultimodalDataset
from recbole_slmrec.data.download import git_blob_id
from recbole_slmrec.data.layouts import (
    LAYOUTS,
    SPLITS,
    Layout,
    Matrix,
    Reading,
    Source,
    Words,
    recognise,
)
from recbole_slmrec.data.prepare import Options, prepare
from tests.data.published import (
    INTERACTIONS,
    MATRICES,
    N_ITEMS,
    N_USERS,
    publish,
    read_pairs,
    write_matrix,
)

TIKTOK = Path(__file__).resolve().parents[3] / "shared" / "data" / "hkuds-tiktok"


@pytest.fixture
def source(tmp_path) -> Path:
    return publish(tmp_path / "published")


@pytest.fixture
def data_path(tmp_path) -> Path:
    return tmp_path / "dataset"


def test_the_files_of_a_data_set(source, data_path):
    folder = prepare("small", source, data_path)
    assert folder == data_path / "small"
    assert sorted(os.listdir(folder)) == [
        "audio_feat.npy",
        "image_feat.npy",
        "small.item",
        "small.test.inter",
        "small.train.inter",
        "small.valid.inter",
        "small.yaml",
    ]
    interactions = (folder / "small.valid.inter").read_text()
    assert interactions == "user_id:token\titem_id:token\n1\t4\n0\t0\n"
    assert (folder / "small.item").read_text() == "item_id:token\n0\n1\n2\n3\n4\n"


def test_interactions_and_features_are_the_source_s(source, data_path):
    folder = prepare("small", source, data_path)
    for split, pairs in INTERACTIONS.items():
        assert read_pairs(folder, split) == pairs
    for file in ("image_feat.npy", "audio_feat.npy"):
        assert (folder / file).read_bytes() == (source / file).read_bytes()


def test_the_declaration(source, data_path):
    text = (prepare("small", source, data_path) / "small.yaml").read_text()
    assert text.splitlines() == [
        "# Made by `python -m recbole_slmrec prepare` from the layout hkuds.",
        "load_col:",
        "  inter: [user_id, item_id]",
        "  item: [item_id]",
        "benchmark_filename: [train, valid, test]",
        "item_modalities: {v: image_feat.npy, a: audio_feat.npy}",
    ]


@pytest.mark.parametrize(
    "files, modalities",
    [
        (["text_feat.npy"], {"t": "text_feat.npy"}),
        (["text_feat.npy", "image_feat.npy"], {"v": "image_feat.npy", "t": "text_feat.npy"}),
        ([], {}),
    ],
)
def test_only_modalities_that_are_there_are_declared(source, data_path, files, modalities):
    for path in source.glob("*.npy"):
        path.unlink()
    for file in files:
        np.save(source / file, np.ones((N_ITEMS, 2), dtype=np.float32))
    folder = prepare("small", source, data_path)
    declared = yaml.safe_load((folder / "small.yaml").read_text())
    assert declared["item_modalities"] == modalities
    assert sorted(path.name for path in folder.glob("*.npy")) == sorted(files)


def test_recbole_reads_what_was_published(source, data_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["pytest"])
    folder = prepare("small", source, data_path)
    config = Config(
        model="BPR",
        dataset="small",
        config_file_list=[str(folder / "small.yaml")],
        config_dict={"data_path": str(data_path)},
    )
    dataset = MultimodalDataset(config)
    users, items = (dataset.field2id_token[field] for field in ("user_id", "item_id"))
    assert (len(users) - 1, len(items) - 1) == (N_USERS, N_ITEMS)
    for split, pairs in zip(dataset.build(), INTERACTIONS.values()):
        interactions = split.inter_feat
        read = zip(users[interactions["user_id"]], items[interactions["item_id"]])
        assert sorted((int(user), int(item)) for user, item in read) == sorted(pairs)
    assert [modality.name for modality in dataset.item_modalities] == ["v", "a"]
    for modality, file in zip(dataset.item_modalities, ("image_feat.npy", "audio_feat.npy")):
        published = np.load(source / file).astype(np.float64)
        expected = published / np.linalg.norm(published, axis=1, keepdims=True)
        rows = [int(item) for item in items[1:]]
        assert np.allclose(modality.features[1:], expected[rows], atol=1e-6)


def test_the_log_states_the_facts(source, data_path, caplog):
    with caplog.at_level(logging.INFO):
        prepare("small", source, data_path)
    assert caplog.messages == [
        f"{source} has the layout hkuds",
        "train: 5 interactions",
        "valid: 2 interactions",
        "test: 2 interactions",
        "users: 4",
        "items: 5, 1 of them with no interaction",
        "modality v: image_feat.npy, 5 x 6, float16",
        "modality a: audio_feat.npy, 5 x 3, float16",
    ]


@pytest.fixture
def aligned(monkeypatch) -> Source:
    """What a layout of its own, ``made``, reads of any place: features for some items only."""
    frame = pd.DataFrame({"user": [0, 1, 0, 1], "item": [0, 1, 2, 2]})
    made = Source(
        "made",
        np.array(["ann", "bob"], dtype=object),
        np.array(["x", "y", "z"], dtype=object),
        {"train": frame, "valid": frame[:1], "test": frame[1:2]},
        {
            "v": Matrix("v.npy", np.arange(8.0).reshape(4, 2), np.array([3, -1, 1])),
            "t": Words("t_words.npy", np.array([0, 0, 2]), np.array([5, 6, 5])),
        },
        ["read as it is"],
    )
    layout = Layout("nothing", lambda source: False, lambda source, reading: made)
    monkeypatch.setitem(LAYOUTS, "made", layout)
    return made


def test_missing_and_surplus_rows_are_counted(aligned, source, data_path, caplog):
    with caplog.at_level(logging.INFO):
        folder = prepare("small", source, data_path, options=Options(layout="made"))
    assert caplog.messages == [
        f"{source} is read in the layout made",
        "read as it is",
        "train: 4 interactions",
        "valid: 1 interactions",
        "test: 1 interactions",
        "users: 2",
        "items: 3",
        "modality v: v.npy, 3 x 2, float32; missing for 1 items; surplus rows in the source: 2",
        "modality t: t_words.npy, 3 words, 2 different ones; missing for 1 items",
        "train and valid: pairs of a user and an item that are in both: 1 (all are kept)",
        "train and test: pairs of a user and an item that are in both: 1 (all are kept)",
    ]
    assert np.load(folder / "v.npy").tolist() == [[6, 7], [0, 0], [2, 3]]
    assert np.load(folder / "t_words.npy").tolist() == [[0, 0, 2], [5, 6, 5]]


def test_filters_come_before_the_split(aligned, source, data_path):
    frame = pd.DataFrame({"user": [0, 1] * 3 + [0], "item": [0, 0, 0, 0, 2, 2, 1]})
    aligned.interactions.update(train=frame, valid=frame[:1], test=frame[1:2])
    options = Options(layout="made", k_core=2, split="1:1:1", seed=7)
    folder = prepare("small", source, data_path, options=options)
    lines = (folder / "small.yaml").read_text().splitlines()[1:4]
    assert lines == [
        "# read as it is",
        "# --k-core=2: 8 of 9 interactions stay, of 2 of 2 users and 2 of 3 items",
        "# split 1:1:1 with seed 7: each user's interactions at random; the split of the source "
        "is not used",
    ]
    sizes = [len((folder / f"small.{split}.inter").read_text().splitlines()) for split in SPLITS]
    assert sizes == [1 + 4, 1 + 2, 1 + 2]


@pytest.mark.parametrize("name", ["id", "a/b"])
def test_a_modality_needs_a_name_of_its_own(aligned, source, data_path, name):
    aligned.features[name] = aligned.features.pop("v")
    with pytest.raises(ValueError, match=f"{name!r} cannot name a modality"):
        prepare("small", source, data_path, options=Options(layout="made"))
    assert not data_path.exists()


def test_two_modalities_in_one_file_are_refused(aligned, source, data_path):
    aligned.features["t_words"] = Matrix("t_words.npy", np.ones((3, 2)))
    with pytest.raises(ValueError, match="two modalities would be written to t_words.npy"):
        prepare("small", source, data_path, options=Options(layout="made"))
    assert not data_path.exists()


def test_a_modality_without_features_is_refused(aligned, source, data_path):
    nothing = np.empty(0, dtype=np.int64)
    aligned.features["t"] = Words("t_words.npy", nothing, nothing)
    with pytest.raises(ValueError, match="modality t holds no features; leave its file out"):
        prepare("small", source, data_path, options=Options(layout="made"))


def test_interactions_that_repeat_are_kept_and_counted(source, data_path, caplog):
    pairs = [(0, 1), (0, 1), (2, 2), (0, 1)]
    write_matrix(source / "trnMat.pkl", pairs)
    folder = prepare("small", source, data_path)
    assert read_pairs(folder, "train") == pairs
    assert caplog.messages == [
        "train: interactions with the user and item of another one there: 2 (all are kept)"
    ]


def test_layouts_are_recognised_in_their_order(source, tmp_path):
    assert list(LAYOUTS) == ["hkuds", "mmrec", "mmgcn", "slmrec", "table"]
    assert recognise(source) == "hkuds"
    (source / "interactions.csv").write_text("user,item\n1,2\n")
    assert recognise(source) == "hkuds"
    assert recognise(source / "interactions.csv") == "table"


def test_a_data_set_that_is_there_is_kept(source, data_path):
    folder = prepare("small", source, data_path)
    (folder / "notes").write_text("mine")
    with pytest.raises(FileExistsError, match="small is there already; pass --force"):
        prepare("small", source, data_path)
    assert (folder / "notes").read_text() == "mine"


def test_force_replaces_it(source, data_path):
    folder = prepare("small", source, data_path)
    (folder / "notes").write_text("mine")
    write_matrix(source / "trnMat.pkl", [(3, 3)])
    prepare("small", source, data_path, force=True)
    assert not (folder / "notes").exists()
    assert read_pairs(folder, "train") == [(3, 3)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def run(*arguments: object) -> int:
    """What the command's exit status is."""
    return guarded(main, [str(argument) for argument in arguments], "prepare")


@pytest.mark.parametrize(
    "failure, status, message",
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "error: .*No space left on device"),
    ],
    ids=["ctrl-c", "disk full"],
)
def test_a_failure_half_way_changes_nothing(
    source, data_path, monkeypatch, capsys, failure, status, message
):
    prepare("old", source, data_path)
    before = contents(data_path / "old")

    def fail(values):
        assert list(data_path.parent.rglob(".*.partial/image_feat.npy"))
        raise failure

    monkeypatch.setattr(write, "_release", fail)
    new = data_path.parent / "new" / "place"
    assert run("small", "--source", source, "--data_path", data_path) == status
    assert run("small", "--source", source, "--data_path", new) == status
    assert run("old", "--source", source, "--data_path", data_path, "--force") == status
    assert re.search(message, capsys.readouterr().err)
    assert os.listdir(data_path) == ["old"]
    assert contents(data_path / "old") == before
    assert not new.parent.exists()


def test_a_failure_leaves_the_parents_that_were_there(source, data_path, monkeypatch):
    data_path.mkdir()

    def fail(values):
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "_release", fail)
    with pytest.raises(KeyboardInterrupt):
        prepare("small", source, data_path / "sub")
    assert os.listdir(data_path) == []


def test_the_command_prepares_what_its_flags_say(source, data_path, capsys):
    generator = np.random.default_rng(0)
    pairs = [(user, item) for user in range(12) for item in range(20) if (user + item) % 4]
    for split, part in zip(MATRICES, (pairs[:100], pairs[100:150], pairs[150:])):
        write_matrix(source / MATRICES[split], [*part, (13, 20)], shape=(14, 22))
    features = generator.normal(size=(22, 3)).astype(np.float32)
    np.save(source / "image_feat.npy", features)
    flags = ["--k-core", 4, "--split", "cold-items:0.1", "--feature", "look=image_feat.npy"]
    flags += ["--layout", "hkuds", "--source", source, "--data_path", data_path]
    assert run("small", *flags, "--seed", 1) == 0
    folder = data_path / "small"
    assert f"{folder} is ready: python run_recbole.py" in capsys.readouterr().out
    assert sorted(os.listdir(folder)) == [
        *("look.npy", "small.cold", "small.item", "small.test.inter", "small.train.inter"),
        *("small.valid.inter", "small.yaml"),
    ]
    items = (folder / "small.item").read_text().splitlines()[1:]
    assert items == [str(item) for item in range(20)]
    assert np.array_equal(np.load(folder / "look.npy"), features[:20])
    cold = {int(item) for item in (folder / "small.cold").read_text().splitlines()[1:]}
    splits = {split: read_pairs(folder, split) for split in SPLITS}
    assert sorted(sum(splits.values(), [])) == pairs
    assert len(cold) == 2 and not cold & {item for _, item in splits["train"]}
    assert run("again", *flags, "--seed", 1) == run("other", *flags, "--seed", 2) == 0
    assert read_pairs(data_path / "again", "test") == splits["test"]
    assert read_pairs(data_path / "other", "test") != splits["test"]


def test_a_dry_run_says_it_all_and_writes_nothing(source, data_path, caplog):
    flags = ["small", "--source", source, "--data_path", data_path]
    with caplog.at_level(logging.INFO):
        assert run(*flags, "--dry-run") == 0
    assert not data_path.exists()
    rehearsed = caplog.messages
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert run(*flags) == 0
    n_facts = len(caplog.messages)
    assert rehearsed[:n_facts] == caplog.messages
    assert sorted(rehearsed[n_facts:]) == sorted(
        f"would write {path}" for path in (data_path / "small").iterdir()
    )


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--split", "8:2"], "--split=8:2 is none of 8:1:1"),
        (["--split", "time:8:1:1"], "needs times, and the source has none"),
        (["--min-rating", "4"], "--min-rating=4 needs ratings, and the source has none"),
        (["--k-core", "9"], "--k-core=9 leaves none of the 9 interactions"),
        (["--user", "uid"], "--user is of no use to the layout hkuds"),
        (["--feature", "v"], "--feature v: give MODALITY=FILE"),
        (["--feature", "v=a.npy", "--feature", "v=b.npy"], "the modality v is given twice"),
        (["--layout", "mmrec"], "published"),
    ],
)
def test_flags_that_do_not_fit_are_named_and_leave_nothing(
    source, data_path, capsys, flags, message
):
    assert run("small", "--source", source, "--data_path", data_path, *flags) == 2
    assert message in capsys.readouterr().err
    assert not data_path.exists()


def test_a_data_set_that_is_there_is_said_before_anything_is_read(data_path, capsys):
    (data_path / "tiktok").mkdir(parents=True)
    for flags in ([], ["--source", "nowhere"], ["--dry-run"]):
        assert run("tiktok", "--data_path", data_path, *flags) == 2
        assert "tiktok is there already; pass --force" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "/a"])
def test_a_name_that_is_a_path_is_refused(source, data_path, name):
    with pytest.raises(ValueError, match="cannot name a data set: give a bare name"):
        prepare(name, source, data_path, force=True)
    assert not data_path.exists()


@pytest.mark.parametrize("inside", [".", "raw"])
def test_a_source_in_the_data_set_s_own_folder_is_not_destroyed(source, data_path, inside):
    own = data_path / "small" / inside
    own.parent.mkdir(parents=True)
    shutil.copytree(source, own)
    with pytest.raises(ValueError, match="lies in .*small, where the data set is to be written"):
        prepare("small", own, data_path, force=True)
    assert sorted(os.listdir(own)) == sorted(os.listdir(source))


def test_features_from_the_data_set_s_own_folder_are_not_destroyed(source, data_path):
    folder = prepare("small", source, data_path)
    options = Options(reading=Reading(features={"v": str(folder / "image_feat.npy")}))
    with pytest.raises(ValueError, match="image_feat.npy lies in .*small, where the data set"):
        prepare("small", source, data_path, force=True, options=options)
    assert (folder / "image_feat.npy").is_file()


@pytest.mark.skipif(not TIKTOK.is_dir(), reason="the published TikTok files are not here")
def test_the_facts_of_tiktok(data_path):
    folder = prepare("tiktok", TIKTOK, data_path)
    pairs = {split: np.array(read_pairs(folder, split)) for split in MATRICES}
    assert {split: len(it) for split, it in pairs.items()} == {
        "train": 59_541,
        "valid": 3_051,
        "test": 6_130,
    }
    users, items = np.concatenate(list(pairs.values())).T
    assert len(np.unique(users)) == users.max() + 1 == 9_308
    assert len(np.unique(items)) == items.max() + 1 == 6_710
    assert len(np.unique(users * 6_710 + items)) == 59_541 + 3_051 + 6_130
    assert 9_308 - len(np.unique(pairs["train"][:, 0])) == 10
    assert 6_710 - len(np.unique(pairs["train"][:, 1])) == 465
    assert len((folder / "tiktok.item").read_text().splitlines()) == 1 + 6_710
    for file in ("image_feat.npy", "audio_feat.npy"):
        features = np.load(folder / file)
        assert (features.shape, features.dtype) == ((6_710, 128), np.float16)
        assert git_blob_id(folder / file) == git_blob_id(TIKTOK / file)


def publish_in_mmrecs_layout(folder: Path, n_valid: int, n_test: int) -> Path:
    """Users with an item each in training, validation and test, of these sizes."""
    folder.mkdir()
    rows = [(user, user % 7, 0) for user in range(9)]
    rows += [(user, (user + 1) % 7, 1) for user in range(n_valid)]
    rows += [(user, (user + 2) % 7, 2) for user in range(n_test)]
    lines = ["userID\titemID\tx_label", *("\t".join(map(str, row)) for row in rows)]
    (folder / "tiktok.inter").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_larger_validation_split_in_mmrecs_layout_is_told(tmp_path, data_path, caplog):
    sources = {n: publish_in_mmrecs_layout(tmp_path / str(n), n, 4) for n in (3, 4, 6)}
    for n, source in sources.items():
        caplog.clear()
        prepare("tiktok", source, data_path, force=True)
        told = [message for message in caplog.messages if "swapped" in message]
        assert len(told) == (n == 6)
    assert told[0].startswith("validation has 6 interactions and test 4: copies of TikTok")
    assert told[0].endswith("--swap-valid-test swaps them back")
    caplog.clear()
    prepare("tiktok", sources[6], data_path, force=True, options=Options(split="8:1:1"))
    assert "swapped" not in caplog.text


def test_validation_and_test_are_swapped_on_demand(tmp_path, data_path, caplog):
    source = publish_in_mmrecs_layout(tmp_path / "published", 6, 4)
    assert run("as_it_is", f"--source={source}", f"--data_path={data_path}") == 0
    flags = (f"--source={source}", f"--data_path={data_path}", "--swap-valid-test")
    caplog.clear()
    assert run("swapped", *flags) == 0
    assert "often have the two swapped" not in caplog.text
    splits = {"train": "train", "valid": "test", "test": "valid"}
    for split, other in splits.items():
        found = read_pairs(data_path / "swapped", split)
        assert found == read_pairs(data_path / "as_it_is", other)


def test_a_swap_without_two_splits_to_swap_is_refused(tmp_path, data_path, capsys):
    source = publish_in_mmrecs_layout(tmp_path / "published", 6, 4)
    flags = (f"--source={source}", f"--data_path={data_path}", "--swap-valid-test")
    assert run("swapped", *flags, "--split=8:1:1") == 2
    assert "--swap-valid-test keeps the split of" in capsys.readouterr().err
    path = source / "tiktok.inter"
    lines = [line.rpartition("\t")[0] for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    assert run("swapped", *flags) == 2
    assert "has no validation and test split; it holds all" in capsys.readouterr().err
    assert not data_path.exists()
