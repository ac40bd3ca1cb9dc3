"""What FD and FM share: two views of the batch's users and items, contrasted (SLMRec Eq. 7 and 9)."""

from __future__ import annotations

from torch import Tensor, nn

from recbole_slmrec.model.encoder import Encoding
from recbole_slmrec.model.fusion import Fusion
from recbole_slmrec.model.losses import check_temperature, info_nce


class TwoViews(nn.Module):
    """Eq. 9 on users plus Eq. 9 on items, between two views of the same batch.

    Args:
        temperature: tau_ssl > 0.
    """

    def __init__(self, temperature: float):
        super().__init__()
        check_temperature("tau_ssl", temperature)
        self.temperature = temperature

    def views(self, encoding: Encoding) -> tuple[Encoding, Encoding]:
        """Makes the two views, drawn anew for each batch."""
        raise NotImplementedError("a task of two views says how they are made")

    def forward(self, encoding: Encoding, fusion: Fusion, users: Tensor, items: Tensor) -> Tensor:
        """The task's loss on the batch's ``users`` and ``items``, each of shape (B,)."""
        first, second = self.views(encoding)
        return info_nce(
            fusion.users(first.users(users)), fusion.users(second.users(users)), self.temperature
        ) + info_nce(
            fusion.items(first.items(items)), fusion.items(second.items(items)), self.temperature
        )
