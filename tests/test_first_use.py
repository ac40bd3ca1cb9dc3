"""RecBole knows the models once it is used, in whatever order things are imported, and not before."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest
from packaging.version import Version

HELP = """
import sys
from recbole_slmrec.cli import main
try:
    main(["--help"])
finally:
    print({"torch", "recbole", "pandas", "numpy"} & set(sys.modules))
"""

RUN = """
import sys
from recbole_slmrec.quick_start import run
run("SLMRec", "ml-100k", config_dict={"epochs": 0, "state": "ERROR", "use_gpu": False, "linear_weight": 0})
unused = {"matplotlib", "ray", "hyperopt", "dgl", "recbole.model.general_recommender.lightgcn"}
print(unused & set(sys.modules))
"""

CONFIG = """
config = Config(model="SLMRec", dataset="ml-100k")
print(config["ssl_task"], config["MODEL_TYPE"].name, config["model"])
from recbole.utils import get_model, get_trainer
print(get_model("SLMRec").__module__, get_trainer(config["MODEL_TYPE"], "SLMRec").__name__)
"""
SEARCH = """
from recbole.trainer import hyper_tuning
print(hasattr(hyper_tuning.np.random.RandomState(0), "integers"))
"""
ORDERS = {
    "before": "import recbole_slmrec\nfrom recbole.config import Config\n",
    "behind": "from recbole.config import Config\nimport recbole_slmrec\n",
    "behind all": "from recbole.quick_start import run_recbole\nfrom recbole.config import Config\n"
    "import recbole_slmrec\n",
}


def printed(script: str) -> list[str]:
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


def test_the_commands_help_waits_for_no_library():
    lines = printed(HELP)
    assert lines[0].startswith("usage:")
    assert lines[-1] == "set()"


def test_a_run_imports_no_library_that_it_has_no_use_for():
    assert printed(RUN)[-1] == "set()"


@pytest.mark.parametrize("order", ORDERS)
def test_recbole_finds_a_model_whichever_is_imported_first(order):
    assert printed(ORDERS[order] + CONFIG + SEARCH) == [
        "auto GENERAL SLMRec",
        "recbole_slmrec.model.slmrec SLMRecTrainer",
        # Only there is RecBole's search at fault.
        str(Version(metadata.version("hyperopt")) >= Version("0.2.6")),
    ]


def test_reading_this_package_s_checkpoints_is_known_to_a_quick_start_that_was_there_before():
    script = (
        "import recbole.quick_start\nimport recbole_slmrec\n"
        "print(recbole.quick_start.load_data_and_model.__wrapped__.__module__)\n"
    )
    assert printed(script)[-1] == "recbole.quick_start.quick_start"
