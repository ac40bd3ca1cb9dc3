"""BM3 (Zhou et al., WWW 2023): bootstrapped representations of several modalities, without negatives."""

from __future__ import annotations

import torch.nn.functional as F
from recbole.utils import InputType
from torch import Tensor, nn

from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.model.graph_recommender import GraphRecommender
from recbole_slmrec.model.recommender import check_share, check_weight
from recbole_slmrec.model.rows import ALL, Part, Rows
from recbole_slmrec.model.unit import unit_rows

REGULARISATIONS = ("all", "batch")


class BM3(GraphRecommender):
    r"""LightGCN that learns from pairs alone: each side predicts a dropped-out view of the other.

    Source: Zhou et al., Bootstrap Latent Representations for Multi-modal Recommendation, WWW 2023.

    .. math::
        h_u, h' = LGCN_L(E_u, E_i), \quad h_i = h'_i + e_i, \quad f_m = X_m W_m + b_m

    With one linear predictor P for all, and targets t_x that are a dropout of x without gradient,
    cosines c, and the mean over the pairs of a batch,

    .. math::
        L = &[1 - c(P h_u, t_i)] + [1 - c(P h_i, t_u)] \\
          + &\gamma \sum_m ([1 - c(P f_m, t_i)] + [1 - c(P f_m, t_{f_m})]) + \lambda Reg

    ``regularisation`` says what Reg is: ``all``, as in the code that published figures come from,
    :math:`(\lVert H_U \rVert_F + \lVert H_I \rVert_F) / |I|` over all users and items, or ``batch``,
    as in the paper, the mean of :math:`\lVert h_u \rVert^2 + \lVert h_i \rVert^2` over the pairs. A
    score is P h_u . P h_i. A node that a batch names more than once has one target in it.

    Every setting is described in ``properties/model/BM3.yaml``.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a setting out of range (the message names the key), or without a modality.
    """

    input_type = InputType.POINTWISE

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        check_share(config, "dropout_rate")
        check_weight(config, "modality_weight")
        check_weight(config, "reg_weight")
        if config["regularisation"] not in REGULARISATIONS:
            raise ValueError(
                f"regularisation [{config['regularisation']}] is not one of {', '.join(REGULARISATIONS)}"
            )
        self.dropout_rate, self.modality_weight = config["dropout_rate"], config["modality_weight"]
        self.over_all, self.reg_weight = config["regularisation"] == "all", config["reg_weight"]
        d = config["embedding_size"]
        self.propagation = Propagation(self.block, config["n_layers"])
        self.W, self.P = self.projections(d), nn.Linear(d, d)
        self.initialise()

    @staticmethod
    def takes_negatives(settings) -> bool:
        """It needs none from the data loader."""
        return False

    def forward(self) -> Part:
        """P h of all users and items: shapes (|U|, d) and (|I|, d)."""
        return Part(*map(self.P, self.h(ALL)))

    def h(self, rows: Rows) -> Part:
        """h of the distinct ``rows``."""
        h = self.propagated(self.propagation, rows)
        e = self.item_embedding.weight
        return Part(h.on_users, h.on_items + (e if rows.items is None else e[rows.items]))

    def target(self, x: Tensor) -> Tensor:
        """A dropout of a table, without gradient."""
        return F.dropout(x.detach(), self.dropout_rate)

    def calculate_loss(self, interaction) -> Tensor:
        """L of a batch of users and items."""
        self.forget_tables()
        rows = Rows(interaction[self.USER_ID], interaction[self.ITEM_ID])
        whole = self.h(ALL) if self.over_all and self.reg_weight else None
        h = self.h(rows) if whole is None else rows.of(*whole)
        users, items = rows.user_places, rows.item_places
        t_users, t_items = self.target(h.on_users), self.target(h.on_items)
        loss = self._distance(h.on_users, users, t_items, items)
        loss = loss + self._distance(h.on_items, items, t_users, users)
        for features, W in zip(self.features.values(), self.W.values()):
            f = W(features.rows(rows.items))
            distances = self._distance(f, items, t_items, items)
            distances = distances + self._distance(f, items, self.target(f), items)
            loss = loss + self.modality_weight * distances
        if self.reg_weight == 0:
            return loss
        return loss + self.reg_weight * (
            self._norms(whole) if self.over_all else _squares(h, users, items)
        )

    def _distance(self, x: Tensor, places: Tensor, targets: Tensor, target_places: Tensor) -> Tensor:
        """The mean over pairs of 1 - c(P x, t), from tables and the places of a pair's two rows."""
        predicted, targets = unit_rows(self.P(x))[places], unit_rows(targets)[target_places]
        return 1 - (predicted * targets).sum(1).mean()

    def _norms(self, h: Part) -> Tensor:
        """(||H_U||_F + ||H_I||_F) / |I|; the padding in row 0 is no user and no item."""
        return (h.on_users[1:].norm() + h.on_items[1:].norm()) / (self.n_items - 1)


def _squares(h: Part, users: Tensor, items: Tensor) -> Tensor:
    """The mean over pairs of ||h_u||^2 + ||h_i||^2."""
    squares = (table.square().sum(1) for table in h)
    return sum(own[places].mean() for own, places in zip(squares, (users, items)))
