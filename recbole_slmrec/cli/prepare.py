"""``prepare``: a folder in a public layout becomes a data set that RecBole reads."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Sequence

import yaml

from recbole_slmrec.data.prepare import prepare, prepare_from_origin
from recbole_slmrec.settings import properties_path, read_yaml


def main(arguments: Sequence[str], program: str) -> int:
    """Prepares a data set from a folder, or from its public origin."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Turn a folder in a public layout (HKUDS: trnMat.pkl, valMat.pkl, tstMat.pkl, "
        "*_feat.npy) into a data set. Without --source, a data set with a known origin (tiktok) "
        "is downloaded and checked.",
        epilog=f"example: {program} tiktok --source ~/downloads/tiktok",
    )
    parser.add_argument("name", help="name of the data set, such as tiktok")
    parser.add_argument("--source", type=Path, help="folder with the files as they were published")
    parser.add_argument(
        "--data_path", type=Path, default=Path("dataset"), help="where data sets lie (dataset)"
    )
    parser.add_argument("--force", action="store_true", help="replace a data set of that name")
    flags = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if flags.source:
        folder = prepare(flags.name, flags.source, flags.data_path, flags.force)
    else:
        folder = _from_origin(flags.name, flags.data_path, flags.force)
    print(f"{folder} is ready: python run_recbole.py --model=SLMRec --dataset={flags.name}")
    return 0


def _from_origin(name: str, data_path: Path, force: bool) -> Path:
    declared = read_yaml(properties_path() / "dataset" / f"{name}.yaml", yaml.SafeLoader)
    if "download" not in declared:
        raise ValueError(f"[{name}] has no known origin: say where its files lie with --source DIR")
    if (data_path / name).exists() and not force:
        raise FileExistsError(f"{data_path / name} is there already; pass --force to replace it")
    return prepare_from_origin(name, data_path, declared["download"], force)
