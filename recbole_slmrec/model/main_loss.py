"""The main task's losses, by the name that the setting ``main_loss`` gives them (SLMRec Eq. 12-13)."""

from __future__ import annotations

from torch import Tensor, nn

from recbole_slmrec.model.losses import bpr, check_temperature, info_nce, sampled_info_nce


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

    def forward(self, users: Tensor, positives: Tensor, negatives: None = None) -> Tensor:
        """Shapes (B, d) and (B, d) to a scalar."""
        return info_nce(users, positives, self.temperature, gather=self.gather)


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

    def forward(self, users: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
        """Shapes (B, d), (B, d) and (k, B, d) to a scalar."""
        return sampled_info_nce(users, positives, negatives, self.temperature)


class BPRLoss(nn.Module):
    """The classic pairwise loss, for the paper's ablation; it has no temperature."""

    samples_negatives = True

    def __init__(self, config):
        super().__init__()

    def forward(self, users: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
        """Shapes (B, d), (B, d) and (k, B, d) to a scalar."""
        return bpr(users, positives, negatives)


class NoMainLoss(nn.Module):
    """Zero: training by the SSL task alone (the paper's Fig. 3)."""

    samples_negatives = False

    def __init__(self, temperature: float):
        super().__init__()

    def forward(self, users: Tensor, positives: Tensor, negatives: None = None) -> Tensor:
        """A scalar zero."""
        return users.new_zeros(())


MAIN_LOSSES: dict[str, type[nn.Module]] = {
    "in_batch": InBatchLoss,
    "sampled": SampledLoss,
    "bpr": BPRLoss,
    "none": NoMainLoss,
}
