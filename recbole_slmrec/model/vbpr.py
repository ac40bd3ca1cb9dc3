"""VBPR (He and McAuley, Visual Bayesian Personalized Ranking from Implicit Feedback, AAAI 2016)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recbole_slmrec.model.content import ContentFactorization
from recbole_slmrec.model.recommender import check_size


class VBPR(ContentFactorization):
    r"""Matrix factorisation beside a second one in a space that features are projected to (Eq. 4).

    .. math::
        \hat y_{ui} = \beta_i + \gamma_u^T \gamma_i + \theta_u^T (E f_i) + \beta'^T f_i

    f_i is the concatenation of the features of all selected modalities, as in SLMRec's comparison;
    the original's single one is ``modalities`` with one name. The equation's global offset alpha
    and user bias beta_u are left out: they add the same to all scores of a user, which changes
    neither the ranking nor the loss.

    Every setting is described in ``properties/model/VBPR.yaml``. The paper's L2 weights are one
    here, the optimiser's ``weight_decay``.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a setting out of range; the message names the key.
    """

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        check_size(config, "modality_embedding_size")
        d, width = config["embedding_size"], sum(self.widths)
        self.gamma_user = nn.Embedding(self.n_users, d)
        self.gamma_item = nn.Embedding(self.n_items, d)
        self.beta_item = nn.Embedding(self.n_items, 1)
        if self.widths:
            self.theta_user = nn.Embedding(self.n_users, config["modality_embedding_size"])
            self.E = nn.Linear(width, config["modality_embedding_size"], bias=False)
            self.beta_feature = nn.Linear(width, 1, bias=False)
        else:
            self.logger.warning(
                "no content modality is used: this VBPR is plain BPR-MF with an item bias"
            )
        self.initialise()
        nn.init.zeros_(self.beta_item.weight)

    def user_vectors(self, users: Tensor) -> Tensor:
        """[gamma_u; 1; theta_u; 1] of ``users``, shape (B,): one row each."""
        gamma = self.gamma_user(users)
        one = gamma.new_ones(len(users), 1)
        if not self.widths:
            return torch.cat([gamma, one], dim=1)
        return torch.cat([gamma, one, self.theta_user(users), one], dim=1)

    def item_vectors(self, items: Tensor) -> Tensor:
        """[gamma_i; beta_i; E f_i; beta' . f_i] of ``items``, shape (B,): one row each."""
        vectors = [self.gamma_item(items), self.beta_item(items)]
        if self.widths:
            # f_i is never put together: each modality meets its own columns.
            weight = torch.cat([self.E.weight, self.beta_feature.weight])
            columns = weight.split(self.widths, dim=1)
            vectors.append(
                sum(F.linear(f.rows(items), own) for f, own in zip(self.features, columns))
            )
        return torch.cat(vectors, dim=1)
