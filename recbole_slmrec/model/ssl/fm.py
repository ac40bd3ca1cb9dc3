"""FM, feature masking: each view lacks one modality (SLMRec section III-A1)."""

from __future__ import annotations

import torch

from recbole_slmrec.model.encoder import Encoding
from recbole_slmrec.model.ssl.views import TwoViews


class FeatureMasking(TwoViews):
    """View k has the item features of one drawn modality set to zero; the two are distinct.

    Costs no graph work: a masked modality is the user part alone.

    Args:
        encoder: the model's encoder.
        config: reads ``tau_ssl`` and ``gather_negatives``.
    """

    def views(self, encoding: Encoding) -> tuple[Encoding, Encoding]:
        first, second = draw_pair(self.encoder.names)
        return encoding.without(first), encoding.without(second)


def draw_pair(names: tuple[str, ...]) -> tuple[str, str]:
    """Draws two distinct modalities, every ordered pair alike."""
    first, second = torch.randperm(len(names))[:2].tolist()
    return names[first], names[second]
