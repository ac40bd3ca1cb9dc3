"""``refit``: train anew on all interactions, once validation has chosen."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Sequence

from recbole_slmrec.cli import parse_with_settings
from recbole_slmrec.data.files import named_by
from recbole_slmrec.training.refit import refit


def main(arguments: Sequence[str], program: str) -> int:
    """Refits a checkpoint and prints where the new one lies."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Train anew on training, validation and test together, with a checkpoint's "
        "settings and for as many epochs as it has behind it. Nothing is evaluated.",
        epilog="Settings are flags too, such as --data_path=DIR or --use_gpu=False.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--checkpoint", type=Path, required=True, help="a file that a run has saved"
    )
    parser.add_argument(
        "--output", type=Path, help="the new checkpoint (CHECKPOINT with -refit in its name)"
    )
    flags, settings = parse_with_settings(parser, arguments)
    sys.argv = [program, *settings]
    with named_by("--output"):
        print(f"Checkpoint: {refit(flags.checkpoint, flags.output)}")
    return 0
