"""The main task's losses, by the name that the setting ``main_loss`` gives them (SLMRec Eq. 12-13).

Each says which rows a step encodes for a batch; called with the vectors z of the distinct ones among
them, and the rows, it gives a scalar.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.model.losses import (
    Pairs,
    bpr,
    check_temperature,
    sampled_info_nce,
    weighted_info_nce,
)
from recbole_slmrec.model.negatives import NEGATIVES
from recbole_slmrec.model.rows import Part, Rows


class InfoNCELoss(nn.Module):
    """InfoNCE by cosine over the items that ``negatives`` names (Eq. 12-13).

    With ``exclude_positives`` the items that a user has in training are no negatives of this user, as
    Eq. 12 reads ("items which have not been interacted with u"): of them, only the pair's own positive
    stays in its sum.

    Args:
        config: reads ``tau`` > 0, ``negatives`` and what these read, and ``exclude_positives``.
        block: the training graph.

    Raises:
        ValueError: for a setting out of range; the message names the key.
    """

    samples_negatives = False

    def __init__(self, config, block: InteractionBlock):
        super().__init__()
        check_temperature("tau", config["tau"])
        name = config["negatives"]
        if name not in NEGATIVES:
            raise ValueError(f"negatives [{name}] is not one of {', '.join(NEGATIVES)}")
        self.temperature, self.exclude = config["tau"], config["exclude_positives"]
        self.negatives = NEGATIVES[name](block.item_degrees, config)
        self.block = block

    def rows(self, users: Tensor, items: Tensor, negatives: Tensor | None) -> Rows:
        return self.negatives.rows(users, items)

    def forward(self, z: Part, rows: Rows) -> Tensor:
        pairs = Pairs(rows.user_places, rows.item_places[: len(rows.user_places)])
        weights = self.negatives.weights(rows)
        own_weights = self.negatives.own_weights(rows, pairs.positives)
        left_out = None
        if self.exclude:
            left_out = self._positives(rows)
        else:
            own_weights = own_weights - weights[pairs.positives]
        return weighted_info_nce(*z, self.temperature, pairs, weights, own_weights, left_out)

    def _positives(self, rows: Rows) -> Pairs:
        """The encoded items that each encoded user has in training, by their places."""
        users, items = self.block.on_users.pairs(rows.users)
        if rows.items is None:
            return Pairs(users, items)
        places = torch.searchsorted(rows.items, items).clamp_(max=len(rows.items) - 1)
        there = rows.items[places] == items
        return Pairs(users[there], places[there])


class SampledLoss(nn.Module):
    """InfoNCE over each positive and its sampled negatives, by cosine (Eq. 12-13).

    Args:
        config: reads ``tau`` > 0.
        block: the training graph; not read.
    """

    samples_negatives = True

    def __init__(self, config, block: InteractionBlock):
        super().__init__()
        check_temperature("tau", config["tau"])
        self.temperature = config["tau"]

    def rows(self, users: Tensor, items: Tensor, negatives: Tensor) -> Rows:
        return Rows.with_negatives(users, items, negatives)

    def forward(self, z: Part, rows: Rows) -> Tensor:
        return sampled_info_nce(*rows.triples(z), self.temperature)


class BPRLoss(nn.Module):
    """The classic pairwise loss, for the paper's ablation; it has no temperature."""

    samples_negatives = True

    def __init__(self, config, block: InteractionBlock):
        super().__init__()

    def rows(self, users: Tensor, items: Tensor, negatives: Tensor) -> Rows:
        return Rows.with_negatives(users, items, negatives)

    def forward(self, z: Part, rows: Rows) -> Tensor:
        return bpr(*rows.triples(z))


class NoMainLoss(nn.Module):
    """Zero: training by the SSL task alone (the paper's Fig. 3)."""

    samples_negatives = False

    def __init__(self, config, block: InteractionBlock):
        super().__init__()

    def rows(self, users: Tensor, items: Tensor, negatives: None) -> Rows:
        return Rows(users, items)

    def forward(self, z: Part, rows: Rows) -> Tensor:
        return z.on_users.new_zeros(())


MAIN_LOSSES: dict[str, type[nn.Module]] = {
    "info_nce": InfoNCELoss,
    "sampled": SampledLoss,
    "bpr": BPRLoss,
    "none": NoMainLoss,
}
