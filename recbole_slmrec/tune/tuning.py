"""A whole search: trials, the winner's only test, and the files that tell of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from recbole_slmrec import quick_start
from recbole_slmrec.data.records import read_record, write_record
from recbole_slmrec.tune import results
from recbole_slmrec.tune.plot import plot_trials
from recbole_slmrec.tune.progress import described
from recbole_slmrec.tune.task import TRIALS, Task, claim_folder
from recbole_slmrec.tune.trials import Trial, TrialLog


def tune(
    task: Task,
    tool: str,
    search: Callable[[TrialLog], None],
    folder: Path,
    output_file: Path | None,
    display_file: Path | None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Searches, trains the winner once more, tests it, and writes the files.

    Args:
        task: what is tuned.
        tool: name of the search; a folder holds trials of one.
        search: makes the trials that the log lacks.
        folder: for ``trials.jsonl``, ``trials.csv``, ``best.yaml`` and ``winner.json``.
        output_file: the trials in RecBole's format; ``result.txt`` in the folder if None.
        display_file: the picture; ``trials.png`` in the folder if None.
        say: called with a line for each step.

    Returns:
        ``parameters``, ``best_valid_result``, ``test_result`` and ``checkpoint`` of the winner.

    Raises:
        ValueError: if no trial succeeded, or the folder or the trials in it do not fit.
    """
    claim_folder(folder, task, tool)
    log = TrialLog(folder / TRIALS)
    if len(log):
        say(f"{len(log)} trials are in {folder / TRIALS}: they are not made again")
    search(log)
    best = log.best(task.bigger)
    if best is None:
        error = next((trial.error for trial in log), "there was none")
        raise ValueError(f"no trial succeeded; the first ended with: {error}")
    winner = _winner(task, best, folder / "winner.json", say)
    results.write_result_file(output_file or folder / "result.txt", log, winner)
    results.write_table(folder / "trials.csv", log)
    results.write_best(folder / "best.yaml", task, best)
    plot_trials(display_file or folder / "trials.png", task, log, best)
    return winner


def _winner(task: Task, best: Trial, path: Path, say: Callable) -> dict[str, Any]:
    """Trains the winner as its trial did, keeps it, and reads the test split: once, also over
    repeated commands."""
    if path.is_file():
        winner = read_record(path, "remove it to train and test the winner again")
        if winner["parameters"] == best.parameters:
            return winner
    say(f"the best is trained once more and tested: {described(best)}")
    settings = {**task.settings, **best.parameters}
    result = quick_start.run(settings["model"], settings["dataset"], config_dict=settings)
    winner = {
        "parameters": best.parameters,
        "best_valid_result": dict(result["best_valid_result"]),
        "test_result": dict(result["test_result"]),
        "checkpoint": result["checkpoint"],
    }
    write_record(path, winner)
    return winner
