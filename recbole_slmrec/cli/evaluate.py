"""``evaluate``: the test metrics of a checkpoint."""

from __future__ import annotations

import argparse
from typing import Sequence

from recbole_slmrec import quick_start, report
from recbole_slmrec.cli import parse_with_settings


def main(arguments: Sequence[str], program: str) -> int:
    """Evaluates a checkpoint and prints its metrics."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Evaluate a checkpoint on the test split of the data that it was trained on.",
        epilog="Settings are flags too: --test_mask=train ranks validation items as well, as most "
        "multimodal papers do; --topk=[5,50] changes K.",
        allow_abbrev=False,
    )
    parser.add_argument("--checkpoint", required=True, help="a file that a run has saved")
    flags, _ = parse_with_settings(parser, arguments)
    print(report.final_table({"test": quick_start.evaluate(flags.checkpoint)}))
    return 0
