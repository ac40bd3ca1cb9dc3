"""The picture: principal components, and a PNG that is whole or not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from scipy.sparse import csr_matrix

from recbole_slmrec.describe.interactions import count_interactions
from recbole_slmrec.describe.plot import _principal_components, draw_description


def test_principal_components_of_a_line_and_of_sparse_counts():
    line = np.array([[0, 0, 1], [3, 4, 1], [6, 8, 1]], dtype=np.float32)
    for features in (line, csr_matrix(line)):
        places, shares = _principal_components(features, seed=0)
        assert np.abs(places[:, 0]) == pytest.approx([5, 0, 5], abs=1e-4)
        assert places[:, 1] == pytest.approx(np.zeros(3), abs=1e-4)
        assert shares == pytest.approx([1, 0], abs=1e-6)


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (4, 3), (4, 1)])
def test_no_variance_gives_one_place(shape):
    places, shares = _principal_components(np.ones(shape, dtype=np.float32), seed=0)
    assert places.tolist() == [[0, 0]] * shape[0] and shares.tolist() == [0, 0]


def test_one_column_lies_on_the_first_axis():
    places, shares = _principal_components(np.array([[1.0], [2.0], [6.0]]), seed=0)
    assert np.abs(places[:, 0]) == pytest.approx([2, 1, 3])
    assert shares == pytest.approx([1, 0]) and not places[:, 1].any()


@pytest.mark.parametrize(
    "n_modalities, columns, rows", [(0, 1, 1), (1, 2, 1), (2, 3, 1), (3, 2, 2)]
)
def test_a_png_has_a_panel_for_degrees_and_each_modality(described, n_modalities, columns, rows):
    dataset = described({name: "v.npy" for name in "abc"[:n_modalities]})
    path = Path("tiny.png")
    counted = count_interactions(dataset)
    draw_description("tiny", counted, dataset.item_modalities, 0, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    height, width, _ = imread(path).shape
    assert width == pytest.approx(130 * (0.8 + 4.2 * columns), abs=1)
    assert height == pytest.approx(130 * (0.4 + 3.8 * rows), abs=1)


def test_a_picture_is_whole_or_not_there(described, monkeypatch):
    def fails(self, path, **style):
        Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", fails)
    dataset = described({"v": "v.npy"})
    before = sorted(Path().iterdir())
    with pytest.raises(OSError, match="disk full"):
        counted = count_interactions(dataset)
        draw_description("tiny", counted, dataset.item_modalities, 0, Path("tiny.png"))
    assert sorted(Path().iterdir()) == before
