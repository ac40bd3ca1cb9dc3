"""scipy's sparse matrices out of pickles, without running what the pickles say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix

from recbole_slmrec.data.stand_ins import NUMPY, StandIn, StandInUnpickler, array_of


def load_sparse_matrix(path: Path) -> coo_matrix:
    """Reads a COO or CSR matrix that was pickled with protocol 3 or later.

    Stand-ins that do nothing keep what the pickle says, and the matrix is then built from the parts
    that were found.

    Args:
        path: the pickle.

    Returns:
        The matrix, with the entries in the order of the file, those of half precision as float32.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it names any other class or function, is damaged, or is no such matrix.
    """
    with open(path, "rb") as file:
        try:
            return _matrix(_MatrixUnpickler(file).load())
        # A damaged pickle raises nearly anything.
        except Exception as error:
            raise ValueError(
                f"{path} cannot be read as a pickled scipy COO or CSR matrix: {error}; "
                "get an undamaged copy of the file, from a source that you trust"
            ) from error


class _Matrix(StandIn):
    pass


class _MatrixUnpickler(StandInUnpickler):
    # Module names differ between scipy before and since 1.8.
    stand_ins = NUMPY | {
        "scipy.sparse.coo.coo_matrix": _Matrix,
        "scipy.sparse._coo.coo_matrix": _Matrix,
        "scipy.sparse.csr.csr_matrix": _Matrix,
        "scipy.sparse._csr.csr_matrix": _Matrix,
    }


def _matrix(loaded: object) -> coo_matrix:
    state = loaded.state if isinstance(loaded, _Matrix) else None
    match state:
        case {"_shape": (int(), int()) as shape, "data": data, "row": row, "col": col}:
            row = array_of(row, "iu")
        # scipy 1.13 and later
        case {"_shape": (int(), int()) as shape, "data": data, "coords": (row, col)}:
            row = array_of(row, "iu")
        case {"_shape": (int(), int()) as shape, "data": data, "indptr": starts, "indices": col}:
            lengths = np.diff(array_of(starts, "iu"))
            row = np.repeat(np.arange(len(lengths)), lengths)
        case _:
            raise ValueError("it holds something else")
    parts = _plain(array_of(data, "biuf")), (_plain(row), _plain(array_of(col, "iu")))
    return coo_matrix(parts, shape=shape, copy=True)


def _plain(array: np.ndarray) -> np.ndarray:
    """In a type that scipy takes, which from 1.15 on refuses half precision and foreign byte orders."""
    native = array.dtype.newbyteorder("=")
    return array.astype(np.float32 if native == np.float16 else native, copy=False)
