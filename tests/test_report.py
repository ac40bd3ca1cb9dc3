"""What a report says of a run."""

from __future__ import annotations

import pytest
from recbole.utils import ModelType

from recbole_slmrec.report import ranked

SETTINGS = {
    "MODEL_TYPE": ModelType.GENERAL,
    "eval_args": {"mode": {"valid": "full", "test": "full"}},
    "test_mask": "seen",
}


@pytest.mark.parametrize(
    "settings, said",
    [
        ({}, "all items but those of the user's training and validation interactions"),
        ({"test_mask": "train"}, "all items but those of the user's training interactions"),
        ({"MODEL_TYPE": ModelType.SEQUENTIAL}, "all items"),
        ({"MODEL_TYPE": ModelType.SEQUENTIAL.value}, "all items"),
        (
            {"eval_args": {"mode": {"test": "labeled"}}},
            "nothing, it compares single scores with labels",
        ),
        ({"eval_args": {"mode": {"test": "uni100"}}}, "test items among sampled ones (uni100)"),
    ],
)
def test_what_the_test_ranks_is_said_as_it_is(settings, said):
    assert ranked({**SETTINGS, **settings}) == said
