"""Stand-ins for numpy's classes: they keep what a pickle says, and run none of it.

Class names in a pickle never reach numpy. Even numpy's own classes are not safe in the hands of a
pickle: ``ndarray`` takes an address for an object.
"""

from __future__ import annotations

import pickle

import numpy as np


class StandIn:
    """What a pickle says of an object: the arguments of its making, and its state."""

    arguments: tuple = ()
    state = None

    def __init__(self, *arguments):
        self.arguments = arguments

    def __setstate__(self, state):
        self.state = state


class Array(StandIn):
    """An array."""


class Dtype(StandIn):
    """The type of an array's values."""


# Module names differ between numpy 1 and 2; _frombuffer is for pickle protocol 5.
NUMPY = {
    "numpy.core.multiarray._reconstruct": Array,
    "numpy._core.multiarray._reconstruct": Array,
    "numpy.core.numeric._frombuffer": Array,
    "numpy._core.numeric._frombuffer": Array,
    "numpy.ndarray": Array,
    "numpy.dtype": Dtype,
}


class StandInUnpickler(pickle.Unpickler):
    """An unpickler that knows nothing but stand-ins.

    Attributes:
        stand_ins: full name in a pickle to the class that stands in for it.
    """

    stand_ins: dict[str, type[StandIn]] = NUMPY

    def find_class(self, module: str, name: str) -> type[StandIn]:
        full_name = f"{module}.{name}"
        if full_name not in self.stand_ins:
            raise pickle.UnpicklingError(
                f"it names {full_name}, which such a file does not need and which could run code"
            )
        return self.stand_ins[full_name]


def array_of(loaded: object, kinds: str) -> np.ndarray:
    """Builds the array of one dimension that ``loaded`` stands for.

    Raises:
        ValueError: if it stands for anything else, or its type is not of one of the ``kinds``
            (letters of ``numpy.dtype.kind``).
    """
    match loaded:
        case Array(state=(_, (int(length),), dtype, _, bytes(buffer))):
            pass
        case Array(arguments=(bytes() | bytearray() as buffer, dtype, (int(length),), _)):
            pass
        case _:
            raise ValueError("a part of it is not an array of one dimension")
    return from_bytes(buffer, dtype, length, kinds)


def from_bytes(buffer: bytes | bytearray, dtype: object, length: int, kinds: str) -> np.ndarray:
    """Views bytes as ``length`` numbers of the type that ``dtype`` stands for.

    Raises:
        ValueError: if they are not that many, or of none of the ``kinds``.
    """
    match dtype:
        case Dtype(arguments=(str(code), *_), state=(_, str(byte_order), *_)):
            array = np.frombuffer(buffer, np.dtype(byte_order + code))
        case _:
            raise ValueError("an array in it has no type")
    if array.dtype.kind not in kinds or len(array) != length:
        raise ValueError(f"an array in it is not {length} numbers of the kind that is needed")
    return array
