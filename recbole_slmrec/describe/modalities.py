"""The modalities of a data set in numbers, of raw values where a run normalises or refuses them."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from typing import Iterable, Iterator

import numpy as np
from scipy.sparse import csr_matrix

from recbole_slmrec.data.dataset import MultimodalDataset
from recbole_slmrec.data.matrix import BLOCK_ELEMENTS, check_matrix, open_npy
from recbole_slmrec.data.modality import (
    DenseModality,
    ItemRows,
    MatrixSource,
    Source,
    WordModality,
    unit_rows,
)

N_SAMPLED = 5_000


@dataclass(frozen=True, eq=False)
class ModalityFacts:
    """One modality, over the items that RecBole keeps.

    Attributes:
        name: the modality's name.
        dimension: as Table I gives it: the columns, or the vocabulary of word lists.
        missing: items without features.
        zero: items whose vector is zero; in a matrix these are the missing ones.
        shared: items whose vector, or list of words, is another item's too; missing ones and zeros
            apart.
        non_finite: items with a value that is NaN or infinite in float32, which a run refuses.
        norms: shape (n,), the L2 norms of the finite rows of a matrix as they stand in the file;
            None where there is no matrix.
        sampled: shape (n,), internal ids of at most 5,000 items with features, drawn by the seed.
        features: shape (n, D), those items' features, the rows of unit length but for a ``float``
            field; of word lists the sparse counts of words.
    """

    name: str
    dimension: str
    missing: int
    zero: int
    shared: int
    non_finite: int
    norms: np.ndarray | None
    sampled: np.ndarray
    features: np.ndarray | csr_matrix


class DescribedDataset(MultimodalDataset):
    """MultimodalDataset whose ``item_modalities`` are a tuple of ModalityFacts."""

    item_modalities: tuple[ModalityFacts, ...]  # type: ignore[assignment]

    def _read(  # type: ignore[override]
        self, name: str, source: Source, items: ItemRows
    ) -> ModalityFacts:
        if isinstance(source, MatrixSource):
            path = os.path.join(self.dataset_path, source.file)
            return _of_matrix(name, path, items, self.config["seed"])
        modality = super()._read(name, source, items)
        if isinstance(modality, DenseModality):
            return _of_field(modality, self.config["seed"])
        return _of_words(modality, items.n_items, self.config["seed"])


def _of_matrix(name: str, path: str, items: ItemRows, seed: int) -> ModalityFacts:
    matrix = open_npy(name, path)
    check_matrix(name, path, matrix, items)
    norms, digests = [], []
    for rows in _blocks(matrix):
        norms.append(np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64)))
        digests += _digests(rows)
    kept = items.ids > 0
    norms = np.concatenate(norms)
    finite = np.isfinite(norms)
    present = np.flatnonzero(kept & finite & (norms > 0))
    zero = int((kept & (norms == 0)).sum())
    sampled = _sample(present, seed)
    return ModalityFacts(
        name=name,
        dimension=f"{matrix.shape[1]:,}",
        missing=zero,
        zero=zero,
        shared=_n_shared(digests[row] for row in present),
        non_finite=int((kept & ~finite).sum()),
        norms=norms[kept & finite],
        sampled=items.ids[sampled],
        features=unit_rows(matrix[sampled].astype(np.float32)),
    )


def _blocks(matrix: np.ndarray) -> Iterator[np.ndarray]:
    block = max(1, BLOCK_ELEMENTS // matrix.shape[1])
    for start in range(0, len(matrix), block):
        with np.errstate(over="ignore"):
            yield matrix[start : start + block].astype(np.float32)


def _of_field(modality: DenseModality, seed: int) -> ModalityFacts:
    present = np.flatnonzero(modality.features.any(axis=1))
    sampled = _sample(present, seed)
    return ModalityFacts(
        name=modality.name,
        dimension=f"{modality.features.shape[1]:,}",
        missing=modality.missing,
        zero=len(modality.features) - 1 - len(present),
        shared=_n_shared(_digests(modality.features[present])),
        non_finite=0,
        norms=None,
        sampled=sampled,
        features=modality.features[sampled],
    )


def _of_words(modality: WordModality, n_items: int, seed: int) -> ModalityFacts:
    counts = csr_matrix(
        (np.ones(len(modality.items), dtype=np.float32), (modality.items, modality.words)),
        shape=(n_items, modality.n_words),
    )
    counts.sum_duplicates()
    present = np.flatnonzero(np.diff(counts.indptr))
    lists = (
        blake2b(counts.indices[start:end].tobytes() + counts.data[start:end].tobytes()).digest()
        for start, end in zip(counts.indptr[present], counts.indptr[present + 1])
    )
    sampled = _sample(present, seed)
    return ModalityFacts(
        name=modality.name,
        dimension=f"{modality.n_words:,} words",
        missing=modality.missing,
        zero=0,
        shared=_n_shared(lists),
        non_finite=0,
        norms=None,
        sampled=sampled,
        features=counts[sampled],
    )


def _digests(rows: np.ndarray) -> list[bytes]:
    # Adding 0 makes -0 equal to 0.
    return [blake2b(row.tobytes(), digest_size=16).digest() for row in rows + np.float32(0)]


def _n_shared(digests: Iterable[bytes]) -> int:
    return sum(count for count in Counter(digests).values() if count > 1)


def _sample(rows: np.ndarray, seed: int) -> np.ndarray:
    if len(rows) <= N_SAMPLED:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, N_SAMPLED, replace=False))
