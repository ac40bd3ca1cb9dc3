"""Tensors come out of files of torch.save, mapped into memory, and nothing in a file runs."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from recbole_slmrec.data.tensors import read_tensor

VALUES = torch.tensor([[1.5, -2.0], [0.0, 3.25], [4.0, 5.0]])
MAPS = Path("/proc/self/maps")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "feat_v.pt"


class Command:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def assert_refused(path, reason: str) -> None:
    with pytest.raises(ValueError, match=f"feat_v.pt .*{reason}"):
        read_tensor(path)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "int32", "uint8"])
def test_values_and_type_come_back_from_both_formats(path, dtype, zipped):
    tensor = VALUES.abs().to(getattr(torch, dtype))
    torch.save(tensor, path, _use_new_zipfile_serialization=zipped)
    values = read_tensor(path)
    assert values.dtype == dtype
    assert np.array_equal(values, tensor.numpy())


@pytest.mark.parametrize("wrap", [lambda t: {"feat": t}, torch.nn.Parameter, lambda t: t.T.T])
def test_a_dict_of_one_a_parameter_and_a_view_are_tensors_too(path, wrap):
    torch.save(wrap(VALUES), path)
    assert np.array_equal(read_tensor(path), VALUES.numpy())


@pytest.mark.skipif(not MAPS.exists(), reason="the system does not list what is mapped")
def test_the_file_is_mapped_and_not_read_whole(path):
    torch.save(VALUES, path)
    values = read_tensor(path)
    assert str(path) in MAPS.read_text()
    start = values.__array_interface__["data"][0]
    (where,) = [line for line in MAPS.read_text().splitlines() if str(path) in line]
    low, high = (int(end, 16) for end in where.split()[0].split("-"))
    assert low <= start < high


@pytest.mark.parametrize("zipped", [True, False])
def test_a_command_is_refused_and_not_run(tmp_path, path, zipped):
    marker = tmp_path / "ran"
    for loot in (Command(marker), {"feat": VALUES, "more": Command(marker)}):
        torch.save(loot, path, _use_new_zipfile_serialization=zipped)
        assert_refused(path, "could run code; get an undamaged copy")
    path.write_bytes(pickle.dumps(Command(marker)))
    assert_refused(path, "could run code")
    assert not marker.exists()


def test_the_message_does_not_lead_into_running_the_code(tmp_path, path):
    torch.save(Command(tmp_path / "ran"), path)
    with pytest.raises(ValueError) as caught:
        read_tensor(path)
    assert "weights_only" not in str(caught.value)


def test_a_value_that_changed_on_the_disk_is_told(path):
    torch.save(VALUES, path)
    content = path.read_bytes()
    path.write_bytes(content.replace(np.float32(3.25).tobytes(), np.float32(3.5).tobytes()))
    assert_refused(path, "it is damaged")


@pytest.mark.parametrize("zipped", [True, False])
def test_truncations_and_other_files_are_refused(path, zipped):
    torch.save(VALUES, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    for length in (*range(0, len(content), 40), len(content) - 1):
        path.write_bytes(content[:length])
        assert_refused(path, "is damaged")
    path.write_bytes(b"<html>404: Not Found</html>")
    assert_refused(path, "is damaged")


@pytest.mark.parametrize(
    "loaded, reason",
    [
        ([VALUES], "holds an object of type list, where one tensor is needed"),
        ({"v": VALUES, "a": VALUES}, "holds a dict with the keys 'v', 'a', where one"),
        ({}, r"holds a dict with the keys \(none\)"),
        ({"v": 3}, "holds a dict with the keys 'v'"),
        (VALUES.to(torch.bfloat16), "no form for .*bfloat16.* float32"),
        (VALUES.to_sparse(), "no form for .*sparse_coo.* dense"),
    ],
)
def test_anything_but_one_dense_tensor_is_refused(path, loaded, reason):
    torch.save(loaded, path)
    assert_refused(path, reason)


def test_a_missing_file_is_named(path):
    with pytest.raises(FileNotFoundError, match="feat_v.pt does not exist"):
        read_tensor(path)
