"""Looking a model up leaves the process as it was."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LOOK_UP = {
    "registry": "from recbole_slmrec.registry import get_model; get_model('SASRec')",
    "config": "from recbole_slmrec.config import Config; Config('KGAT', 'ml-100k')",
}


@pytest.mark.parametrize("where", _LOOK_UP)
def test_looking_up_a_model_of_recboles_switches_no_anomaly_mode_on(where):
    code = f"import torch; {_LOOK_UP[where]}; print(torch.is_anomaly_enabled())"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.split()[-1] == "False"
