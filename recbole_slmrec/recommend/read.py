"""Files that name users, items, or pairs of them."""

from __future__ import annotations

from pathlib import Path

from recbole_slmrec.data.rows import look_through, parsed


def read_ids(path: Path) -> list[str]:
    """The ids in a file, one a line, as they stand there; empty lines are left out.

    Only a line break ends a line: an id may hold what Unicode takes for one, such as U+2028.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not text, or names nothing.
    """
    _check(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8: {error}") from None
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    ids = [line for line in lines if line]
    if not ids:
        raise ValueError(f"{path} is empty: it must hold one id a line")
    return ids


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """The pairs of user and item in the first two columns of a file.

    A ``.csv`` file has commas, such as one that ``recommend`` wrote; another has tabs, such as
    RecBole's ``.inter`` files. A first line that names columns (``user``, or ``user_id:token``) is
    left out.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not text, or a line is not as the others or has one column only.
    """
    _check(path)

    def open_text():
        return path.open(encoding="utf-8-sig")

    separator = "," if path.suffix == ".csv" else "\t"
    look = look_through(open_text, separator)
    if look.problem:
        raise ValueError(f"{path}: {look.problem}; correct it")
    pairs = []
    for line, fields in parsed(open_text, separator, look.quoted):
        if len(fields) == 1:
            raise ValueError(f"{path}, line {line}: {fields[0]!r} is no pair of user and item")
        pairs.append((fields[0], fields[1]))
    header = pairs and (pairs[0][0] == "user" or pairs[0][0].endswith(":token"))
    return pairs[1:] if header else pairs


def _check(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file [{path}]")
