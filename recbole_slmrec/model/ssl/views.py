"""Two views of the batch's users and items, contrasted: every task but FAC (SLMRec Eq. 7 and 9)."""

from __future__ import annotations

from torch import Tensor, nn

from recbole_slmrec.model.encoder import Encoder, Encoding
from recbole_slmrec.model.fusion import Fusion
from recbole_slmrec.model.losses import Pairs, check_temperature, info_nce


class TwoViews(nn.Module):
    """Eq. 9 on users plus Eq. 9 on items, between two views of the same batch.

    Args:
        encoder: the model's encoder.
        config: reads ``tau_ssl`` > 0 and ``gather_negatives``.
    """

    def __init__(self, encoder: Encoder, config):
        super().__init__()
        check_temperature("tau_ssl", config["tau_ssl"])
        self.temperature, self.gather = config["tau_ssl"], config["gather_negatives"]
        # A list keeps the encoder, whose parameters the model owns, from being registered twice.
        self._encoder = [encoder]

    @property
    def encoder(self) -> Encoder:
        return self._encoder[0]

    def views(self, encoding: Encoding) -> tuple[Encoding, Encoding]:
        """Makes the two views of the same rows, drawn anew for each batch."""
        raise NotImplementedError("a task of two views says how they are made")

    def forward(self, encoding: Encoding, fusion: Fusion) -> Tensor:
        """The task's loss on the batch's users and items."""
        first, second = self.views(encoding)
        rows = encoding.rows
        users = [fusion.users(view.users()) for view in (first, second)]
        items = [fusion.items(view.items()) for view in (first, second)]
        on_users = self._contrast(users, rows.user_places)
        return on_users + self._contrast(items, rows.item_places)

    def _contrast(self, views: list[Tensor], places: Tensor) -> Tensor:
        first, second = views
        pairs = Pairs(places, places)
        return info_nce(first, second, self.temperature, gather=self.gather, pairs=pairs)
