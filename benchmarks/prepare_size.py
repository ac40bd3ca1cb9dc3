"""Seconds and peak memory of ``prepare`` at the paper's largest shapes, in the HKUDS layout.

``python -m benchmarks.prepare_size`` prints them beside the size of the feature files.
"""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy.sparse import coo_matrix

from benchmarks import shapes
from benchmarks.memory import peak
from benchmarks.process import in_own_process
from recbole_slmrec import report
from recbole_slmrec.data.layouts.hkuds import MATRICES
from recbole_slmrec.data.prepare import Options, prepare

FILES = {"v": "image_feat.npy", "a": "audio_feat.npy", "t": "text_feat.npy"}
CASES = {
    "as published": Options(),
    "--k-core 5 --split 8:1:1": Options(k_core=5, split="8:1:1"),
}


def publish(shape: shapes.Shape, folder: Path) -> int:
    """Writes a made-up set as the HKUDS repositories have it; gives the bytes of its features."""
    folder.mkdir()
    for split, pairs in shapes.interactions(shape).items():
        ones = np.ones(len(pairs), np.float32)
        size = (shape.n_users, shape.n_items)
        with open(folder / MATRICES[split], "wb") as file:
            pickle.dump(coo_matrix((ones, pairs.T.astype(np.int32)), shape=size), file)
    for modality, width in shape.widths.items():
        shapes.write_features(folder / FILES[modality], shape.n_items, width)
    return sum((folder / FILES[modality]).stat().st_size for modality in shape.widths)


def _measured(source: Path, data_path: Path, options: Options) -> tuple[float, int, int]:
    """Seconds, and this process's peak memory before and after, in bytes."""
    before, start = peak(), perf_counter()
    prepare("made", source, data_path, options=options)
    return perf_counter() - start, before, peak()


def main() -> None:
    """Prints the table."""
    rows = []
    for shape in (shapes.KWAI, shapes.MOVIELENS):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "published"
            features = publish(shape, source)
            for case, options in CASES.items():
                target = Path(folder) / f"dataset{len(rows)}"
                (seconds, before, after), _ = in_own_process(_measured, source, target, options)
                sizes = [f"{n / 2**20:,.0f}" for n in (features, before, after)]
                rows.append([shape.name, case, f"{seconds:.1f}", *sizes])
    header = ["set", "prepared", "seconds", "features, MiB", "peak before, MiB", "peak, MiB"]
    print(report.table(header, rows))


if __name__ == "__main__":
    main()
