"""From published files to a data set that RecBole reads: recognise, read, filter, split, write."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from logging import getLogger
from pathlib import Path
from typing import Callable, Iterator

from recbole_slmrec.data.facts import log_facts, n_surplus
from recbole_slmrec.data.feature_files import feature_path
from recbole_slmrec.data.files import check_writable, whole_folder
from recbole_slmrec.data.filter import k_core, rated_at_least
from recbole_slmrec.data.layouts import LAYOUTS, Reading, Source, Words, recognise
from recbole_slmrec.data.modality import RESERVED
from recbole_slmrec.data.split import divide
from recbole_slmrec.data.write import check_ids, writers


@dataclass(frozen=True)
class Options:
    """How a data set is made of a source.

    Attributes:
        layout: the name of the source's layout, or ``auto`` to recognise it from the files.
        reading: what the layout is told of the files.
        min_rating: the least rating of interactions that are kept; None keeps all.
        k_core: how many interactions users and items need to be kept; None keeps all.
        split: how the interactions are divided, see ``split.divide``; None keeps a split that the
            source has.
        seed: seeds all that is random.
        swap_valid_test: whether the source's validation split becomes test, and its test validation.
    """

    layout: str = "auto"
    reading: Reading = Reading()
    min_rating: float | None = None
    k_core: int | None = None
    split: str | None = None
    seed: int = 2020
    swap_valid_test: bool = False


def prepare(
    name: str,
    source: Path,
    data_path: Path,
    force: bool = False,
    options: Options = Options(),
) -> Path:
    """Writes the data set ``name`` from files in a public layout, whole or not at all.

    Args:
        name: name of the data set.
        source: the folder with the files as they were published, or the file of a table.
        data_path: where data sets lie.
        force: whether to replace a data set of that name.
        options: how it is made.

    Returns:
        The folder of the data set, ``<data_path>/<name>``.

    Raises:
        FileExistsError: if the data set is there already and ``force`` is False.
        FileNotFoundError: if ``source`` or a file that is needed in it is missing.
        ValueError: if the name is no folder name, ``source`` lies in the data set's own folder, a
            file is not as it must be, or the options cannot be met.
        WriteError: if the data set cannot be written.
    """
    source = Path(source)
    target = free_target(name, Path(data_path), force)
    check_writable(target)
    _check_apart(target, source, options.reading)
    files = _plan(name, source, options)
    with _new_folders_on_success(target.parent), whole_folder(target, replace=force) as folder:
        for file, write in files.items():
            write(folder / file)
    return target


def rehearse(
    name: str,
    source: Path,
    data_path: Path,
    force: bool = False,
    options: Options = Options(),
) -> None:
    """Logs all that ``prepare`` would do, and writes nothing; arguments and errors are the same.

    Only the values of features are not read.
    """
    source = Path(source)
    target = free_target(name, Path(data_path), force)
    _check_apart(target, source, options.reading)
    for file in _plan(name, source, options):
        getLogger().info(f"would write {target / file}")


def free_target(name: str, data_path: Path, force: bool) -> Path:
    """The folder of the data set ``name``, if it may be written.

    Raises:
        FileExistsError: if it is there already and ``force`` is False.
        ValueError: if the name is no folder name.
    """
    if Path(name).name != name or name in ("", ".."):
        raise ValueError(f"{name!r} cannot name a data set: give a bare name, such as tiktok")
    target = data_path / name
    if target.exists() and not force:
        raise FileExistsError(f"{target} is there already; pass --force to replace it")
    return target


def _check_apart(target: Path, source: Path, reading: Reading) -> None:
    folder = source.parent if source.is_file() else source
    for path in (source, *(feature_path(folder, file) for file in reading.features.values())):
        if target.resolve() in (path.resolve(), *path.resolve().parents):
            raise ValueError(
                f"the source {path} lies in {target}, where the data set is to be written; "
                "move it to another place first"
            )


@contextmanager
def _new_folders_on_success(folder: Path) -> Iterator[None]:
    """Removes ``folder`` and those above it again if they are not there yet and the block fails."""
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for path in new:
                path.rmdir()
        raise


def _plan(name: str, path: Path, options: Options) -> dict[str, Callable[[Path], None]]:
    """Reads the source, logs what is made of it, and tells what writes each file."""
    layout = options.layout
    if layout == "auto":
        layout = recognise(path)
        getLogger().info(f"{path} has the layout {layout}")
    else:
        getLogger().info(f"{path} is read in the layout {layout}")
    source = LAYOUTS[layout].read(path, options.reading)
    _check_features(source)
    check_ids(source)
    if options.swap_valid_test:
        source = _swapped(source, path, options)
    elif options.split is None:
        _warn_of_swapped_splits(source)
    surplus = {modality: n_surplus(feature) for modality, feature in source.features.items()}
    if options.min_rating is not None:
        source = rated_at_least(source, options.min_rating)
    if options.k_core is not None:
        source = k_core(source, options.k_core)
    source, cold = divide(source, options.split, options.seed)
    log_facts(source, surplus)
    return writers(name, source, cold)


def _swapped(source: Source, path: Path, options: Options) -> Source:
    """The source with the names of validation and test exchanged."""
    if options.split is not None:
        raise ValueError(
            f"--swap-valid-test keeps the split of {path}, and --split {options.split} makes another: "
            "leave one of the two out"
        )
    if not {"valid", "test"} <= source.interactions.keys():
        raise ValueError(
            f"--swap-valid-test: {path} has no validation and test split; it holds "
            f"{', '.join(source.interactions)}"
        )
    others = {"valid": "test", "test": "valid"}
    swapped = {
        split: source.interactions[others.get(split, split)] for split in source.interactions
    }
    return replace(source, interactions=swapped)


def _warn_of_swapped_splits(source: Source) -> None:
    sizes = {split: len(frame) for split, frame in source.interactions.items()}
    if source.layout == "mmrec" and sizes.get("valid", 0) > sizes.get("test", 0):
        getLogger().warning(
            f"validation has {sizes['valid']:,} interactions and test {sizes['test']:,}: copies of "
            "TikTok in this layout often have the two swapped (3,051 are for validation there, 6,130 for "
            "test), and figures of the one do not compare with figures of the other. "
            "--swap-valid-test swaps them back"
        )


def _check_features(source: Source) -> None:
    files = [feature.file for feature in source.features.values()]
    twice = next((file for file in files if files.count(file) > 1), None)
    if twice:
        raise ValueError(
            f"two modalities would be written to {twice}: name one otherwise with --feature, such "
            "as --feature v=image_feat.npy"
        )
    for modality, feature in source.features.items():
        if modality == RESERVED or Path(modality).name != modality:
            raise ValueError(
                f"{modality!r} cannot name a modality: name it otherwise with --feature, such as "
                "--feature v=image_feat.npy"
            )
        n = len(feature.words) if isinstance(feature, Words) else feature.values.shape[1]
        if n == 0:
            raise ValueError(f"modality {modality} holds no features; leave its file out")
