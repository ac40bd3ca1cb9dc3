"""What the package sets in the environment, unless the user did."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("set_by_user, expected", [({}, "1"), ({"THP_MEM_ALLOC_ENABLE": "0"}, "0")])
def test_huge_pages_are_asked_for_unless_the_user_says_otherwise(set_by_user, expected):
    kept = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    code = "import recbole_slmrec, os; print(os.environ['THP_MEM_ALLOC_ENABLE'])"
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, **set_by_user}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert process.stdout.split()[-1] == expected
