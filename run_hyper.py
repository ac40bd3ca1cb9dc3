"""Searches hyper-parameters of a model, ours or RecBole's: ``python run_hyper.py --help``."""

import sys

from recbole_slmrec.cli import command

if __name__ == "__main__":
    sys.exit(command("tune", sys.argv[1:], "run_hyper.py"))
