"""The configuration of a run: RecBole's, plus this package's defaults and clearer errors."""

from __future__ import annotations

import ast
import os
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Iterable

import yaml
from recbole.config import Config as RecBoleConfig
from recbole.utils import ModelType

from recbole_slmrec import compat, plugins, ranges, recbole_hook
from recbole_slmrec.evaluation import metrics
from recbole_slmrec.names import did_you_mean
from recbole_slmrec.processes import group
from recbole_slmrec.registry import get_model, name_of
from recbole_slmrec.settings import add_package_settings, read_yaml

# Every run comes by here; what cannot be mended is refused.
compat.mend_recbole()

TEST_MASKS = ("seen", "train")

# Flags of the commands, which are no settings of a run.
_FLAGS = frozenset(
    "model dataset checkpoint config_files nproc ip port init_method world_size group_offset offset "
    "local_rank".split()
)
# Settings that RecBole reads without declaring a default for them.
_UNDECLARED = frozenset(
    "encoding loss_type tail_ratio train_rec_step train_kg_step token_num_threshold mixed "
    "xgb_early_stopping_rounds neg_sampling training_neg_sample_num".split()
)

# Keys that the configuration itself takes notice of.
_READ_HERE = frozenset("gpu_id use_gpu".split())

# RecBole unpickles whatever lies at these paths, by default in checkpoint_dir, and a pickle can run
# code. Nothing can lie below a device file.
_NO_PICKLE = os.path.join(os.devnull, "pickles-are-not-read")
_PICKLE_KEYS = ("save_dataset", "save_dataloaders", "dataset_save_path", "dataloaders_save_path")


class Config(RecBoleConfig):
    """RecBole's ``Config`` with this package's models, defaults and checks.

    Priorities are RecBole's: command line over ``config_dict`` over ``config_file_list`` over
    defaults. Strings are read as Python or YAML literals and never evaluated.

    Args:
        model: name or class; otherwise the setting ``model``.
        dataset: name; otherwise the setting ``dataset``.
        config_file_list: YAML files of settings.
        config_dict: settings.
        defaults: settings that stand for this package's defaults, such as a checkpoint's.

    Raises:
        ValueError: for an unknown model, a file that is not YAML, or settings that do not fit.
        FileNotFoundError: for a missing config file.
    """

    def __init__(
        self, model=None, dataset=None, config_file_list=None, config_dict=None, defaults=None
    ):
        self._defaults = dict(defaults or {})
        self._read: set[str] = set()
        self._without_effect: set[str] = set()
        self._said: list[str] = []
        super().__init__(model, dataset, config_file_list, dict(config_dict or {}))

    def changed(self) -> dict[str, Any]:
        """The settings of the user that differ from the defaults, but for those without effect."""
        settings, known = self.final_config_dict, self._known()
        return {
            key: settings[key]
            for key in self.external_config_dict
            if key in known
            and key not in _FLAGS | self._without_effect
            and settings[key] != self.internal_config_dict.get(key)
        }

    def unread(self) -> list[str]:
        """The keys of :meth:`changed` that nobody has read so far."""
        return [key for key in self.changed() if key not in self._read | _READ_HERE]

    def note_without_effect(self, keys: Iterable[str]) -> None:
        """From now on :meth:`changed` leaves ``keys`` out."""
        self._without_effect.update(keys)

    def warnings(self) -> list[str]:
        """What the user must know of the settings: a sentence each.

        Keys that are unknown are told with the nearest one.
        """
        return self._said + self.unknown(self.external_config_dict)

    def unknown(self, keys: Iterable[str]) -> list[str]:
        """A sentence for each of ``keys`` that is no setting of this model and data set."""
        known = self._known()
        return [
            f"the setting [{key}] is unknown and has no effect{did_you_mean(key, known)}"
            for key in keys
            if key not in known
        ]

    def __getitem__(self, item):
        self._read.add(item)
        return super().__getitem__(item)

    def __getattr__(self, item):
        value = super().__getattr__(item)
        self._read.add(item)
        return value

    def _known(self) -> set[str]:
        declared = (key for keys in self.parameters.values() for key in keys)
        return {*self.internal_config_dict, *declared, *_UNDECLARED, *_FLAGS}

    def _build_yaml_loader(self):
        return _yaml_loader()

    def _load_config_files(self, file_list):
        settings = {}
        for file in file_list or []:
            settings.update(settings_of_file(file))
        return settings

    def _load_cmd_line(self):
        # RecBole's refuses a setting that is given twice and leaves out a value with "=" in it.
        settings: dict[str, str] = {}
        if "ipykernel_launcher" in sys.argv[0]:
            return settings
        for argument in sys.argv[1:]:
            key, sign, value = argument.removeprefix("--").partition("=")
            if not argument.startswith("--") or not sign:
                continue
            settings[key] = value
        return self._convert_config_dict(settings)

    def _convert_config_dict(self, config_dict):
        # RecBole calls eval here.
        return {
            key: _literal(value, self.yaml_loader) if isinstance(value, str) else value
            for key, value in config_dict.items()
        }

    def _get_model_and_dataset(self, model, dataset):
        model = model or self.external_config_dict.get("model")
        dataset = dataset or self.external_config_dict.get("dataset")
        for key, value in (("model", model), ("dataset", dataset)):
            if not value:
                raise ValueError(f"no {key} is named: pass --{key}=NAME or set `{key}:` in a file")
        model_class = get_model(model) if isinstance(model, str) else model
        _, _, dataset = super()._get_model_and_dataset(model_class, str(dataset))
        name = model if isinstance(model, str) else name_of(model_class)
        if plugins.known(name):
            recbole_hook.make_known(name, model_class)
        return name, model_class, dataset

    def _load_internal_config_dict(self, model, model_class, dataset):
        super()._load_internal_config_dict(model, model_class, dataset)
        add_package_settings(self, model, model_class, dataset, self._defaults)

    def _get_final_config_dict(self):
        for given in (self.external_config_dict, self.declared, self._defaults):
            ranges.check(given, self.internal_config_dict)
        return super()._get_final_config_dict()

    def _init_device(self):
        settings = self.final_config_dict
        if "local_rank" not in settings:
            # RecBole's would take a CUDA device all the same.
            if not settings["use_gpu"]:
                settings["gpu_id"] = ""
            super()._init_device()
            return
        os.environ["CUDA_VISIBLE_DEVICES"] = str(settings["gpu_id"]).strip("()").replace(" ", "")
        settings["device"] = group.join(settings)
        settings["single_spec"] = False
        if settings["local_rank"] != 0:
            settings.update(state="error", show_progress=False)

    def _set_default_parameters(self):
        self._said += metrics.settle(self.final_config_dict)
        super()._set_default_parameters()
        if self.final_config_dict["test_mask"] not in TEST_MASKS:
            raise ValueError(
                f"test_mask [{self.final_config_dict['test_mask']}] is not one of "
                f"{', '.join(TEST_MASKS)}"
            )
        for key in _PICKLE_KEYS:
            if self.final_config_dict.get(key):
                raise ValueError(
                    f"{key} is not supported: RecBole keeps data sets as pickles, which can run "
                    "code when they are read; without it the atomic files are read anew"
                )
        if self.final_config_dict["log_wandb"] and find_spec("wandb") is None:
            raise ValueError(
                "log_wandb: True needs Weights & Biases, which is not installed: pip install wandb, or "
                "leave log_wandb out"
            )
        self.final_config_dict["dataset_save_path"] = _NO_PICKLE
        self.final_config_dict["dataloaders_save_path"] = _NO_PICKLE
        if self.final_config_dict["benchmark_filename"]:
            self._forget_the_split()

    def _forget_the_split(self) -> None:
        """RecBole would tell of a split that the files of a split data set do not follow."""
        eval_args = self.final_config_dict["eval_args"]
        eval_args.update(split=None, group_by=None)
        # RecBole asks sequential models for TO all the same.
        if self.final_config_dict["MODEL_TYPE"] != ModelType.SEQUENTIAL:
            eval_args["order"] = None


def settings_of_file(file: str) -> dict[str, Any]:
    """The settings of a YAML file, numbers as RecBole reads them.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it holds something else.
    """
    if not Path(file).is_file():
        raise FileNotFoundError(f"there is no config file [{file}]")
    return read_yaml(Path(file), _yaml_loader())


@cache
def _yaml_loader() -> type[yaml.SafeLoader]:
    # RecBole's loader is FullLoader with a rule for floats such as 1e-3; the rule is kept.
    resolvers = RecBoleConfig._build_yaml_loader(None).yaml_implicit_resolvers
    return type("Loader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": resolvers})


def _literal(text: str, yaml_loader) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        pass
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.startswith(("[", "{")):
        try:
            return yaml.load(text, Loader=yaml_loader)
        except yaml.YAMLError:
            pass
    return text
