"""Trains and evaluates a model, ours or RecBole's: ``python run_recbole.py --help``."""

import sys

from recbole_slmrec.cli import guarded, run

if __name__ == "__main__":
    sys.exit(guarded(run.main, sys.argv[1:], "run_recbole.py"))
