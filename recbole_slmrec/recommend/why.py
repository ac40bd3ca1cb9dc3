"""Why an item is recommended: the shares of the modalities in its score, which add up to it."""

from __future__ import annotations

from typing import Callable

import torch
import torch.nn.functional as F
from recbole.model.abstract_recommender import GeneralRecommender
from torch import Tensor, nn

from recbole_slmrec.model.backbone import MultimodalLightGCN

BIAS = "bias"


class Shares:
    """Splits the score of a model whose fusion is linear (SLMRec Eq. 5-6).

    With the columns W_m of a fusion's linear map that meet modality m (or W / |M| where the fusion
    is a mean), and its bias b:

        z_u = sum_m W_m z_{u,m} + b      z_i = sum_n W'_n z_{i,n} + b'

    so that y_ui = z_u . z_i is a sum over pairs of a part of the user and a part of the item, the
    biases being a part each. Where scores are cosines, every part is divided by the length of the
    vector that it is a part of. What stands beside the embeddings (:meth:`SLMRec.parts
    <recbole_slmrec.model.slmrec.SLMRec.parts>`) adds its own product of a user's and an item's part,
    which meets no other. Nothing is approximated.

    Args:
        model: SLMRec or MMLightGCN, in evaluation mode.

    Raises:
        ValueError: for another model.

    Attributes:
        names: the parts: the modalities in the order of fusion, then ``bias``, then those beside the
            embeddings that the model has: ``popularity``, ``linear``, ``content``.
    """

    @torch.inference_mode()
    def __init__(self, model: GeneralRecommender):
        if not isinstance(model, MultimodalLightGCN):
            raise ValueError(
                f"why: the score of {type(model).__name__} is not a sum over modalities; "
                "SLMRec's and MMLightGCN's are"
            )
        self._beside = model.parts()
        embedding = self._beside.pop("embedding")
        self.names = (*model.encoder.names, BIAS, *self._beside)
        encoding = model.encoder()
        # Rows that are zero there have no embedding in their score, as cold items.
        ranked = embedding.on_items.any(1, keepdim=True)
        self._users = _parts(model, model.fusion.user_map, encoding.users())
        items = _parts(model, model.fusion.item_map, encoding.items(), model.smoothed)
        self._items = [part * ranked for part in items]

    @torch.inference_mode()
    def of_pairs(self, users: Tensor, items: Tensor) -> Tensor:
        """The shares of pairs of rows by part of the user and part of the item: shape (n, P, P)."""
        shares = torch.einsum("pnd,qnd->npq", _rows(self._users, users), _rows(self._items, items))
        n_beside = len(self._beside)
        shares = F.pad(shares, (0, n_beside, 0, n_beside))
        for place, part in enumerate(self._beside.values(), start=-n_beside):
            shares[:, place, place] = (part.on_users[users] * part.on_items[items]).sum(1)
        return shares

    @torch.inference_mode()
    def of_items(self, users: Tensor, items: Tensor) -> Tensor:
        """The shares of pairs of rows by part of the item: shape (n, P)."""
        whole = _rows(self._users, users).sum(0)
        shares = [torch.einsum("nd,qnd->nq", whole, _rows(self._items, items))]
        shares += [
            (part.on_users[users] * part.on_items[items]).sum(1, keepdim=True)
            for part in self._beside.values()
        ]
        return torch.cat(shares, dim=1)


def _parts(
    model: MultimodalLightGCN,
    linear: nn.Linear,
    modalities: dict[str, Tensor],
    smoothed: Callable[[Tensor], Tensor] = lambda z: z,
) -> list[Tensor]:
    """A table of shape (n, d) for each modality and for the bias."""
    n, tables = len(modalities), list(modalities.values())
    mean = model.fusion.fusion == "mean"
    weights = [linear.weight / n] * n if mean else linear.weight.chunk(n, dim=1)
    parts = [*(z @ w.T for z, w in zip(tables, weights)), linear.bias.expand_as(tables[0])]
    parts = [smoothed(part) for part in parts]
    lengths = model.lengths(sum(parts))
    return [part / lengths for part in parts]


def _rows(parts: list[Tensor], rows: Tensor) -> Tensor:
    return torch.stack([part[rows] for part in parts])
