"""A command in this process or in one of its own, what came of it, and what it has left behind."""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

from recbole_slmrec import cli

ROOT = Path(__file__).parent.parent.parent
RAN, REFUSED, TRACEBACK, HANG, NO_SENTENCE = "ran", "refused", "traceback", "hang", "no sentence"
GOOD = (RAN, REFUSED)


def tell(*words: object) -> None:
    """Says how far a campaign is, or what it has found, where a person can see it."""
    print(*words, file=sys.__stderr__, flush=True)


# The names of files and folders that are being written.
_PARTIAL = ("*.partial", "*.old", "*.tmp")


class HangError(BaseException):
    """A command has taken longer than it may."""


@dataclass(frozen=True)
class Outcome:
    """What came of a command."""

    kind: str
    """One of the constants above."""
    text: str
    """What it said, or the end of its traceback."""


def here(arguments: Sequence[str], limit_s: int = 60) -> Outcome:
    """Runs ``python -m recbole_slmrec`` in this process, which is much quicker than in a new one."""
    environment, argv = dict(os.environ), sys.argv
    out = io.StringIO()
    logging.root.handlers.clear()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), _limited(limit_s):
            status = cli.main(list(arguments))
    except HangError:
        return Outcome(HANG, f"after {limit_s} s")
    except SystemExit as leaving:
        status = leaving.code
    except Exception:
        return Outcome(TRACEBACK, traceback.format_exc()[-3000:])
    finally:
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = argv
        for handler in logging.root.handlers[:]:
            logging.root.removeHandler(handler)
            handler.close()
        logging.root.setLevel(logging.WARNING)
    return _judged(status, out.getvalue())


def apart(arguments: Sequence[str], limit_s: int = 120, folder: Path | None = None) -> Outcome:
    """Runs ``python -m recbole_slmrec`` in a process of its own."""
    try:
        done = subprocess.run(
            command(arguments), cwd=folder, env=environment(), capture_output=True, text=True,
            timeout=limit_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Outcome(HANG, f"after {limit_s} s")
    return _judged(done.returncode, done.stdout + done.stderr)


def command(arguments: Sequence[str]) -> list[str]:
    """The words of ``python -m recbole_slmrec``."""
    return [sys.executable, "-m", "recbole_slmrec", *arguments]


def environment() -> dict[str, str]:
    """One thread and this checkout's code."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def forked(arguments: Sequence[str], folder: Path, said: str = "said.txt") -> int:
    """Starts ``python -m recbole_slmrec`` in a copy of this process, with its libraries; gives its id.

    It leads a session of its own, by which its processes are found, and writes what it says into the
    file ``said`` in its working directory ``folder``.
    """
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        os.setsid()
        os.chdir(folder)
        file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))
        os.environ.update(environment())
        status = cli.main(list(arguments))
    except SystemExit as leaving:
        status = leaving.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status or 0)


def ended(process: int, folder: Path, said: str = "said.txt") -> Outcome:
    """What came of a forked process, once it has ended."""
    _, status = os.waitpid(process, 0)
    text = (folder / said).read_text(encoding="utf-8", errors="replace")
    return _judged(os.waitstatus_to_exitcode(status), text)


def left_over(folder: Path) -> list[str]:
    """Files and folders that were being written and are still there."""
    return [str(path) for pattern in _PARTIAL for path in folder.rglob(pattern)]


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """An empty working directory that goes afterwards."""
    origin = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(origin)
            gc.collect()


def _judged(status: int | str | None, text: str) -> Outcome:
    if "Traceback (most recent call last)" in text:
        return Outcome(TRACEBACK, text[-3000:])
    if status in (0, None):
        return Outcome(RAN, text)
    sentence = [line for line in text.splitlines() if "error: " in line]
    if status == 2 and len(sentence) == 1:
        return Outcome(REFUSED, sentence[0].partition("error: ")[2])
    return Outcome(NO_SENTENCE, f"status {status}: {text[-1000:]}")


@contextlib.contextmanager
def _limited(seconds: int) -> Iterator[None]:
    def stop(*_):
        raise HangError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
