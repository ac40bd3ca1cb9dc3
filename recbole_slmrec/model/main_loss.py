"""The main task's losses, by the name that the setting ``main_loss`` gives them (SLMRec Eq. 12-13).

Each is called with the vectors z of a batch's distinct users and items, and its rows, and gives a scalar.
"""

from __future__ import annotations

from torch import Tensor, nn

from recbole_slmrec.model.losses import Pairs, bpr, check_temperature, info_nce, sampled_info_nce
from recbole_slmrec.model.rows import Part, Rows


class InBatchLoss(nn.Module):
    """InfoNCE over the batch's positives, by cosine (Eq. 13).

    Args:
        config: reads ``tau`` > 0 and ``gather_negatives``.
    """

    samples_negatives = False

    def __init__(self, config):
        super().__init__()
        check_temperature("tau", config["tau"])
        self.temperature, self.gather = config["tau"], config["gather_negatives"]

    def forward(self, z: Part, rows: Rows) -> Tensor:
        pairs = Pairs(rows.user_places, rows.item_places)
        return info_nce(*z, self.temperature, gather=self.gather, pairs=pairs)


class SampledLoss(nn.Module):
    """InfoNCE over each positive and its sampled negatives, by cosine (Eq. 12-13).

    Args:
        config: reads ``tau`` > 0.
    """

    samples_negatives = True

    def __init__(self, config):
        super().__init__()
        check_temperature("tau", config["tau"])
        self.temperature = config["tau"]

    def forward(self, z: Part, rows: Rows) -> Tensor:
        return sampled_info_nce(*rows.triples(z), self.temperature)


class BPRLoss(nn.Module):
    """The classic pairwise loss, for the paper's ablation; it has no temperature."""

    samples_negatives = True

    def __init__(self, config):
        super().__init__()

    def forward(self, z: Part, rows: Rows) -> Tensor:
        return bpr(*rows.triples(z))


class NoMainLoss(nn.Module):
    """Zero: training by the SSL task alone (the paper's Fig. 3)."""

    samples_negatives = False

    def __init__(self, temperature: float):
        super().__init__()

    def forward(self, z: Part, rows: Rows) -> Tensor:
        return z.on_users.new_zeros(())


MAIN_LOSSES: dict[str, type[nn.Module]] = {
    "in_batch": InBatchLoss,
    "sampled": SampledLoss,
    "bpr": BPRLoss,
    "none": NoMainLoss,
}
