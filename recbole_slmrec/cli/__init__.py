"""The commands: one verb a file, each with ``main(arguments, program)`` that returns an exit status."""

from __future__ import annotations

import argparse
import importlib
import logging
import shlex
import sys
from logging import getLogger
from pathlib import Path
from typing import Callable, Mapping, Sequence

from recbole_slmrec import first_use
from recbole_slmrec.data.files import make_folder, named_by

VERBS = {
    "run": "train a model, ours or RecBole's, and evaluate it",
    "compare": "train models side by side, over seeds, and write a table, figures and a page",
    "sweep": "train models at several values of a setting, and write a chart, tables and a page",
    "evaluate": "evaluate a checkpoint on the test split",
    "recommend": "write or print the best items of each user, and why",
    "explore": "make a page to look at what a checkpoint recommends, or two side by side",
    "refit": "train anew on all interactions, with a checkpoint's settings",
    "export": "write the vectors of users and items, and an index of the items",
    "tune": "search hyper-parameters; only the winner is tested",
    "prepare": "turn a folder in a public layout into a data set",
    "featurize": "turn texts or images of items into a modality of a data set",
    "describe": "say what a data set holds, and what of it decides whether a model can work",
    "doctor": "check the installation and a data set, with a remedy for each problem",
    "demo": "train SLMRec, LightGCN and EASE on MovieLens-100k and compare them",
}


# How packages are called where they are installed from, where it is not their own name.
_DISTRIBUTIONS = {"faiss": "faiss-cpu", "kmeans_pytorch": "kmeans-pytorch"}

# Of PyTorch's errors, which are RuntimeErrors.
_NO_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "Storage size calculation",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs ``python -m recbole_slmrec VERB ...``."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="python -m recbole_slmrec",
        description="SLMRec, self-supervised multimedia recommendation, through RecBole.",
        epilog="Each verb explains itself: python -m recbole_slmrec VERB --help",
    )
    verbs = parser.add_subparsers(metavar="VERB", dest="verb", required=True)
    for name, help_text in VERBS.items():
        verbs.add_parser(name, help=help_text, add_help=False)
    verb = parser.parse_args(arguments[:1]).verb
    return command(verb, arguments[1:], f"{parser.prog} {verb}")


def command(verb: str, arguments: Sequence[str], program: str) -> int:
    """Runs a verb; where the models cannot be imported, all but the doctor give exit status 2."""
    if verb != "doctor":
        try:
            first_use.install()
        except Exception as error:  # what a broken package raises is not known
            told = "python -m recbole_slmrec doctor tells what to do"
            print(f"error: {error}\n({told})", file=sys.stderr)
            return 2
    module = importlib.import_module(f"recbole_slmrec.cli.{verb}")
    return guarded(module.main, arguments, program)


def parse_with_settings(
    parser: argparse.ArgumentParser, arguments: Sequence[str]
) -> tuple[argparse.Namespace, list[str]]:
    """A command's own flags, and what is left, of which each must be a setting.

    A setting is written ``--key=value`` or ``--key value``; RecBole's Config, which reads the first
    form from ``sys.argv``, finds it there.
    """
    arguments = _joined(parser, arguments)
    flags, settings = parser.parse_known_args(arguments)
    for setting in settings:
        if not setting.startswith("--") or "=" not in setting:
            parser.error(f"[{setting}] is not understood: settings are written --key=value")
    sys.argv = [sys.argv[0], *arguments]
    _tell_repeated(settings)
    return flags, settings


def _tell_repeated(settings: Sequence[str]) -> None:
    given: dict[str, str] = {}
    for key, _, value in (setting.partition("=") for setting in settings):
        if given.get(key, value) != value:
            getLogger().warning(f"{key} is given twice: the last one, {value}, is taken")
        given[key] = value


def _joined(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> list[str]:
    """The arguments, ``--key value`` as ``--key=value`` for keys that are none of the parser's."""
    own = parser._option_string_actions
    joined: list[str] = []
    open_key = False
    for argument in arguments:
        if open_key and argument not in own and not argument.startswith("--"):
            joined[-1] += f"={argument}"
            open_key = False
            continue
        joined.append(argument)
        open_key = argument.startswith("--") and "=" not in argument and argument not in own
    return joined


def config_files(text: str) -> list[str]:
    """The files that ``--config_files`` names: one, or several with spaces between them.

    A name with a space stands in quotes inside the text, unless it is the only one.

    Raises:
        ValueError: if a quotation mark is open.
    """
    if Path(text).is_file():
        return [text]
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError(
            f"--config_files [{text}]: {error}; write names with spaces as \"'my file.yaml' b.yaml\""
        ) from None


def make_folders_of(files: Mapping[str, Path | None]) -> None:
    """Makes the folders in which files are to be written at the end, so that they can be.

    Args:
        files: a path, or None, by the flag that names it.

    Raises:
        WriteError: if a folder cannot be made or written to; names the flag.
    """
    for flag, path in files.items():
        if path is not None:
            with named_by(flag):
                make_folder(path.parent)


def guarded(command: Callable, arguments: Sequence[str], program: str) -> int:
    """Runs a command and turns errors in the user's input into one line and exit status 2."""
    # RecBole's Config reads the settings from sys.argv itself.
    sys.argv = [program, *arguments]
    try:
        return command(arguments, program)
    except (ValueError, OSError, ImportError, MemoryError, RuntimeError) as error:
        sentence = _sentence(error)
        if sentence is None or getLogger().isEnabledFor(logging.DEBUG):
            raise
        print(f"error: {sentence}\n(--state=DEBUG shows where it arose)", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130


def _sentence(error: Exception) -> str | None:
    """What an error says to the user; None for one that only the program can be blamed for."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return (
            f"the package {package} is needed and not installed: "
            f"pip install {_DISTRIBUTIONS.get(package, package)}"
        )
    no_room = isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY)
    if no_room:
        return (
            f"there is not enough memory ({str(error).splitlines()[0] if str(error) else 'none left'}): "
            "lower embedding_size, n_layers, train_batch_size or eval_batch_size"
        )
    return None if isinstance(error, RuntimeError) else str(error)
