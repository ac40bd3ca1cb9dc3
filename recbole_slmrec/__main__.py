"""``python -m recbole_slmrec``."""

import sys

from recbole_slmrec.cli import main

if __name__ == "__main__":
    sys.exit(main())
