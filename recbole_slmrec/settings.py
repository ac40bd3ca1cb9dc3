"""This package's default settings, on top of RecBole's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from recbole.utils import ModelType, dataset_arguments

from recbole_slmrec import plugins
from recbole_slmrec.evaluation.metrics import OF_SCORES

# What a data set's own file may say: it describes the data, it does not steer the run.
_DATASET_KEYS = frozenset({*dataset_arguments, "item_modalities", "numerical_features"})


def properties_path() -> Path:
    """The folder ``properties/``: inside the installed package, else at the top of the checkout."""
    installed = Path(__file__).parent / "properties"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "properties"


def data_seed(config) -> int:
    """What is drawn at random of the data follows from: ``data_seed``, or ``seed`` where that is ~."""
    return config["seed"] if config["data_seed"] is None else config["data_seed"]


def add_package_settings(
    config, model: str, model_class: type, dataset: str, defaults: dict[str, Any] | None = None
) -> None:
    """Adds our defaults to ``config.internal_config_dict``, below all that the user sets.

    In this order, later ones winning: ``properties/overall.yaml``, ``properties/model/<model>.yaml``,
    ``properties/dataset/<dataset>.yaml``, the ``defaults`` of a model from outside, the
    ``model_settings`` for this model, ``defaults``, and the data set's own
    ``<dataset>/<dataset>.yaml``, which ``config.declared`` keeps.

    Args:
        config: a RecBole ``Config`` whose own defaults and external settings are read already.
        model: name of the model.
        model_class: its class.
        dataset: name of the data set.
        defaults: win over those of the files, the data set's own aside.
    """
    internal, external = config.internal_config_dict, config.external_config_dict
    root = properties_path()
    for file in ("overall", f"model/{model}", f"dataset/{dataset}"):
        ours = read_yaml(root / f"{file}.yaml", config.yaml_loader)
        kept = _recboles_own(internal, model_class)
        internal.update({key: value for key, value in ours.items() if key not in kept})
    if plugins.known(model):
        internal.update(model_defaults(model))
    internal.update((internal["model_settings"] or {}).get(model, {}))
    internal.update(defaults or {})
    # Whether it is a path at all is checked with the other settings.
    data_path = Path(str(external.get("data_path", internal["data_path"])))
    config.declared = _dataset_declaration(data_path / dataset, config.yaml_loader)
    internal.update(config.declared)
    if hasattr(model_class, "takes_negatives"):
        _match_the_loader(internal, external, model_class)


def model_defaults(model: str) -> dict[str, Any]:
    """The settings of ``properties/model/<model>.yaml``; none for a model of RecBole's.

    A model from outside has those of its attribute ``defaults``, on top of those of the classes that it
    is made from.
    """
    outside = plugins.known(model)
    if outside is None:
        return read_yaml(properties_path() / f"model/{model}.yaml", yaml.SafeLoader)
    settings = {}
    for base in reversed(outside.__mro__):
        if base.__module__.startswith("recbole_slmrec."):
            settings.update(model_defaults(base.__name__))
        settings.update(vars(base).get("defaults", {}))
    return settings


def _recboles_own(internal: dict, model_class: Any) -> set[str]:
    """What RecBole sets for a kind of model, and what that kind cannot do without.

    Its context-aware models and decision trees are judged by single scores and embed the fields of
    users and items; its knowledge-based ones read a graph.
    """
    kept = set()
    if {metric.lower() for metric in internal["metrics"]} <= {name.lower() for name in OF_SCORES}:
        kept.update(("metrics", "valid_metric"))
    if model_class.type not in (ModelType.GENERAL, ModelType.TRADITIONAL):
        kept.update(("load_col",) if set(internal["load_col"]) - {"inter"} else ())
    return kept


def read_yaml(path: Path, loader) -> dict[str, Any]:
    """The settings in ``path``; none where there is no such file.

    Raises:
        ValueError: if it does not hold settings; the message names the file.
    """
    if not path.is_file():
        return {}
    try:
        settings = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(settings or {}, dict):
        raise ValueError(f"{path} must hold lines of the form `key: value`")
    return settings or {}


def _dataset_declaration(folder: Path, loader) -> dict[str, Any]:
    path = folder / f"{folder.name}.yaml"
    settings = read_yaml(path, loader)
    foreign = sorted(set(settings) - _DATASET_KEYS)
    if foreign:
        raise ValueError(
            f"{path} may only describe the data, but sets {', '.join(foreign)}: "
            "move these to a file of your own and pass it with --config_files"
        )
    return settings


def _match_the_loader(internal: dict, external: dict, model_class: Any) -> None:
    """Lets the model's loss decide whether RecBole's loader samples negatives (they cost time)."""
    takes_negatives = model_class.takes_negatives({**internal, **external})
    # RecBole derives the loader's form from loss_type where the class has no fixed input_type.
    internal["loss_type"] = "BPR" if takes_negatives else "CE"
    if not takes_negatives:
        internal["train_neg_sample_args"] = None
