"""``compare``: models side by side, over seeds; takes ``run_recbole_group.py``'s flags as well."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Sequence

from recbole_slmrec.cli import config_files, make_folders_of, parse_with_settings
from recbole_slmrec.compare import table
from recbole_slmrec.compare.names import Entry, parse_models, parse_seeds
from recbole_slmrec.compare.output import write_all
from recbole_slmrec.compare.runs import Comparison, run_all
from recbole_slmrec.compare.statistics import COLD, summarise_cold
from recbole_slmrec.data.files import named_by

_EPILOG = """
every setting is a flag too, as --key=value, and applies to all models; a model's own settings stand
in brackets, or in a YAML file that is named there, and win:
  {program} --models="SLMRec,SLMRec[ssl_task=FM,alpha=0.5],LightGCN" --dataset=ml-100k --epochs=100
  {program} --models="SLMRec[properties/model/paper.yaml,ssl_task=FM],LightGCN" --dataset=ml-100k

finished runs are kept in the output folder: the same command goes on where it stopped.
"""


def main(arguments: Sequence[str], program: str) -> int:
    """Runs the comparison, prints its table and writes its files; status 1 if a run failed."""
    parser = _parser(program)
    flags, rest = parse_with_settings(parser, arguments)
    output = flags.output or Path("compare") / flags.dataset
    comparison = comparison_of(parser, flags, rest, parse_models(flags.models), output)
    make_folders_of(
        {
            "--output": output / "file",
            "--valid_latex": flags.valid_latex,
            "--test_latex": flags.test_latex,
        }
    )
    outcomes = run_all(comparison, lambda line: print(line, flush=True))
    command = shlex.join(["python", *program.removeprefix("python ").split(), *arguments])
    with named_by("--output"):
        summary = write_all(outcomes, output, command, flags.valid_latex, flags.test_latex)
    print("\n" + table.terminal(summary, styled=sys.stdout.isatty()))
    for split, cold in summarise_cold(outcomes).items():
        print(f"\n{COLD[split]}\n\n{table.terminal(cold, styled=sys.stdout.isatty())}")
    print(f"\nTable, figures and settings: {output / 'index.html'}")
    return 1 if summary.failures else 0


def comparison_of(
    parser: argparse.ArgumentParser,
    flags: argparse.Namespace,
    rest: Sequence[str],
    entries: list[Entry],
    output: Path,
) -> Comparison:
    """What is to be run, from the flags of :func:`add_common_flags` and the settings after them."""
    settings = dict(setting[2:].split("=", 1) for setting in rest)
    for key in settings:
        if key == "seed":
            parser.error("pass --seeds=[1,5,9], or --seeds=3 for 1, 2 and 3, in place of --seed")
        if key in ("nproc", "world_size"):
            parser.error(f"a comparison trains in one process: leave out --{key}")
    # RecBole's Config would read the command line, and let it win over a model's own settings.
    sys.argv = [parser.prog]
    return Comparison(
        entries=entries,
        dataset=flags.dataset,
        seeds=parse_seeds(flags.seeds),
        output=output,
        settings=settings,
        config_files=config_files(flags.config_files),
    )


def add_common_flags(parser: argparse.ArgumentParser, models: str) -> None:
    """The flags that say what is run: ``--models``, ``--dataset``, ``--seeds``, ``--config_files``.

    Args:
        parser: gets them.
        models: the default of ``--models``.
    """
    parser.add_argument(
        "--models", "--model_list", "-m", default=models,
        help=f"the models, each with settings of its own in brackets ({models})",
    )  # fmt: skip
    parser.add_argument("--dataset", "-d", default="ml-100k", help="name of the data set (ml-100k)")
    parser.add_argument("--seeds", default="3", help="how many, or a list such as [1,5,9] (3)")
    parser.add_argument(
        "--config_files", default="", help="YAML files of settings, space-separated"
    )


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Train models, ours or RecBole's, on one split with several seeds; the first model is "
        "compared with the strongest other.",
        epilog=_EPILOG.format(program=program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_common_flags(parser, "SLMRec,LightGCN")
    parser.add_argument(
        "--output", type=Path, help="folder of the runs and files (compare/DATASET)"
    )
    parser.add_argument(
        "--valid_latex", type=Path, help="LaTeX table of validation (OUTPUT/valid.tex)"
    )
    parser.add_argument("--test_latex", type=Path, help="LaTeX table of test (OUTPUT/test.tex)")
    return parser
