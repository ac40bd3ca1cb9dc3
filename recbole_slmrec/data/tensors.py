"""A tensor out of a file that torch.save wrote, without running what the file says."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import torch

from recbole_slmrec.data.sums import check_sums


def read_tensor(path: Path) -> np.ndarray:
    """Views the one tensor of a file, which stays mapped into memory.

    The older format of torch.save, which is no zip archive, is read into memory instead.

    Args:
        path: the file: a tensor, or a dict with one tensor in it.

    Returns:
        The tensor's values, of its shape and type; not a copy.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, could run code, or holds anything else than one tensor
            of a type that numpy has.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; put the file there")
    mapped = zipfile.is_zipfile(path)
    try:
        check_sums(path)
        loaded = torch.load(str(path), map_location="cpu", mmap=mapped, weights_only=True)
    # A damaged file raises nearly anything. torch's own words would lead into running its code.
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read as a tensor that torch.save wrote: it is damaged, or holds "
            "other things than tensors, which could run code; get an undamaged copy of the file, "
            "from a source that you trust"
        ) from error
    match loaded:
        case torch.Tensor() as tensor:
            pass
        case dict() if len(loaded) == 1 and isinstance(next(iter(loaded.values())), torch.Tensor):
            (tensor,) = loaded.values()
        case _:
            raise ValueError(
                f"{path} holds {_what(loaded)}, where one tensor is needed; save the tensor alone "
                "with torch.save"
            )
    try:
        values = tensor.detach().numpy()
    except TypeError as error:
        raise ValueError(
            f"{path} holds a tensor that numpy has no form for ({tensor.dtype}, {tensor.layout}); "
            "save it as a dense one of float32 or float16"
        ) from error

    return _memmap(path, tensor, values.dtype) if mapped and tensor.is_contiguous() else values


def _memmap(path: Path, tensor: torch.Tensor, dtype: np.dtype) -> np.memmap:
    """The same values, mapped by numpy: unlike torch's, its pages can be given back when read."""
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        (record,) = (entry for entry in archive.infolist() if "/data/" in entry.filename)
        # Behind the fixed part of an entry's header stand its name and other fields.
        file.seek(record.header_offset + 26)
        name_length, other_length = np.frombuffer(file.read(4), "<u2")
    start = record.header_offset + 30 + int(name_length) + int(other_length)
    start += tensor.storage_offset() * tensor.element_size()
    return np.memmap(path, dtype, "r", start, tuple(tensor.shape))


def _what(loaded: object) -> str:
    if isinstance(loaded, dict):
        return f"a dict with the keys {', '.join(map(repr, loaded)) or '(none)'}"
    return f"an object of type {type(loaded).__name__}"
