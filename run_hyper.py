"""Searches hyper-parameters of a model, ours or RecBole's: ``python run_hyper.py --help``."""

import sys

from recbole_slmrec.cli import guarded, tune

if __name__ == "__main__":
    sys.exit(guarded(tune.main, sys.argv[1:], "run_hyper.py"))
