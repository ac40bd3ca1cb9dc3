"""What can happen to a file: on a disk, on its way, or in a program that writes it otherwise."""

from __future__ import annotations

import io
import pickle
import random
import zipfile
from pathlib import Path
from typing import Callable

import numpy as np

Mutation = Callable[[bytes, random.Random], bytes]

CANARY = "canary"
"""The name of the file that code in a file would make, if it were run."""


class _Canary:
    def __reduce__(self):
        return Path.touch, (Path(CANARY),)


def cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def flipped(content: bytes, rng: random.Random) -> bytes:
    """One to eight bytes are other ones."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def swapped(content: bytes, rng: random.Random) -> bytes:
    """Two pieces of the same length in one another's place."""
    size = rng.randint(1, max(len(content) // 4, 1))
    one, other = (rng.randrange(max(len(content) - size, 1)) for _ in range(2))
    changed = bytearray(content)
    changed[one : one + size], changed[other : other + size] = (
        content[other : other + size],
        content[one : one + size],
    )
    return bytes(changed)


def zeroed(content: bytes, rng: random.Random) -> bytes:
    """A page that was never written."""
    start, size = rng.randrange(len(content)), rng.randint(1, 512)
    return content[:start] + bytes(min(size, len(content) - start)) + content[start + size :]


def longer(content: bytes, rng: random.Random) -> bytes:
    """Something is put in."""
    place = rng.randint(0, len(content))
    return content[:place] + rng.randbytes(rng.randint(1, 64)) + content[place:]


def another(content: bytes, rng: random.Random) -> bytes:
    """Something else, or nothing, under the file's name."""
    return rng.choice((b"", b"\n", b"null", b"\x80\x05N.", rng.randbytes(100), b"<html></html>"))


def canary(content: bytes, rng: random.Random) -> bytes:
    """Content that would make a file if it were run."""
    pickled = pickle.dumps(_Canary(), protocol=rng.choice((2, 4)))
    in_zip = io.BytesIO()
    with zipfile.ZipFile(in_zip, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3\n")
    in_npy = io.BytesIO()
    np.save(in_npy, np.array([_Canary()], dtype=object))
    touch = f"__import__('pathlib').Path({CANARY!r}).touch()"
    return rng.choice((
        pickled, in_zip.getvalue(), in_npy.getvalue(),
        f"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path [{CANARY}]]\n"
        .encode(),
        f"alpha choice [{touch}]\n".encode(), touch.encode(),
    ))  # fmt: skip


def columns_swapped(content: bytes, rng: random.Random) -> bytes:
    """Two columns of a table in one another's place; what is no table is cut."""
    try:
        lines = content.decode().splitlines()
        separator = max("\t,;:", key=lines[0].count)
        rows = [line.split(separator) for line in lines]
        one, other = (rng.randrange(len(rows[0])) for _ in range(2))
        for row in rows:
            row[one], row[other] = row[other], row[one]
    except (UnicodeDecodeError, IndexError):
        return cut(content, rng)
    return "\n".join(separator.join(row) for row in rows).encode()


def encoded_otherwise(content: bytes, rng: random.Random) -> bytes:
    """Text in another encoding, or with other line ends; what is no text has its bytes swapped."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return swapped(content, rng)
    encoding = rng.choice(("utf-8-sig", "utf-16", "cp1252", "utf-32"))
    line_end = rng.choice(("\n", "\r\n", "\r"))
    return text.replace("\n", line_end).encode(encoding, errors="replace")


def stored_otherwise(content: bytes, rng: random.Random) -> bytes:
    """A .npy array of another type, order or size in its header; what is none has bytes swapped."""
    try:
        array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except ValueError:
        return swapped(content, rng)
    if rng.random() < 0.3:
        header = {
            "descr": array.dtype.str,
            "fortran_order": False,
            "shape": (10 ** rng.randint(6, 15), 9),
        }
        huge = io.BytesIO()
        np.lib.format.write_array_header_1_0(huge, header)
        return huge.getvalue() + array.tobytes()
    dtype = rng.choice((">f4", "<f8", ">f8", "<f2", "i4", ">i8", "c8", "?", "S4", "U3"))
    with np.errstate(all="ignore"):
        array = np.asarray(array, order=rng.choice("CF")).astype(dtype)
    stored = io.BytesIO()
    np.save(stored, array)
    return stored.getvalue()


MUTATIONS: tuple[Mutation, ...] = (
    cut, flipped, swapped, zeroed, longer, another, canary, columns_swapped, encoded_otherwise,
    stored_otherwise,
)  # fmt: skip
