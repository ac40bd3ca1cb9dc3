"""Which items a positive is compared with in the main task, by the name that ``negatives`` gives them.

Each says which items a step encodes, how much every one of them weighs in the sum of Eq. 12, and how
much the pair's own positive does. Weights are those of the item, times how often it stands for others.
"""

from __future__ import annotations

from math import isfinite

import torch
from torch import Tensor, nn

from recbole_slmrec.counting import counted
from recbole_slmrec.model.rows import Rows
from recbole_slmrec.processes.parallel import first_ones, joined


class InBatch(nn.Module):
    """The batch's positives, as often as they occur: what the authors' code does.

    Popular items are pushed down in proportion to their popularity.

    Args:
        item_degrees: each item's users in training, shape (|I|,); the padding in row 0.
        config: reads ``gather_negatives``.
    """

    def __init__(self, item_degrees: Tensor, config):
        super().__init__()
        self.gather = config["gather_negatives"]

    def rows(self, users: Tensor, items: Tensor) -> Rows:
        """What a step encodes for a batch of users and positives, shape (B,) each."""
        return Rows(users, joined(items) if self.gather else items)

    def weights(self, rows: Rows) -> Tensor:
        """How much each encoded item weighs, shape (m,)."""
        return counted(rows.item_places, len(rows.items), torch.int64)

    def own_weights(self, rows: Rows, positives: Tensor) -> Tensor:
        """How much each pair's positive is to weigh in its own sum, shape (B,)."""
        return self.weights(rows)[positives]


class Every(nn.Module):
    """Every item once: Eq. 12 with all items drawn, the softmax of a classifier.

    Args:
        item_degrees: each item's users in training, shape (|I|,); the padding in row 0.
        config: reads ``negative_popularity``, beta: an item weighs its degree to this power, all
            together as much as there are items.

    Raises:
        ValueError: if ``negative_popularity`` is no number, 0 or more.
    """

    def __init__(self, item_degrees: Tensor, config):
        super().__init__()
        self.register_buffer(
            "item_weights",
            _popularity_weights(item_degrees, config["negative_popularity"]),
            persistent=False,
        )

    def rows(self, users: Tensor, items: Tensor) -> Rows:
        return Rows.with_every_item(users, items)

    def weights(self, rows: Rows) -> Tensor:
        return self.item_weights

    def own_weights(self, rows: Rows, positives: Tensor) -> Tensor:
        return self.item_weights[positives]


class Uniform(Every):
    """n items, drawn once a batch without replacement, each standing for |I| / n; the pair's own
    positive once.

    The sum is an unbiased estimate of that over every item, and with n = |I| equals it. Processes
    share a draw.

    Args:
        item_degrees: each item's users in training, shape (|I|,); the padding in row 0.
        config: reads ``n_negatives`` and, as :class:`Every`, ``negative_popularity``.

    Raises:
        ValueError: as :class:`Every`, and unless ``n_negatives`` is a whole number from 1 to |I|.
    """

    def __init__(self, item_degrees: Tensor, config):
        super().__init__(item_degrees, config)
        self.n_items, self.n = len(item_degrees) - 1, config["n_negatives"]
        if type(self.n) is not int or not 1 <= self.n <= self.n_items:
            raise ValueError(
                f"n_negatives [{self.n}] must be a whole number from 1 to the catalogue's "
                f"{self.n_items:,} items; negatives: all compares with every one of them"
            )

    def draw(self) -> Tensor:
        """The drawn items, shape (n,), distinct."""
        device = self.item_weights.device
        return first_ones(torch.randperm(self.n_items, device=device)[: self.n] + 1)

    def rows(self, users: Tensor, items: Tensor) -> Rows:
        return Rows(users, torch.cat([items, self.draw()]))

    def weights(self, rows: Rows) -> Tensor:
        drawn = rows.item_places[-self.n :]
        weights = torch.zeros_like(self.item_weights[: len(rows.items)])
        weights[drawn] = self.item_weights[rows.items[drawn]] * (self.n_items / self.n)
        return weights

    def own_weights(self, rows: Rows, positives: Tensor) -> Tensor:
        return self.item_weights[rows.items[positives]]


NEGATIVES: dict[str, type[nn.Module]] = {"in_batch": InBatch, "all": Every, "uniform": Uniform}


def _popularity_weights(degrees: Tensor, beta: float) -> Tensor:
    if not isinstance(beta, (int, float)) or not isfinite(beta) or beta < 0:
        raise ValueError(
            f"negative_popularity [{beta}] must be a number, 0 or more: an item weighs its number "
            "of interactions to this power among the negatives"
        )
    weights = degrees.to(torch.get_default_dtype()) ** beta
    weights[0] = 0
    return weights * ((len(degrees) - 1) / weights.sum())
