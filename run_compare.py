"""Trains models side by side and compares them: ``python run_compare.py --help``."""

import sys

from recbole_slmrec.cli import command

if __name__ == "__main__":
    sys.exit(command("compare", sys.argv[1:], "run_compare.py"))
