"""``describe``: what a data set holds, and what of it decides whether a model can work."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Sequence

from recbole.utils import init_seed

from recbole_slmrec.cli import parse_with_settings
from recbole_slmrec.config import Config
from recbole_slmrec.data.files import named_by
from recbole_slmrec.data.find import find_dataset
from recbole_slmrec.describe.interactions import count_interactions
from recbole_slmrec.describe.modalities import DescribedDataset
from recbole_slmrec.describe.plot import draw_description
from recbole_slmrec.describe.text import describe_as_text
from recbole_slmrec.settings import data_seed

_EPILOG = """
every setting is a flag too, as --key=value; those of the data and its split matter here:
  --data_path=DIR --modalities="[v,a]" --seed=2026 --eval_args="{{'split': {{'RS': [8,1,1]}}}}"

examples:
  {program} tiktok --plot tiktok.png
  {program} ml-100k --user_inter_num_interval="[20,inf)"
"""


def main(arguments: Sequence[str], program: str) -> int:
    """Prints the description of a data set and, if asked, draws it."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Describe a data set as a run would read it: interactions, users, items, "
        "sparsity and dimensions, then splits, degrees and the state of each modality's features.",
        epilog=_EPILOG.format(program=program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("name", help="name of the data set, such as tiktok or ml-100k")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE.png", help="draw degrees and each modality's PCA as well"
    )
    flags, settings = parse_with_settings(parser, arguments)
    _check_plot(flags.plot)
    # RecBole's Config reads the settings from sys.argv itself.
    sys.argv = [program, *settings]
    _describe(Config("SLMRec", flags.name), flags.plot)
    return 0


def _check_plot(path: Path | None) -> None:
    if path and path.suffix != ".png":
        raise ValueError(f"--plot {path} must end in .png")
    if path and not path.parent.is_dir():
        raise FileNotFoundError(f"--plot {path}: there is no folder {path.parent}; make it first")


def _describe(config: Config, plot: Path | None) -> None:
    for warning in config.warnings():
        print(f"warning: {warning}", file=sys.stderr)
    # The tables say what RecBole and our data set would warn of.
    logging.getLogger().setLevel(str(config.external_config_dict.get("state", "ERROR")).upper())
    # A run's own seed, so that a random split is a run's own too.
    init_seed(data_seed(config), config["reproducibility"])
    find_dataset(config["dataset"], Path(config["data_path"]), config["download"], config.declared)
    dataset = DescribedDataset(config)
    interactions = count_interactions(dataset)
    print(describe_as_text(config["dataset"], interactions, dataset.item_modalities))
    if plot:
        with named_by("--plot"):
            draw_description(
                config["dataset"], interactions, dataset.item_modalities, config["seed"], plot
            )
        print(f"\n{plot} is drawn")
