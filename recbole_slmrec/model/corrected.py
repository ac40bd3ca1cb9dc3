"""RecBole's models whose faults change what a comparison says, corrected under their names."""

from __future__ import annotations

import torch
from recbole.model.general_recommender import pop, random
from torch import Tensor


class Pop(pop.Pop):
    """RecBole's Pop, with each item's number of training interactions.

    RecBole's counts an item once a batch, however often it occurs there, and counts the negatives
    that its loader samples as well.

    Args:
        config: the run's configuration.
        dataset: the training split.
    """

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        counts = torch.bincount(dataset.inter_feat[self.ITEM_ID], minlength=self.n_items)
        self.item_cnt = counts.unsqueeze(1).to(self.device)
        self.max_cnt = self.item_cnt.amax(0)

    def calculate_loss(self, interaction) -> Tensor:
        """Zero: there is nothing to learn."""
        return self.fake_loss


class Random(random.Random):
    """RecBole's Random, with an order of its own for each user, which follows from the seed.

    RecBole's gives all users of a batch the same order, and another one at each call, so that it
    shows K items to everyone and no checkpoint can be evaluated again.

    Args:
        config: the run's configuration.
        dataset: the training split.
    """

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.seed = config["seed"]

    def predict(self, interaction) -> Tensor:
        """The score of each row's user and item, shape (B,)."""
        users, rows = interaction[self.USER_ID].unique(return_inverse=True)
        return self._scores(users)[rows, interaction[self.ITEM_ID]]

    def full_sort_predict(self, interaction) -> Tensor:
        """The score of each user with every item, shape (B * |I|,)."""
        return self._scores(interaction[self.USER_ID]).view(-1)

    def _scores(self, users: Tensor) -> Tensor:
        generator = torch.Generator()
        rows = [
            torch.rand(
                self.n_items, generator=generator.manual_seed(self.seed * self.n_users + user)
            )
            for user in users.tolist()
        ]
        return torch.stack(rows).to(self.device)
