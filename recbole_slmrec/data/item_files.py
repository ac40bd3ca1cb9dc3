"""Files of items: a picture or a sound each, in a folder, named by the item's id."""

from __future__ import annotations

from logging import getLogger
from pathlib import Path
from typing import Sequence

IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
SOUNDS = (".mp3", ".m4a", ".aac", ".ogg", ".opus", ".flac", ".wav")


def files_of_items(
    kind: str, ids: Sequence[str], folder: Path, suffixes: Sequence[str], listed_in: str
) -> dict[int, Path]:
    """The file of each item, such as ``B0001.jpg``.

    Args:
        kind: ``image`` or ``sound``, for messages, which name the flag ``--images`` or ``--sounds``.
        ids: of the items.
        folder: where the files lie.
        suffixes: the endings that count, in lower case.
        listed_in: what the ids are from, for messages.

    Returns:
        Place among ``ids`` to file, for items that have one. How many files belong to no item is
        logged.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if an item has two files, or none has any.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"--{kind}s {folder} is not a folder")
    places = {item: place for place, item in enumerate(ids)}
    files, unknown = {}, []
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in suffixes:
            continue
        place = places.get(file.stem)
        if place is None:
            unknown.append(file.name)
        elif place in files:
            raise ValueError(
                f"{folder} has two {kind}s of item {file.stem!r}, {files[place].name} and "
                f"{file.name}; keep one"
            )
        else:
            files[place] = file
    if not files:
        raise ValueError(
            f"no {kind} in {folder} is named by the id of an item: {listed_in} has ids such as "
            f"{ids[0]!r}, whose {kind} would be {ids[0]}{suffixes[0]} (or "
            f"{', '.join(suffixes[1:])})"
        )
    getLogger().info(f"{len(files):,} of {len(ids):,} items have {_A[kind]}")
    if unknown:
        getLogger().info(
            f"{folder}: {len(unknown):,} {kind}s are of items that {listed_in} lacks, such as "
            f"{unknown[0]}"
        )
    return dict(sorted(files.items()))


_A = {"image": "an image", "sound": "a sound"}
