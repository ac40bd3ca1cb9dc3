"""Where a data set lies, and what happens when it is not there."""

from __future__ import annotations

from pathlib import Path

import recbole
import yaml

from recbole_slmrec.data.origin import prepare_from_origin
from recbole_slmrec.names import did_you_mean
from recbole_slmrec.settings import read_yaml

_RECBOLE_ORIGINS = Path(recbole.__file__).parent / "properties" / "dataset" / "url.yaml"


class NoDataSetError(FileNotFoundError):
    """A data set is not there; the message says what to do."""


def find_dataset(name: str, folder: Path, origin: dict | None, declared: dict) -> None:
    """Makes sure that the data set ``name`` is in ``folder``, or that RecBole will fetch it.

    Args:
        name: name of the data set.
        folder: where its atomic files lie.
        origin: the ``download`` settings of a data set that this package can fetch, else None.
        declared: what the run has read of the data set's own settings.

    Raises:
        NoDataSetError: if it is not there and nobody knows its origin; names the nearest. Also if it
            came after the run had read settings.
        DownloadError: if it cannot be fetched.
    """
    if folder.is_dir():
        if not declared and read_yaml(folder / f"{name}.yaml", yaml.SafeLoader):
            raise NoDataSetError(
                f"there is no data set [{name}] in {folder.parent} whose settings this run has read: it came "
                "just after. Start the run again"
            )
        return
    if origin:
        prepare_from_origin(name, folder.parent, origin)
        return
    fetched_by_recbole = yaml.safe_load(_RECBOLE_ORIGINS.read_text(encoding="utf-8"))
    if name in fetched_by_recbole:
        return
    here = [path.name for path in folder.parent.glob("*") if path.is_dir()]
    hint = did_you_mean(name, [*here, *fetched_by_recbole, "tiktok", "ml-100k"])
    raise NoDataSetError(
        f"there is no data set [{name}] in {folder.parent}{hint or '.'} Prepare it with `python -m "
        f"recbole_slmrec prepare {name} --source DIR`, put its atomic files into {folder}, or say "
        "where data sets lie with --data_path=DIR"
    )
