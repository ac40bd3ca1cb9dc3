"""The commands: one verb a file, each with ``main(arguments, program)`` that returns an exit status."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from logging import getLogger
from typing import Callable, Sequence

import recbole_slmrec

VERBS = {
    "run": "train a model, ours or RecBole's, and evaluate it",
    "compare": "train models side by side, over seeds, and write a table, figures and a page",
    "evaluate": "evaluate a checkpoint on the test split",
    "recommend": "write the best items of each user, and why",
    "refit": "train anew on all interactions, with a checkpoint's settings",
    "export": "write the vectors of users and items, and an index of the items",
    "tune": "search hyper-parameters; only the winner is tested",
    "prepare": "turn a folder in a public layout into a data set",
    "featurize": "turn texts or images of items into a modality of a data set",
    "describe": "say what a data set holds, and what of it decides whether a model can work",
    "doctor": "check the installation and a data set, with a remedy for each problem",
    "demo": "train SLMRec and LightGCN on MovieLens-100k and compare them",
}


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
    if recbole_slmrec.hindrance and verb != "doctor":
        told = "python -m recbole_slmrec doctor tells what to do"
        print(f"error: {recbole_slmrec.hindrance}\n({told})", file=sys.stderr)
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
    return flags, settings


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


def guarded(command: Callable, arguments: Sequence[str], program: str) -> int:
    """Runs a command and turns errors in the user's input into one line and exit status 2."""
    # RecBole's Config reads the settings from sys.argv itself.
    sys.argv = [program, *arguments]
    try:
        return command(arguments, program)
    except (ValueError, OSError) as error:
        if getLogger().isEnabledFor(logging.DEBUG):
            raise
        print(f"error: {error}\n(--state=DEBUG shows where it arose)", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
