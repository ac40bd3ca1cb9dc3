"""Trains models side by side and compares them: ``python run_compare.py --help``."""

import sys

from recbole_slmrec.cli import compare, guarded

if __name__ == "__main__":
    sys.exit(guarded(compare.main, sys.argv[1:], "run_compare.py"))
