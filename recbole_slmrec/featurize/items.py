"""The items of a prepared data set: its ``<name>.item`` and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import recbole
import yaml

from recbole_slmrec.data.atomic import read_header
from recbole_slmrec.data.item_fields import read_texts
from recbole_slmrec.names import did_you_mean
from recbole_slmrec.settings import properties_path, read_yaml

_RECBOLE = Path(recbole.__file__).parent
# RecBole reads it from inside its package, whatever data_path says.
_BUNDLED = "ml-100k"


@dataclass(frozen=True, eq=False)
class Items:
    """The rows of ``<name>.item`` in file order, which a matrix counts by.

    Attributes:
        file: the path of ``<name>.item``.
        ids: the item ids as they stand there.
        fields: all fields as text, empty where an item has none; columns are named without type.
        types: the type of each field, such as ``token_seq``.
        settings: what a run would take for this data set: RecBole's defaults, then this package's,
            then those of the data set's own file.
    """

    file: Path
    ids: list[str]
    fields: pd.DataFrame
    types: dict[str, str]
    settings: dict[str, Any]

    @property
    def declaration(self) -> Path:
        """The data set's own file, ``<name>.yaml``."""
        return self.file.with_suffix(".yaml")


def read_items(name: str, data_path: Path) -> Items:
    """Reads the items of the data set ``name``.

    Args:
        name: name of the data set.
        data_path: where data sets lie.

    Raises:
        FileNotFoundError: if there is no such data set, or it has no ``<name>.item``.
        ValueError: if the file is not as it must be, or the data set is RecBole's own ml-100k.
    """
    folder = data_path / name
    if name == _BUNDLED:
        raise ValueError(_copy_first(data_path))
    if not folder.is_dir():
        here = [path.name for path in data_path.glob("*") if path.is_dir()]
        raise FileNotFoundError(
            f"there is no data set [{name}] in {data_path}{did_you_mean(name, here)}. Make it with "
            f"`python -m recbole_slmrec prepare {name}`, or say with --data_path where data sets "
            "lie"
        )
    file = folder / f"{folder.name}.item"
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist; write one row for each item there")
    settings = _settings(folder)
    id_field = settings["ITEM_ID_FIELD"]
    header = read_header(file, [id_field], None, settings)
    frame = read_texts(header, settings)
    if frame.empty:
        raise ValueError(f"{file} has no rows; write one for each item")
    twice = frame[id_field][frame[id_field].duplicated()]
    if len(twice):
        raise ValueError(f"{file} has more than one row for item {twice.iloc[0]!r}; keep one")
    return Items(file, frame[id_field].to_list(), frame, header.types, settings)


def _settings(folder: Path) -> dict[str, Any]:
    settings = {}
    for path in (
        _RECBOLE / "properties" / "dataset" / "sample.yaml",
        _RECBOLE / "properties" / "dataset" / f"{folder.name}.yaml",
        properties_path() / "dataset" / f"{folder.name}.yaml",
        folder / f"{folder.name}.yaml",
    ):
        settings.update(read_yaml(path, yaml.SafeLoader))
    return settings


def _copy_first(data_path: Path) -> str:
    source, target = _RECBOLE / "dataset_example" / _BUNDLED, data_path / "movies"
    copies = " && ".join(
        f"cp {source / _BUNDLED}.{suffix} {target / target.name}.{suffix}"
        for suffix in ("inter", "item")
    )
    return (
        f"RecBole reads {_BUNDLED} from inside its own package, so that features cannot lie beside "
        f"it. Copy it to a name of your own, such as {target.name}:\n"
        f"  mkdir -p {target} && {copies}"
    )
