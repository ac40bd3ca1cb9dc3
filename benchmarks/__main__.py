"""``python -m benchmarks``: every measurement in one run, and the page that shows them."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Callable, Iterator

from benchmarks import (
    baselines,
    device,
    evaluation,
    growth,
    hops,
    memory,
    neighbours,
    page,
    processes,
    shapes,
    start_up,
    steps,
    timing,
)
from benchmarks.machine import machine
from recbole_slmrec import report

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
PUBLIC = "tiktok"
STEP_SETS = (
    (shapes.TIKTOK, tuple(steps.MODELS)),
    (shapes.KWAI, steps.FEW),
    (shapes.MOVIELENS, steps.FEW),
)
STEPS = (PUBLIC, *(shape.name for shape, _ in STEP_SETS))
CASES = (
    *(*STEPS, "baselines", "hops", "growth", "memory", "processes", "shares"),
    *("neighbours", "evaluation", "start_up"),
)

_QUICK_SIZE, _QUICK_ROUNDS = 1 / 8, 3


def main(arguments: list[str]) -> None:
    """Measures, prints the tables, and writes the page of a whole run."""
    parser = _parser()
    flags = parser.parse_args(arguments)
    try:
        device.choose(flags.device)
    except ValueError as error:
        parser.error(str(error))
    # RecBole's Config would read the command line.
    sys.argv = sys.argv[:1]
    output = flags.output and flags.output.resolve()
    if (
        output is None
        and flags.device == "cpu"
        and not flags.quick
        and set(flags.cases) == set(CASES)
    ):
        output = PAGE
    data_path = flags.data_path.resolve()
    with _working_folder() as folder:
        results = {
            "command": _command(flags),
            "quick": flags.quick,
            "machine": machine(),
            "versions": report.versions(),
            **_measured(flags.cases, _measurements(folder, data_path, flags.quick)),
        }
    results["machine"]["other programs"] = timing.quietness()
    for title, table in page.terminal(results):
        print(f"\n{title}\n{report.table(*table)}")
    if output:
        page.write_all(results, output)
        print(f"\nPage: {os.path.relpath(output)}")


def _command(flags: argparse.Namespace) -> str:
    """The command without the flags that name places on this machine."""
    words = ["python -m benchmarks"]
    if flags.quick:
        words.append("--quick")
    if flags.device != "cpu":
        words += ["--device", flags.device]
    if set(flags.cases) != set(CASES):
        words += ["--cases", *flags.cases]
    return " ".join(words)


@contextmanager
def _working_folder() -> Iterator[Path]:
    """A temporary folder to work in: generated sets lie there, and RecBole writes its logs."""
    origin = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(origin)


def _measurements(folder: Path, data_path: Path, quick: bool) -> dict[str, Callable[[], Any]]:
    """What each case does, by its name; a case gives what it measured."""

    def sized(shape: shapes.Shape) -> shapes.Shape:
        return shape.times(_QUICK_SIZE) if quick else shape

    def rounds(whole: int) -> int:
        return _QUICK_ROUNDS if quick else whole

    def on(shape: shapes.Shape, measure: Callable, *others: Any) -> Any:
        return measure(shapes.written(sized(shape), folder), folder, *others)

    # One narrow modality, for the messages of the SSL task.
    narrow = sized(replace(shapes.TIKTOK, name="shares", widths={"v": 16}))
    featureless = sized(replace(shapes.TIKTOK, name="growth", widths={}))
    return {
        PUBLIC: partial(_public, data_path, steps.measure, rounds(31)),
        **{
            shape.name: partial(on, shape, steps.measure, rounds(15), models)
            for shape, models in STEP_SETS
        },
        "baselines": partial(
            _baselines,
            data_path,
            rounds(31),
            partial(on, shapes.TIKTOK, baselines.measure, rounds(15)),
        ),
        "hops": partial(hops.measure, [sized(shape) for shape, _ in STEP_SETS], rounds(31)),
        "growth": partial(growth.measure, featureless, folder, rounds(9)),
        "memory": partial(on, shapes.TIKTOK, memory.measure),
        "neighbours": partial(neighbours.measure, sized(shapes.TIKTOK), folder),
        "processes": partial(on, shapes.TIKTOK, processes.measure, rounds(15)),
        "shares": partial(processes.shares, narrow, folder),
        "evaluation": partial(on, shapes.TIKTOK, evaluation.measure),
        "start_up": partial(on, shapes.MOVIELENS, start_up.measure),
    }


def _public(data_path: Path, measure: Callable, rounds: int) -> dict[str, dict]:
    if not (data_path / PUBLIC).is_dir():
        print(f"  there is no {PUBLIC} in {data_path}: left out (see dataset/README.md)")
        return {}
    return measure(PUBLIC, data_path, rounds)


def _baselines(
    data_path: Path, rounds: int, generated: Callable[[], dict[str, dict]]
) -> dict[str, dict[str, dict]]:
    """By data set: the public TikTok, if it is there, and the generated one."""
    sets = {PUBLIC: _public(data_path, baselines.measure, rounds), shapes.TIKTOK.name: generated()}
    return {name: measured for name, measured in sets.items() if measured}


def _measured(cases: list[str], measurements: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """Results by case, empty where nothing was measured; those of steps under ``steps``."""
    results: dict[str, Any] = {"steps": {}} | {case: {} for case in CASES if case not in STEPS}
    for case, measure in measurements.items():
        if case not in cases:
            continue
        print(f"{case} ...", flush=True)
        start = perf_counter()
        measured = measure()
        if case not in STEPS:
            results[case] = measured
        elif measured:
            results["steps"][case] = measured
        print(f"  {perf_counter() - start:.0f} s", flush=True)
        gc.collect()
    return results


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure everything in one run and write the page that shows it.",
        epilog="a whole run takes some 7 GiB of memory and 2 GiB in the folder of temporary files",
    )
    parser.add_argument(
        "--quick", action="store_true",
        help="few rounds, on generated sets of an eighth of the size",
    )  # fmt: skip
    parser.add_argument(
        "--cases", nargs="+", choices=CASES, default=CASES, metavar="CASE",
        help=f"what to measure, of {', '.join(CASES)} (all)",
    )  # fmt: skip
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="what to measure on (cpu)"
    )
    parser.add_argument(
        "--output", type=Path,
        help="the page to write (docs/performance.md for a whole run on the CPU, otherwise none)",
    )  # fmt: skip
    parser.add_argument(
        "--data_path", type=Path, default=PAGE.parent.parent / "dataset",
        help="where the public TikTok lies, if at all (dataset)",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
