"""MMRec's layout: what stands in the table and the matrices is what is read."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recbole_slmrec.data.layouts import Reading, recognise
from recbole_slmrec.data.layouts.mmrec import LAYOUT

SPLITS = ("train", "valid", "test")
HEADER = ("userID", "itemID", "rating", "timestamp", "x_label")
ROWS = [(4, 0, 5.0, 11, 0), (0, 2, 1.0, 12, 0), (4, 3, 2.5, 13, 1), (0, 0, 3.0, 14, 2)]
IMAGES = np.arange(10, dtype=np.float32).reshape(5, 2)


def write(folder: Path, header=HEADER, rows=ROWS, file="baby.inter", **features) -> None:
    lines = ["\t".join(map(str, row)) for row in (header, *rows)]
    (folder / file).write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, values in features.items():
        np.save(folder / f"{name}.npy", values)


def read(folder: Path, **features: str):
    return LAYOUT.read(folder, Reading(features=features))


def named(source, split: str, *more: str) -> list[tuple]:
    """The interactions of a split, users and items by the names in the source."""
    frame = source.interactions[split]
    pairs = source.users[frame["user"]], source.items[frame["item"]]
    return list(zip(*pairs, *(frame[column] for column in more)))


def assert_refused(folder: Path, reason: str, error=ValueError, **features: str) -> None:
    with pytest.raises(error, match=reason):
        read(folder, **features)


rows = st.lists(st.tuples(*[st.integers(0, 9)] * 2, st.integers(0, 2)), min_size=1, max_size=20)


@settings(max_examples=30, deadline=None)
@given(rows, st.permutations(["userID", "itemID", "x_label", "note"]), st.integers(0, 3))
def test_interactions_splits_and_vectors_are_those_of_the_source(rows, columns, n_unseen):
    rows += [(12, 9, 0), (3, 0, 1), (12, 4, 2)]
    n_items = 10 + n_unseen
    image = np.random.default_rng(0).normal(size=(n_items, 3)).astype(np.float16)
    image[0] = 0
    values = {"userID": 0, "itemID": 1, "x_label": 2}
    cells = [[row[values[c]] if c in values else "ä b" for c in columns] for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write(folder, columns, cells, image_feat=image, vggish=-image[:, :1])
        source = read(folder)
        for label, split in enumerate(SPLITS):
            expected = [(str(u), str(i)) for u, i, its_label in rows if its_label == label]
            assert named(source, split) == expected
        assert set(source.users) == {str(user) for user, _, _ in rows}
        assert source.items.tolist() == [str(item) for item in range(n_items)]
        assert list(source.features) == ["image", "vggish"]
        assert np.array_equal(source.features["image"].values, image)
        assert np.array_equal(source.features["vggish"].values, -image[:, :1])


def test_ratings_and_times_come_along(tmp_path):
    write(tmp_path, image_feat=IMAGES)
    source = read(tmp_path)
    assert named(source, "train", "rating", "timestamp") == [
        ("4", "0", 5.0, 11.0),
        ("0", "2", 1.0, 12.0),
    ]
    frame = source.interactions["train"]
    assert frame.index.tolist() == [0, 1]
    assert frame.dtypes.astype(str).to_dict() == {
        "user": "int64",
        "item": "int64",
        "rating": "float64",
        "timestamp": "float64",
    }


def test_a_pair_in_two_splits_or_twice_in_one_stays_so(tmp_path):
    write(tmp_path, rows=[ROWS[0], ROWS[0], *ROWS[1:], (4, 0, 5.0, 11, 2)])
    source = read(tmp_path)
    assert named(source, "train") == [("4", "0"), ("4", "0"), ("0", "2")]
    assert named(source, "test") == [("0", "0"), ("4", "0")]


def test_matrices_stay_mapped_and_keep_the_names_of_their_files(tmp_path):
    write(tmp_path, image_feat=IMAGES, vggish=IMAGES)
    features = read(tmp_path).features
    assert {name: matrix.file for name, matrix in features.items()} == {
        "image": "image_feat.npy",
        "vggish": "vggish.npy",
    }
    for matrix in features.values():
        assert isinstance(matrix.values, np.memmap)
        assert matrix.rows is None


def test_without_matrices_items_go_up_to_the_largest(tmp_path):
    write(tmp_path)
    source = read(tmp_path)
    assert source.items.tolist() == ["0", "1", "2", "3"]
    assert source.features == {}


def test_without_labels_nothing_is_split(tmp_path):
    write(tmp_path, HEADER[:2], [row[:2] for row in ROWS])
    source = read(tmp_path)
    assert list(source.interactions) == ["all"]
    assert named(source, "all") == [("4", "0"), ("0", "2"), ("4", "3"), ("0", "0")]


def test_blank_lines_and_windows_line_ends_do_not_matter(tmp_path):
    write(tmp_path)
    path = tmp_path / "baby.inter"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n\r\n")
    assert named(read(tmp_path), "test") == [("0", "0")]


def test_a_byte_order_mark_does_not_matter(tmp_path):
    write(tmp_path, image_feat=IMAGES)
    path = tmp_path / "baby.inter"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert recognise(tmp_path) == "mmrec"
    assert named(read(tmp_path), "test") == [("0", "0")]


def test_features_can_be_chosen_and_then_no_others_count(tmp_path):
    write(tmp_path, image_feat=IMAGES, odd=np.zeros(3))
    (tmp_path / "more").mkdir()
    torch.save(torch.from_numpy(IMAGES + 1), tmp_path / "more" / "image_feat.pt")
    source = read(tmp_path, v="image_feat.npy", w="more/image_feat.pt")
    assert {name: matrix.file for name, matrix in source.features.items()} == {
        "v": "v.npy",
        "w": "w.npy",
    }
    assert np.array_equal(source.features["w"].values, IMAGES + 1)


def test_mmrec_s_own_graph_of_users_is_no_modality(tmp_path):
    write(tmp_path, image_feat=IMAGES, user_graph_dict=np.array({0: [1]}))
    assert list(read(tmp_path).features) == ["image"]
    np.savez(tmp_path / "sound.npz", IMAGES)
    assert read(tmp_path).remarks == ["not read: sound.npz, user_graph_dict.npy"]


def test_it_is_recognised_by_the_columns_of_its_table(tmp_path):
    write(tmp_path, ["user_id:token", "item_id:token"], [(1, 2)])
    assert not LAYOUT.matches(tmp_path)
    write(tmp_path, file="sports.inter")
    assert LAYOUT.matches(tmp_path)
    assert not LAYOUT.matches(tmp_path / "sports.inter")
    assert not LAYOUT.matches(tmp_path / "nowhere")
    assert named(read(tmp_path), "test") == [("0", "0")]


@pytest.mark.parametrize(
    "row, reason",
    [
        (("x", 2, 1, 1, 0), "line 6 has x in the column userID, where a whole number from 0"),
        ((1.5, 2, 1, 1, 0), "line 6 has 1.5 in the column userID"),
        ((-1, 2, 1, 1, 0), "line 6 has -1 in the column userID"),
        ((10**30, 2, 1, 1, 0), "line 6 has 10+ in the column userID"),
        ((1, "", 1, 1, 0), "line 6 has nan in the column itemID"),
        ((1, 2, "good", 1, 0), "line 6 has good in the column rating, where a number is needed"),
        ((1, 2, 1, "inf", 0), "line 6 has inf in the column timestamp"),
        ((1, 2, 1, 1, 3), "line 6 has 3 in the column x_label, where 0 .train., 1 .valid. or 2"),
        ((1, 2, 1, 1), "line 6 has nan in the column x_label"),
        ((1, 2, 1, 1, 0, 7), "cannot be read as lines .*line 6, saw 6; get an undamaged copy"),
        ((1, 5, 1, 1, 0), "line 6 has 5 in the column itemID, but the features have rows for "),
    ],
)
def test_a_line_that_is_not_as_it_must_be_is_named(tmp_path, row, reason):
    write(tmp_path, rows=[*ROWS, row], image_feat=IMAGES)
    assert_refused(tmp_path, f"baby.inter.*{reason}")


@pytest.mark.parametrize("label, split", list(enumerate(SPLITS)))
def test_an_empty_split_is_refused(tmp_path, label, split):
    write(tmp_path, rows=[row for row in ROWS if row[-1] != label])
    assert_refused(tmp_path, f"baby.inter has no interactions for {split}: no line has {label}")


def test_tables_without_interactions_or_content_are_refused(tmp_path):
    write(tmp_path, rows=[])
    assert_refused(tmp_path, "baby.inter holds no interactions")
    write(tmp_path, HEADER[:3], ROWS)
    assert_refused(tmp_path, "more values than its first line has names")
    (tmp_path / "baby.inter").write_bytes(b"userID\titemID\n1\t\xff\n")
    assert_refused(tmp_path, "baby.inter cannot be read as lines .*utf-8")


def test_no_table_and_two_tables_are_refused(tmp_path):
    assert_refused(tmp_path, "has no .inter file with the columns userID and", FileNotFoundError)
    write(tmp_path, ["UserID", "ItemID"], [(1, 2)])
    reason = "the layout mmrec needs one; baby.inter has UserID, ItemID$"
    assert_refused(tmp_path, reason, FileNotFoundError)
    write(tmp_path)
    write(tmp_path, file="sports.inter")
    assert_refused(tmp_path, "more than one data set: baby.inter, sports.inter")


@pytest.mark.parametrize(
    "features, reason",
    [
        ({"text_feat": IMAGES[:4]}, "image_feat.npy has 5, .*text_feat.npy has 4; each needs one"),
        ({"odd": np.zeros(5)}, r"modality odd: .*odd.npy holds .* in the shape \(5,\)"),
        ({"odd": np.zeros((5, 0))}, r"odd.npy holds .* in the shape \(5, 0\)"),
        ({"odd": np.zeros((5, 2), "U3")}, "odd.npy holds values of type <U3"),
        ({"odd": np.array({0: [1]})}, "modality odd: .*odd.npy cannot be read as a .npy array"),
        ({"image": IMAGES}, "has image.npy and image_feat.npy for the modality image"),
    ],
)
def test_files_that_are_no_features_ask_for_a_choice(tmp_path, features, reason):
    write(tmp_path, image_feat=IMAGES, **features)
    assert_refused(tmp_path, f"{reason}.*choose the feature files with --feature NAME=FILE")
    assert list(read(tmp_path, image="image_feat.npy").features) == ["image"]


def test_a_truncated_matrix_is_refused(tmp_path):
    write(tmp_path, image_feat=IMAGES)
    path = tmp_path / "image_feat.npy"
    path.write_bytes(path.read_bytes()[:-1])
    assert_refused(tmp_path, f"modality image: {re.escape(str(path))} cannot be read as a .npy")


def test_a_chosen_file_that_is_missing_is_named(tmp_path):
    write(tmp_path)
    reason = "modality v: .*none.npy does not exist; correct --feature=v=none.npy"
    assert_refused(tmp_path, reason, FileNotFoundError, v="none.npy")


def test_options_for_tables_are_refused(tmp_path):
    write(tmp_path)
    with pytest.raises(ValueError, match="--user is of no use to the layout mmrec"):
        LAYOUT.read(tmp_path, Reading(user="userID"))
