"""What all models here share: a score is the inner product of a user's and an item's vector."""

from __future__ import annotations

from math import inf

import torch
from recbole.model.abstract_recommender import GeneralRecommender
from torch import Tensor

from recbole_slmrec.graph.bipartite import InteractionGraph, interaction_graph


class VectorRecommender(GeneralRecommender):
    """A general recommender whose ``forward`` gives all vectors of users and items.

    Evaluation makes them once and scores by a matrix product. A subclass writes ``forward`` and
    ``calculate_loss``; the latter begins with ``forget_tables()``.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.
    """

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.n_negatives = _n_negatives(config)
        self.forget_tables()
        self.register_load_state_dict_post_hook(lambda model, _: model.forget_tables())

    def forward(self) -> tuple[Tensor, Tensor]:
        """The vectors of all users and items: shapes (|U|, k) and (|I|, k)."""
        raise NotImplementedError("a model says what its vectors are")

    @property
    def loss_names(self) -> tuple[str, ...]:
        """What the values of ``calculate_loss`` are, in order."""
        return ("main",)

    def interactions(self, dataset) -> InteractionGraph:
        """The graph of a training split's interactions."""
        users, items = (dataset.inter_feat[field] for field in (self.USER_ID, self.ITEM_ID))
        return interaction_graph(users, items, self.n_users, self.n_items)

    def start_epoch(self) -> None:
        """Called before each epoch of training."""

    def batch(self, interaction) -> tuple[Tensor, Tensor, Tensor | None]:
        """Users and positives (B,), and negatives (k, B) where the loader samples them.

        RecBole's pairwise loader repeats the batch k times over, one negative in each row.
        """
        users, items = interaction[self.USER_ID], interaction[self.ITEM_ID]
        if not self.n_negatives:
            return users, items, None
        n_positives = len(users) // self.n_negatives
        negatives = interaction[self.NEG_ITEM_ID].view(self.n_negatives, n_positives)
        return users[:n_positives], items[:n_positives], negatives

    def predict(self, interaction) -> Tensor:
        """The score of each row's user and item, shape (B,)."""
        users, items = self._evaluation_tables()
        return (users[interaction[self.USER_ID]] * items[interaction[self.ITEM_ID]]).sum(-1)

    def full_sort_predict(self, interaction) -> Tensor:
        """The score of each user with every item, padding included, shape (B * |I|,)."""
        users, items = self._evaluation_tables()
        return (users[interaction[self.USER_ID]] @ items.T).view(-1)

    def item_scores(self, users: Tensor) -> Tensor:
        """The score of every item, padding included, with each of ``users``, shape (B,): (|I|, B).

        With an item a row the product takes half the time of one with a user a row.
        """
        user_vectors, item_vectors = self._evaluation_tables()
        return item_vectors @ user_vectors[users].T

    def likeness(self, items: Tensor) -> Tensor:
        """What of items' vectors, shape (n, k), says which are alike: shape (n, m)."""
        return items

    def likeness_by_content(self, items: Tensor) -> tuple[Tensor, Tensor]:
        """Which of all items, with the vectors ``items``, are alike to others by content alone, shape
        (n,), and the content of all, shape (n, m): here none."""
        return items.new_zeros(len(items), dtype=torch.bool), items

    def train(self, mode: bool = True) -> VectorRecommender:
        # The trainer switches the mode once before each evaluation: tables live exactly that long.
        self.forget_tables()
        return super().train(mode)

    def forget_tables(self) -> None:
        """To be called when parameters are about to change."""
        self._tables: tuple[Tensor, Tensor] | None = None

    def _evaluation_tables(self) -> tuple[Tensor, Tensor]:
        if self._tables is None:
            with torch.no_grad():
                self._tables = self.forward()
        return self._tables


def check_size(config, key: str) -> None:
    """Raises ValueError, naming ``key``, unless the setting is a whole number above 0."""
    if type(config[key]) is not int or config[key] < 1:
        raise ValueError(f"{key} [{config[key]}] must be a whole number, 1 or more")


def check_weight(config, key: str) -> None:
    """Raises ValueError, naming ``key``, unless the setting is a number, 0 or more."""
    weight = config[key]
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight < inf:
        raise ValueError(f"{key} [{weight}] must be a number, 0 or more")


def check_share(config, key: str) -> None:
    """Raises ValueError, naming ``key``, unless the setting is a number from 0 to below 1."""
    share = config[key]
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share < 1:
        raise ValueError(f"{key} [{share}] must be a number from 0 to below 1")


def check_modalities(dataset, model: str, otherwise: str) -> None:
    """Raises ValueError, naming ``model`` and the one to take ``otherwise``, if there is no modality."""
    if not dataset.item_modalities:
        raise ValueError(
            f"{model} needs a modality, and none are used: declare some in item_modalities and select "
            f"them in modalities, or use {otherwise}, which needs none"
        )


def check_negatives(config, model: str) -> None:
    """Raises ValueError, naming ``model``, unless RecBole's loader samples the negatives that BPR needs."""
    if config["train_neg_sample_args"]["sample_num"] == "none":
        raise ValueError(
            f"{model}'s BPR loss needs sampled negatives, but train_neg_sample_args has "
            "none: set train_neg_sample_args: {distribution: uniform, sample_num: 1}"
        )


def _n_negatives(config) -> int:
    """k, from RecBole's own ``train_neg_sample_args``; 0 where it samples none."""
    sample_num = config["train_neg_sample_args"]["sample_num"]
    return 0 if sample_num == "none" else sample_num
