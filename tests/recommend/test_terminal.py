"""Recommendations as a table on a terminal."""

from __future__ import annotations

import re

import pandas as pd

from recbole_slmrec.recommend.terminal import terminal_table


def test_texts_stand_before_numbers_and_long_ones_are_cut():
    table = terminal_table(
        pd.DataFrame(
            {
                "user": ["u\x1b[2J", "v", "v"],
                "item": ["a", "b", "c\nd"],
                "rank": [1, 1, 2],
                "score": [1.23456, -2.0, 0.00001],
                "title": ["x" * 41, "y" * 40, ""],
            }
        )
    )
    header, rule, *lines = table.splitlines()
    assert set(rule) == {"="}
    assert [re.split(" {2,}", line.strip()) for line in [header, *lines]] == [
        ["user", "rank", "item", "title", "score"],
        ["u\ufffd[2J", "1", "a", "x" * 39 + "…", "1.2346"],
        ["v", "1", "b", "y" * 40, "-2.0000"],
        ["2", "c\ufffdd", "0.0000"],
    ]


def test_no_recommendations_are_a_header():
    empty = pd.DataFrame({"user": [], "item": [], "rank": [], "score": []}, dtype=object)
    assert terminal_table(empty).split()[:2] == ["user", "rank"]
