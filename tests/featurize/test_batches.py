"""An interrupted encoding goes on where it stopped, and never mixes two results."""

from __future__ import annotations

import logging
import os

import numpy as np
import pytest

from recbole_slmrec.featurize.batches import digest_of_files, encoded_rows

N_ROWS = 9
# Row 4 has no input; the order is not that of the rows.
INPUTS = {row: f"text {row}" for row in (8, 1, 2, 3, 0, 5, 6, 7)}
MADE_OF = {"model": "stand-in", "texts": "some"}


class StandIn:
    """Counts what it encodes; can be interrupted at an input and find some unreadable."""

    width = 3

    def __init__(self, interrupted_at: str | None = None, unreadable: tuple[str, ...] = ()):
        self.encoded, self._interrupted_at, self._unreadable = [], interrupted_at, unreadable

    def encode(self, batch):
        if self._interrupted_at in batch:
            raise KeyboardInterrupt
        self.encoded.append(batch)
        return [None if text in self._unreadable else self.vector(text) for text in batch]

    @staticmethod
    def vector(text):
        number = int(text.split()[1])
        return np.array([number + 1, number**2, 0.5])


def expected(*unreadable: int) -> np.ndarray:
    rows = np.zeros((N_ROWS, 3), dtype=np.float32)
    for row in INPUTS.keys() - set(unreadable):
        rows[row] = StandIn.vector(INPUTS[row])
    return rows


def run(target, encoder, made_of=MADE_OF, batch_size=2, n_rows=N_ROWS):
    with encoded_rows(target, made_of, n_rows, INPUTS, encoder, batch_size) as (rows, unreadable):
        return np.array(rows), unreadable


def interrupted(target, **options) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(target, StandIn(interrupted_at="text 0", **options))
    assert len(os.listdir(target.parent)) == 2
    assert all(name.startswith(".t_feat.npy.") for name in os.listdir(target.parent))


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder / "t_feat.npy"


def test_each_input_once_in_batches(target):
    encoder = StandIn()
    rows, unreadable = run(target, encoder, batch_size=3)
    assert [len(batch) for batch in encoder.encoded] == [3, 3, 2]
    assert sum(encoder.encoded, []) == list(INPUTS.values())
    assert rows.dtype == np.float32
    assert np.array_equal(rows, expected())
    assert unreadable == []
    assert os.listdir(target.parent) == []


def test_an_interrupted_run_goes_on(target, caplog):
    interrupted(target)
    encoder = StandIn()
    with caplog.at_level(logging.INFO):
        rows, _ = run(target, encoder)
    assert encoder.encoded == [["text 0", "text 5"], ["text 6", "text 7"]]
    assert np.array_equal(rows, expected())
    assert caplog.messages == ["going on after 4 of 8"]
    assert os.listdir(target.parent) == []


def test_it_may_go_on_in_other_batches(target):
    interrupted(target)
    encoder = StandIn()
    assert np.array_equal(run(target, encoder, batch_size=3)[0], expected())
    assert [len(batch) for batch in encoder.encoded] == [3, 1]


def test_what_was_unreadable_before_the_interruption_is_remembered(target):
    interrupted(target, unreadable=("text 1",))
    rows, unreadable = run(target, StandIn(unreadable=("text 7",)))
    assert unreadable == [1, 7]
    assert np.array_equal(rows, expected(1, 7))


def test_a_failure_after_the_last_batch_loses_nothing(target):
    with pytest.raises(OSError, match="disk full"):
        with encoded_rows(target, MADE_OF, N_ROWS, INPUTS, StandIn(), 2):
            raise OSError("disk full")
    encoder = StandIn()
    assert np.array_equal(run(target, encoder)[0], expected())
    assert encoder.encoded == []


@pytest.mark.parametrize(
    "change, named",
    [
        ({"made_of": {**MADE_OF, "model": "another"}}, "its model differ"),
        ({"made_of": {"model": "another", "texts": "others"}}, "its model and texts differ"),
        ({"n_rows": N_ROWS + 1}, "its rows differ"),
    ],
)
def test_what_was_of_another_input_is_discarded(target, change, named, caplog):
    interrupted(target)
    encoder = StandIn()
    run(target, encoder, **change)
    assert sum(encoder.encoded, []) == list(INPUTS.values())
    assert caplog.messages == [f"what an earlier run left of t_feat.npy is discarded, for {named}"]
    assert os.listdir(target.parent) == []


def test_files_of_another_modality_are_left_alone(target):
    interrupted(target)
    before = sorted(os.listdir(target.parent))
    run(target.with_name("feat.npy"), StandIn())
    run(target.with_name("v_feat.npy"), StandIn())
    assert sorted(os.listdir(target.parent)) == before


def test_values_that_are_not_finite_are_named(target):
    encoder = StandIn()
    encoder.vector = lambda text: np.array([1, np.nan, 0])
    with pytest.raises(ValueError, match="NaN or infinite values of 'text 8'"):
        run(target, encoder)


def test_the_digest_of_files_changes_with_them(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"1")
    os.utime(file, ns=(0, 0))
    digests = {digest_of_files([file])}
    os.utime(file, ns=(0, 1))
    digests.add(digest_of_files([file]))
    file.write_bytes(b"12")
    os.utime(file, ns=(0, 0))
    digests.add(digest_of_files([file]))
    digests.add(digest_of_files([file.rename(tmp_path / "b")]))
    assert len(digests) == 4
