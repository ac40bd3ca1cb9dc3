"""Lets RecBole's own entry points find this package's models: no file of RecBole's is touched.

RecBole looks a model up as a module ``recbole.model.general_recommender.<name>``, its data set and
trainer as ``<Model>Dataset`` and ``<Model>Trainer`` in two of its modules. Only the defaults have no
such name to take: RecBole reads them from its own folder, so one method of its ``Config`` is extended
for our models. RecBole's own data sets are looked up by name as well, and give way to subclasses that
read whole files and split by exact times, so that all models learn from the same rows.
:mod:`recbole_slmrec.first_use` says when.
"""

from __future__ import annotations

import sys

import recbole.data.dataset
import recbole.trainer
from recbole.config import Config as RecBoleConfig
from recbole.data.dataset.dataset import Dataset

from recbole_slmrec.data.dataset import MultimodalDataset
from recbole_slmrec.data.exact_times import ExactTimes
from recbole_slmrec.data.fetched import Fetched
from recbole_slmrec.data.whole_rows import WholeRows
from recbole_slmrec.model.recommender import VectorRecommender
from recbole_slmrec.registry import MODELS
from recbole_slmrec.settings import add_package_settings
from recbole_slmrec.training.trainer import SLMRecTrainer


def install() -> None:
    """Makes every model of the registry known to RecBole; a second call changes nothing."""
    _replace_data_sets()
    for name, model_class in MODELS.items():
        module = sys.modules[model_class.__module__]
        sys.modules[f"recbole.model.general_recommender.{name.lower()}"] = module
        make_known(name, model_class)
    if not hasattr(RecBoleConfig._load_internal_config_dict, "original"):
        _extend_defaults()


def make_known(name: str, model_class: type) -> None:
    """Has RecBole give a model's name items with modalities and, if it has vectors, this package's trainer.

    RecBole looks both up by the model's name, whatever characters are in it.
    """
    setattr(recbole.data.dataset, f"{name}Dataset", MultimodalDataset)
    if issubclass(model_class, VectorRecommender):
        setattr(recbole.trainer, f"{name}Trainer", SLMRecTrainer)


def _replace_data_sets() -> None:
    namespace = recbole.data.dataset
    for name, found in list(vars(namespace).items()):
        is_data_set = isinstance(found, type) and issubclass(found, Dataset)
        if is_data_set and not issubclass(found, WholeRows):
            members = {"__module__": namespace.__name__, "__doc__": found.__doc__}
            setattr(namespace, name, type(name, (Fetched, WholeRows, ExactTimes, found), members))


def _extend_defaults() -> None:
    original = RecBoleConfig._load_internal_config_dict

    def load_internal_config_dict(self, model, model_class, dataset):
        original(self, model, model_class, dataset)
        # This package's own Config adds its settings itself, for every model.
        if type(self) is RecBoleConfig and model_class in MODELS.values():
            add_package_settings(self, model, model_class, dataset)

    load_internal_config_dict.original = original
    RecBoleConfig._load_internal_config_dict = load_internal_config_dict
