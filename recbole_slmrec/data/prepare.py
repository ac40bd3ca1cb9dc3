"""Turning published files into a data set that RecBole reads."""

from __future__ import annotations

import shutil
import tempfile
from logging import getLogger
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import yaml

from recbole_slmrec.data.download import DownloadError, NotOnServerError, fetch
from recbole_slmrec.data.files import whole_folder
from recbole_slmrec.data.layouts import Source, recognise


def prepare(name: str, source: Path, data_path: Path, force: bool = False) -> Path:
    """Writes the data set ``name`` from a folder in a public layout, whole or not at all.

    The ids of users and items are their numbers in the source. Row r of ``<name>.item`` is item r,
    and row r of each feature file, which is copied as it is.

    Args:
        name: name of the data set.
        source: the folder with the files as they were published.
        data_path: where data sets lie.
        force: whether to replace a data set of that name.

    Returns:
        The folder of the data set, ``<data_path>/<name>``.

    Raises:
        FileExistsError: if the data set is there already and ``force`` is False.
        FileNotFoundError: if ``source`` or a file that is needed in it is missing.
        ValueError: if the name is no folder name, ``source`` lies in the data set's own folder, or
            a file is not as it must be.
    """
    source, data_path = Path(source), Path(data_path)
    if Path(name).name != name or name in ("", ".."):
        raise ValueError(f"{name!r} cannot name a data set: give a bare name, such as tiktok")
    target = data_path / name
    if target.resolve() in (source.resolve(), *source.resolve().parents):
        raise ValueError(
            f"the source {source} lies in {target}, where the data set is to be written; "
            "move it to another place first"
        )
    with whole_folder(target, replace=force) as folder:
        data = recognise(source).read(source)
        _log(source, data)
        _write(name, data, folder)
    return target


def prepare_from_origin(name: str, data_path: Path, download: dict, force: bool = False) -> Path:
    """Downloads the data set ``name`` from its public origin and prepares it.

    Args:
        name: name of the data set.
        data_path: where data sets lie.
        download: ``url``, the address of the folder that holds the published files; ``files``, a
            dict from file name to git blob id; and ``optional``, a list of those among them that
            the data set can do without.
        force: whether to replace a data set of that name.

    Returns:
        The folder of the data set, ``<data_path>/<name>``.

    Raises:
        FileExistsError: if the data set is there already and ``force`` is False.
        DownloadError: if a file that is needed cannot be fetched; says how to do without.
    """
    data_path = Path(data_path)
    getLogger().info(f"downloading the data set {name} from {download['url']}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            _fetch_files(download, Path(folder))
        except DownloadError as error:
            raise DownloadError(
                f"{error}.\nThere are two ways to get the data set [{name}]: run this again with a "
                f"connection to {download['url']}, or put copies of the files there "
                f"({', '.join(download['files'])}) into a folder DIR and run "
                f"`python -m recbole_slmrec prepare {name} --source DIR --data_path {data_path}`"
            ) from error
        return prepare(name, Path(folder), data_path, force)


def _fetch_files(download: dict, folder: Path) -> None:
    for file, blob_id in download["files"].items():
        url = f"{download['url'].rstrip('/')}/{quote(file)}"
        try:
            fetch(url, folder / file, blob_id)
        except NotOnServerError as error:
            if file not in download["optional"]:
                raise
            getLogger().warning(f"{error}: going on without {file}")


def _log(source: Path, data: Source) -> None:
    logger = getLogger()
    logger.info(f"{source} has the layout {data.layout}")
    for split, interactions in data.splits.items():
        logger.info(f"{split}: {len(interactions):,} interactions")
    logger.info(f"users: {data.n_users:,}")
    logger.info(f"items: {data.n_items:,}")
    for modality, path in data.features.items():
        rows, width = np.load(path, mmap_mode="r").shape
        logger.info(f"modality {modality}: {path.name}, {rows:,} x {width:,}")


def _write(name: str, data: Source, folder: Path) -> None:
    for split, interactions in data.splits.items():
        frame = pd.DataFrame(interactions, columns=["user_id:token", "item_id:token"])
        frame.to_csv(folder / f"{name}.{split}.inter", sep="\t", index=False)
    items = pd.DataFrame({"item_id:token": np.arange(data.n_items)})
    items.to_csv(folder / f"{name}.item", sep="\t", index=False)
    for path in data.features.values():
        shutil.copyfile(path, folder / path.name)
    declaration = {
        "load_col": {"inter": ["user_id", "item_id"], "item": ["item_id"]},
        "benchmark_filename": list(data.splits),
        "item_modalities": {modality: path.name for modality, path in data.features.items()},
    }
    text = yaml.safe_dump(declaration, default_flow_style=None, sort_keys=False)
    comment = f"# Made by `python -m recbole_slmrec prepare` from the layout {data.layout}.\n"
    (folder / f"{name}.yaml").write_text(comment + text, encoding="utf-8")
