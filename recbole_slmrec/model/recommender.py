"""What all models here share: a score is the inner product of a user's and an item's vector."""

from __future__ import annotations

import torch
from recbole.model.abstract_recommender import GeneralRecommender
from torch import Tensor


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
        self._tables: tuple[Tensor, Tensor] | None = None
        self.register_load_state_dict_post_hook(lambda model, _: model.forget_tables())

    def forward(self) -> tuple[Tensor, Tensor]:
        """The vectors of all users and items: shapes (|U|, k) and (|I|, k)."""
        raise NotImplementedError("a model says what its vectors are")

    @property
    def loss_names(self) -> tuple[str, ...]:
        """What the values of ``calculate_loss`` are, in order."""
        return ("main",)

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

    def train(self, mode: bool = True) -> VectorRecommender:
        # The trainer switches the mode once before each evaluation: tables live exactly that long.
        self.forget_tables()
        return super().train(mode)

    def forget_tables(self) -> None:
        """To be called when parameters are about to change."""
        self._tables = None

    def _evaluation_tables(self) -> tuple[Tensor, Tensor]:
        if self._tables is None:
            with torch.no_grad():
                self._tables = self.forward()
        return self._tables


def check_size(config, key: str) -> None:
    """Raises ValueError, naming ``key``, unless the setting is a whole number above 0."""
    if type(config[key]) is not int or config[key] < 1:
        raise ValueError(f"{key} [{config[key]}] must be a whole number, 1 or more")


def check_negatives(config, model: str) -> None:
    """Raises ValueError, naming ``model``, unless RecBole's loader samples the negatives that BPR needs."""
    if config["train_neg_sample_args"]["sample_num"] == "none":
        raise ValueError(
            f"{model}'s BPR loss needs sampled negatives, but train_neg_sample_args has "
            "none: set train_neg_sample_args: {distribution: uniform, sample_num: 1}"
        )
