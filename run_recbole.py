"""Trains and evaluates a model, ours or RecBole's: ``python run_recbole.py --help``."""

import sys

from recbole_slmrec.cli import command

if __name__ == "__main__":
    sys.exit(command("run", sys.argv[1:], "run_recbole.py"))
