"""Checkpoints with the data that they were trained on, as the page looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Sequence

import numpy as np
import torch

from recbole_slmrec import quick_start
from recbole_slmrec.data.dataset import MultimodalDataset
from recbole_slmrec.data.fingerprint import differences
from recbole_slmrec.data.modality import Modality
from recbole_slmrec.model.backbone import MultimodalLightGCN
from recbole_slmrec.recommend import Recommender
from recbole_slmrec.recommend.scores import VectorScores
from recbole_slmrec.training.checkpoint import load_checkpoint

SPLITS = ("training", "validation", "test")


@dataclass(frozen=True, eq=False)
class Trained:
    """A checkpoint and its data.

    Attributes:
        file: the checkpoint.
        recommender: what ranks.
        dataset: the training split.
        splits: rows of users and of items by interaction, for each of :data:`SPLITS` that there is.
    """

    file: Path
    recommender: Recommender
    dataset: Any
    splits: list[tuple[np.ndarray, np.ndarray]]

    @classmethod
    @torch.inference_mode()
    def load(cls, file: Path) -> Trained:
        """Reads a checkpoint.

        Raises:
            FileNotFoundError, ValueError: as :meth:`~recbole_slmrec.recommend.Recommender.load`.
        """
        config, model, dataset, *loaders = quick_start.load_data_and_model(str(file))
        splits = [
            tuple(loader._dataset.inter_feat[field].numpy() for field in fields)
            for fields in [(dataset.uid_field, dataset.iid_field)]
            for loader in loaders
            if loader is not None
        ]
        recommender = Recommender.of(file, config, model, dataset, *loaders)
        return cls(file, recommender, dataset, splits)

    @property
    def has_vectors(self) -> bool:
        """Whether scores are inner products of vectors."""
        return isinstance(self.recommender.scores, VectorScores)

    @property
    def has_shares(self) -> bool:
        """Whether scores are sums over modalities."""
        return isinstance(self.recommender.model, MultimodalLightGCN)

    @cached_property
    def taken(self) -> np.ndarray:
        """The training interactions of each item, shape (|I|,), the padding in row 0."""
        return np.bincount(self.splits[0][1], minlength=self.dataset.item_num)

    def modalities(self) -> Sequence[Modality]:
        """What the data set declares of its items, whether or not the model learns from it.

        Raises:
            FileNotFoundError, ValueError: if it cannot be read.
        """
        if isinstance(self.dataset, MultimodalDataset) or not self.recommender.sources:
            return getattr(self.dataset, "item_modalities", ())
        return MultimodalDataset(self.dataset.config).item_modalities


def check_same_data(files: Sequence[Path]) -> None:
    """Raises ValueError unless checkpoints were trained on the same interactions of the same data set."""
    if len(files) == 1:
        return
    first, *others = (load_checkpoint(file) for file in files)
    for file, other in zip(files[1:], others):
        if first["dataset"] != other["dataset"]:
            told = [f"the one is of [{first['dataset']}], the other of [{other['dataset']}]"]
        else:
            told = differences(*map(_without_features, (first["data"], other["data"])))
        if told:
            raise ValueError(
                f"{files[0]} and {file} cannot stand side by side: {'; '.join(told)}. Give two "
                "checkpoints that were trained on the same split of one data set"
            )


def _without_features(noted: dict) -> dict:
    return {key: value for key, value in noted.items() if not key.startswith("features of ")}
