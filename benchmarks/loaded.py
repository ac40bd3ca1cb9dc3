"""A data set that is loaded once, for all the models that are measured on it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Iterator

import torch
from recbole.data.dataloader import TrainDataLoader
from recbole.data.interaction import Interaction
from recbole.sampler import Sampler

from benchmarks.device import device
from recbole_slmrec import quick_start
from recbole_slmrec.config import Config

warnings.filterwarnings(
    "ignore", "torch.sparse.SparseTensor", UserWarning, r"recbole\.model\.general_recommender"
)


def quiet() -> dict[str, Any]:
    """Settings of every measured run."""
    on_gpu = device().type == "cuda"
    return {"state": "ERROR", "show_progress": False, "use_gpu": on_gpu}


class Loaded:
    """A data set with its loaders, read with SLMRec's settings.

    Args:
        name: of the data set.
        data_path: where it lies.
    """

    def __init__(self, name: str, data_path: Path):
        self.name, self.data_path = name, data_path
        loaders = quick_start.load_data(self.config("SLMRec"))
        self.train_data, _, self.test_data = loaders
        self.dataset = self.train_data._dataset
        self._sampler = Sampler(["train"], [self.dataset]).set_phase("train")

    def size(self) -> dict[str, int]:
        """Users, items and training interactions."""
        dataset = self.dataset
        return {
            "users": dataset.user_num - 1,
            "items": dataset.item_num - 1,
            "interactions": len(dataset),
        }

    def config(self, model: str, **settings: Any) -> Config:
        """The configuration of a model on this data set."""
        paths = {"data_path": str(self.data_path)}
        return Config(model, self.name, config_dict={**quiet(), **paths, **settings})

    def model(self, config: Config) -> torch.nn.Module:
        """The model, built on the training split."""
        return quick_start.build_model(config, self.train_data)

    def batches(self, config: Config) -> Iterator[Interaction]:
        """Batches of full size from RecBole's loader, with negatives where the model takes some."""
        loader = TrainDataLoader(config, self.dataset, self._sampler, shuffle=True)
        while True:
            for batch in loader:
                if len(batch) == loader.step:
                    yield batch
