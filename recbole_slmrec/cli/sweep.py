"""``sweep``: what a setting does to models, by a chart over its values."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Sequence

from recbole_slmrec.cli import make_folders_of, parse_with_settings
from recbole_slmrec.cli.compare import add_common_flags, comparison_of
from recbole_slmrec.compare.names import parse_models
from recbole_slmrec.compare.runs import Comparison, configure, run_all
from recbole_slmrec.data.files import named_by
from recbole_slmrec.sweep import table
from recbole_slmrec.sweep.grid import Sweep, parse_sweep
from recbole_slmrec.sweep.output import write_all

_EPILOG = """
the lines of the chart are models as `compare` takes them; every other setting is a flag, as --key=value:
  {program} --vary=alpha --values=0.01,0.05,0.1,0.5,1 --dataset=tiktok \\
      --models="SLMRec[ssl_task=FAC],SLMRec[ssl_task=FD],SLMRec[ssl_task=FM]"
  {program} --vary=train_batch_size --values=512,1024,2048 --models="SLMRec[main_loss=none,ssl_task=FAC]"

validation picks a value, which has a star; the test figures of the others are there to be seen, not to
choose by. Finished runs are kept in the output folder: the same command goes on where it stopped.
"""


def main(arguments: Sequence[str], program: str) -> int:
    """Runs the sweep, prints its tables and writes its files; status 1 if a run failed."""
    parser = _parser(program)
    flags, rest = parse_with_settings(parser, arguments)
    sweep = parse_sweep(parse_models(flags.models), flags.vary, flags.values)
    if any(setting.startswith(f"--{sweep.key}=") for setting in rest):
        parser.error(f"--{sweep.key} is given, and --vary={sweep.key} varies it: leave one out")
    output = flags.output or Path("sweep") / f"{flags.dataset}-{sweep.key}"
    comparison = comparison_of(parser, flags, rest, sweep.entries(), output)
    _check_known(comparison, sweep)
    make_folders_of({"--output": output / "file"})
    outcomes = run_all(comparison, lambda line: print(line, flush=True))
    found = table.figures(sweep, outcomes)
    command = shlex.join(["python", *program.removeprefix("python ").split(), *arguments])
    with named_by("--output"):
        write_all(found, outcomes, output, command)
    print("\n" + table.terminal(found))
    print(f"\nChart, tables and settings: {output / 'index.html'}")
    return 1 if found.failures else 0


def _check_known(comparison: Comparison, sweep: Sweep) -> None:
    for model in sweep.models:
        config = configure(comparison, sweep.at(model, sweep.values[0]), comparison.seeds[0])
        for sentence in config.unknown([sweep.key]):
            raise ValueError(f"--vary, for {model.label}: {sentence}")


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Train models at several values of one setting, with several seeds.",
        epilog=_EPILOG.format(program=program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--vary", required=True, help="the setting, such as alpha")
    parser.add_argument("--values", required=True, help="its values, such as 0.01,0.1,1")
    add_common_flags(parser, "SLMRec")
    parser.add_argument(
        "--output", type=Path, help="folder of the runs and files (sweep/DATASET-KEY)"
    )
    return parser
