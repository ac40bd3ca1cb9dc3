"""``prepare``: files in a public layout, or a table, become a data set that RecBole reads."""

from __future__ import annotations

import argparse
import logging
from contextlib import nullcontext
from pathlib import Path
from typing import ContextManager, Sequence

import yaml

from recbole_slmrec.data.files import named_by
from recbole_slmrec.data.layouts import LAYOUTS, Reading
from recbole_slmrec.data.origin import downloaded
from recbole_slmrec.data.prepare import Options, free_target, prepare, rehearse
from recbole_slmrec.settings import properties_path, read_yaml


def main(arguments: Sequence[str], program: str) -> int:
    """Prepares a data set from files, or from its public origin."""
    flags = _parser(program).parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = Options(
        layout=flags.layout,
        reading=Reading(
            flags.user,
            flags.item,
            flags.rating,
            flags.time,
            flags.encoding,
            _features(flags.feature),
        ),
        min_rating=flags.min_rating,
        k_core=flags.k_core,
        split=flags.split,
        seed=flags.seed,
        swap_valid_test=flags.swap_valid_test,
    )
    target = free_target(flags.name, flags.data_path, flags.force)
    place = nullcontext(flags.source) if flags.source else _from_origin(flags)
    with place as source:
        if flags.dry_run:
            rehearse(flags.name, source, flags.data_path, flags.force, options)
            return 0
        with named_by("--data_path"):
            prepare(flags.name, source, flags.data_path, flags.force, options)
    print(f"{target} is ready: python run_recbole.py --model=SLMRec --dataset={flags.name}")
    return 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Turn a folder in a public layout, or a table of your own, into a data set. "
        "Without --source, a data set with a known origin (tiktok) is downloaded and checked.",
        epilog=f"example: {program} tiktok --source ~/downloads/tiktok",
    )
    parser.add_argument("name", help="name of the data set, such as tiktok")
    parser.add_argument("--source", type=Path, help="folder (or table) as it was published")
    parser.add_argument(
        "--data_path", type=Path, default=Path("dataset"), help="where data sets lie (dataset)"
    )
    parser.add_argument("--force", action="store_true", help="replace a data set of that name")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")
    reading = parser.add_argument_group("how the source is read")
    reading.add_argument(
        "--layout",
        choices=["auto", *LAYOUTS],
        default="auto",
        help="its layout (auto: recognised from the files)",
    )
    reading.add_argument(
        "--feature",
        action="append",
        default=[],
        metavar="MODALITY=FILE",
        help="a modality and its file in the source; repeatable, in place of those found there",
    )
    for column in ("user", "item", "rating", "time"):
        reading.add_argument(f"--{column}", metavar="COLUMN", help=f"a table's {column} column")
    reading.add_argument(
        "--encoding", help="of a table's text, such as cp1252 (by its byte order mark, or UTF-8)"
    )
    making = parser.add_argument_group("what becomes of the interactions, in this order")
    making.add_argument("--min-rating", type=float, metavar="X", help="keep those rated X or more")
    making.add_argument(
        "--k-core", type=int, metavar="N", help="keep users and items with N of them, repeatedly"
    )
    making.add_argument(
        "--split",
        metavar="SPEC",
        help="8:1:1 (by user, at random), time:8:1:1 (by user, oldest in train), "
        "global-time:8:1:1 (all at the same times) or cold-items:0.1 (a tenth of the items not in "
        "train); without it, the source's split is kept, and 8:1:1 is made where there is none",
    )
    making.add_argument(
        "--swap-valid-test",
        action="store_true",
        help="the source's validation split is test, and its test split validation",
    )
    making.add_argument("--seed", type=int, default=2020, help="of a split at random (2020)")
    return parser


def _features(assignments: Sequence[str]) -> dict[str, str]:
    features = {}
    for assignment in assignments:
        modality, _, file = assignment.partition("=")
        if not modality or not file:
            raise ValueError(
                f"--feature {assignment}: give MODALITY=FILE, such as v=image_feat.npy"
            )
        if modality in features:
            raise ValueError(f"--feature {assignment}: the modality {modality} is given twice")
        features[modality] = file
    return features


def _from_origin(flags: argparse.Namespace) -> ContextManager[Path]:
    path = properties_path() / "dataset" / f"{flags.name}.yaml"
    declared = read_yaml(path, yaml.SafeLoader)
    if "download" not in declared:
        raise ValueError(
            f"[{flags.name}] has no known origin: say where its files lie with --source DIR"
        )
    return downloaded(flags.name, flags.data_path, declared["download"])
