"""MMBPR: matrix factorisation by BPR on ID and features, the MF-BPR of SLMRec's comparison."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recbole_slmrec.model.content import ContentFactorization


class MMBPR(ContentFactorization):
    r"""BPR-MF (Rendle et al., 2009) whose items have features beside their ID.

    The MF-BPR of Tao et al. (IEEE TMM 2022, Section IV-A2), of which they say that an item is the
    concatenation of its multi-modal features and its ID embedding. Read here as the features of
    each modality projected to the ID's width, as SLMRec does it, then concatenated:

    .. math::
        \hat y_{ui} = \langle p_u, [e_i; f_i^1 W_1; \ldots; f_i^M W_M] \rangle

    p_u is the user's vector, of width (M + 1) d. The W_m have no bias: it would add the same to all
    scores of a user, which changes neither the ranking nor the loss. Every setting is described in
    ``properties/model/MMBPR.yaml``; L2 is the optimiser's ``weight_decay``.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a setting out of range; the message names the key.
    """

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        d = config["embedding_size"]
        self.user_embedding = nn.Embedding(self.n_users, (len(self.widths) + 1) * d)
        self.item_embedding = nn.Embedding(self.n_items, d)
        self.W = nn.ModuleList(nn.Linear(width, d, bias=False) for width in self.widths)
        if not self.widths:
            self.logger.warning("no content modality is used: this MMBPR is plain BPR-MF")
        self.initialise()

    def user_vectors(self, users: Tensor) -> Tensor:
        """p_u of ``users``, shape (B,): shape (B, (M + 1) d)."""
        return self.user_embedding(users)

    def item_vectors(self, items: Tensor) -> Tensor:
        """[e_i; f_i^1 W_1; ...] of ``items``, shape (B,): shape (B, (M + 1) d)."""
        content = [W(features.rows(items)) for W, features in zip(self.W, self.features)]
        return torch.cat([self.item_embedding(items), *content], dim=1)
