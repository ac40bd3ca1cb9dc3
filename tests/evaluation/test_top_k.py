"""The K largest of long rows are torch's."""

from __future__ import annotations

import pytest
import torch

from recbole_slmrec.evaluation.top_k import top_k


@pytest.mark.parametrize("along", ["rows", "columns"])
@pytest.mark.parametrize("n_columns", [139, 165, 330, 639, 640, 2560, 2600, 5000, 20000])
def test_it_is_torch_topk(n_columns, along):
    torch.manual_seed(n_columns)
    scores = torch.randn(50, n_columns)
    scores[0] = -torch.inf
    scores[1, :] = -torch.inf
    scores[1, -3:] = torch.tensor([3.0, 1.0, 2.0])
    # All of the best in one group of columns.
    scores[2, 64:128] += 10
    values, columns = top_k(scores if along == "rows" else scores.T.contiguous().T, 10)
    expected = scores.topk(10)
    assert torch.equal(values, expected.values)
    assert torch.equal(columns[2:], expected.indices[2:])
    assert columns[1, :3].tolist() == expected.indices[1, :3].tolist()
    assert all(len(set(row)) == 10 for row in columns.tolist())
