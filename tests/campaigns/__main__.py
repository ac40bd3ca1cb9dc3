"""``python -m tests.campaigns``: all campaigns, or some, each with a fixed seed and a bounded time."""

from __future__ import annotations

import argparse
import importlib
import json
import random
import sys
from pathlib import Path
from time import perf_counter

import torch

NAMES = ("settings", "files", "kills", "side_by_side", "soak")


def main(arguments: list[str]) -> int:
    """Runs the campaigns and prints their figures; status 1 if one found a fault."""
    flags = _parser().parse_args(arguments)
    # RecBole's Config would read the command line.
    sys.argv = sys.argv[:1]
    torch.set_num_threads(1)
    results = {}
    for name in flags.campaigns:
        module = importlib.import_module(f"tests.campaigns.{name}")
        start = perf_counter()
        figures = module.campaign(flags.cases or module.CASES, random.Random(flags.seed))
        results[name] = {"seed": flags.seed, "seconds": round(perf_counter() - start), **figures}
        _tell(name, results[name])
    if flags.output:
        flags.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return int(any(figures["faults"] for figures in results.values()))


def _tell(name: str, figures: dict) -> None:
    print(f"\n{name}")
    for key, value in figures.items():
        if key != "faults":
            print(f"  {key}: {value}")
    print(f"  faults: {len(figures['faults'])}", flush=True)
    for fault in figures["faults"]:
        print(f"    {fault}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns", description=__doc__)
    parser.add_argument("campaigns", nargs="*", default=NAMES, help=f"of {', '.join(NAMES)} (all)")
    parser.add_argument("--cases", type=int, help="how many cases of each (minutes' worth)")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (0)")
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
