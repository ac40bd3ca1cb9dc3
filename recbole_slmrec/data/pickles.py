"""scipy's sparse matrices out of pickles, without running what the pickles say."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix


def load_sparse_matrix(path: Path) -> coo_matrix:
    """Reads a COO or CSR matrix that was pickled with protocol 3 or later.

    The class names in the pickle never reach scipy or numpy: stand-ins that do nothing keep what
    the pickle says, and the matrix is then built from the parts that were found. Even numpy's own
    classes are not safe in the hands of a pickle: ``ndarray`` takes an address for an object.

    Args:
        path: the pickle.

    Returns:
        The matrix, with the entries in the order of the file.

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


class _StandIn:
    """What a pickle says of an object: the arguments of its making, and its state."""

    arguments: tuple = ()
    state = None

    def __init__(self, *arguments):
        self.arguments = arguments

    def __setstate__(self, state):
        self.state = state


class _Matrix(_StandIn):
    pass


class _Array(_StandIn):
    pass


class _Dtype(_StandIn):
    pass


# Module names differ between scipy before and since 1.8, and between numpy 1 and 2; _frombuffer is
# for pickle protocol 5.
_STAND_INS = {
    "scipy.sparse.coo.coo_matrix": _Matrix,
    "scipy.sparse._coo.coo_matrix": _Matrix,
    "scipy.sparse.csr.csr_matrix": _Matrix,
    "scipy.sparse._csr.csr_matrix": _Matrix,
    "numpy.core.multiarray._reconstruct": _Array,
    "numpy._core.multiarray._reconstruct": _Array,
    "numpy.core.numeric._frombuffer": _Array,
    "numpy._core.numeric._frombuffer": _Array,
    "numpy.ndarray": _Array,
    "numpy.dtype": _Dtype,
}


class _MatrixUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type[_StandIn]:
        full_name = f"{module}.{name}"
        if full_name not in _STAND_INS:
            raise pickle.UnpicklingError(
                f"it names {full_name}, which such a matrix does not need and which could run code"
            )
        return _STAND_INS[full_name]


def _matrix(loaded: object) -> coo_matrix:
    state = loaded.state if isinstance(loaded, _Matrix) else None
    match state:
        case {"_shape": (int(), int()) as shape, "data": data, "row": row, "col": col}:
            row = _array(row, "iu")
        # scipy 1.13 and later
        case {"_shape": (int(), int()) as shape, "data": data, "coords": (row, col)}:
            row = _array(row, "iu")
        case {"_shape": (int(), int()) as shape, "data": data, "indptr": starts, "indices": col}:
            lengths = np.diff(_array(starts, "iu"))
            row = np.repeat(np.arange(len(lengths)), lengths)
        case _:
            raise ValueError("it holds something else")
    return coo_matrix((_array(data, "biuf"), (row, _array(col, "iu"))), shape=shape, copy=True)


def _array(loaded: object, kinds: str) -> np.ndarray:
    match loaded:
        case _Array(state=(_, (int(length),), dtype, _, bytes(buffer))):
            pass
        case _Array(arguments=(bytes() | bytearray() as buffer, dtype, (int(length),), _)):
            pass
        case _:
            raise ValueError("a part of it is not an array of one dimension")
    match dtype:
        case _Dtype(arguments=(str(code), *_), state=(_, str(byte_order), *_)):
            array = np.frombuffer(buffer, np.dtype(byte_order + code))
        case _:
            raise ValueError("an array in it has no type")
    if array.dtype.kind not in kinds or len(array) != length:
        raise ValueError(f"an array in it is not {length} numbers of the kind that is needed")
    return array
