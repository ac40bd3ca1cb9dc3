"""BM3 (Zhou et al., WWW 2023): bootstrapped representations of several modalities, without negatives."""

from __future__ import annotations

import torch
from recbole.utils import InputType
from torch import Tensor, nn

from recbole_slmrec.counting import counted
from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.model.graph_recommender import GraphRecommender
from recbole_slmrec.model.recommender import check_share, check_weight
from recbole_slmrec.model.rows import ALL, Part, Rows
from recbole_slmrec.model.ssl.draw import draw_mask
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
        return x.detach() * draw_mask(x, self.dropout_rate).div_(1 - self.dropout_rate)

    def calculate_loss(self, interaction) -> Tensor:
        """L of a batch of users and items."""
        self.forget_tables()
        rows = Rows(interaction[self.USER_ID], interaction[self.ITEM_ID])
        if self.reg_weight == 0:
            return self._distances(self.h(rows), rows)
        if self.over_all:
            h, norms = self._with_norms(rows)
            return self._distances(h, rows) + self.reg_weight * norms
        h = self.h(rows)
        return self._distances(h, rows) + self.reg_weight * _squares(h, rows)

    def _distances(self, h: Part, rows: Rows) -> Tensor:
        """The mean over pairs of all 1 - c(P x, t), from h of the distinct ``rows``.

        A gradient flows through P x alone, so that what a row is compared with, in all pairs, is one vector.
        """
        users, items = rows.user_places, rows.item_places
        t_users, t_items = map(self._directions, h)
        n_pairs, counts = len(users), _counts(items, h.on_items)
        sources = list(h)
        targets = [
            torch.zeros_like(h.on_users).index_add_(0, users, t_items.index_select(0, items)),
            torch.zeros_like(h.on_items).index_add_(0, items, t_users.index_select(0, users)),
        ]
        for features, W in zip(self.features.values(), self.W.values()):
            f = W(features.rows(rows.items))
            sources.append(f)
            targets.append(self.modality_weight * counts * (t_items + self._directions(f)))
        predicted = unit_rows(self.P(torch.cat(sources)))
        n_distances = 2 + 2 * self.modality_weight * len(self.features)
        return n_distances - (predicted * torch.cat(targets)).sum() / n_pairs

    @torch.no_grad()
    def _directions(self, x: Tensor) -> Tensor:
        """The targets of a table, of length one."""
        return unit_rows(self.target(x))

    def _with_norms(self, rows: Rows) -> tuple[Part, Tensor]:
        """h of the distinct ``rows``, and (||H_U||_F + ||H_I||_F) / |I|."""
        sides = zip(self.h(ALL), (rows.users, rows.items))
        h, norms = zip(*(_RowsAndNorm.apply(side, places) for side, places in sides))
        return Part(*h), sum(norms) / (self.n_items - 1)


class _RowsAndNorm(torch.autograd.Function):
    """Distinct rows of a table and its Frobenius norm, without the padding in row 0.

    The gradients of both meet in one pass over the table, and another over the rows.
    """

    @staticmethod
    def forward(ctx, table: Tensor, rows: Tensor):
        norm = torch.linalg.vector_norm(table[1:])
        ctx.save_for_backward(table, rows, norm)
        return table.index_select(0, rows), norm

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, of_rows: Tensor, of_norm: Tensor):
        table, rows, norm = ctx.saved_tensors
        gradient = table * (of_norm / torch.where(norm == 0, 1, norm))
        gradient[0] = 0
        return gradient.index_add_(0, rows, of_rows), None


def _squares(h: Part, rows: Rows) -> Tensor:
    """The mean over pairs of ||h_u||^2 + ||h_i||^2."""
    places = rows.user_places, rows.item_places
    sums = ((_counts(own, table) * table.square()).sum() for table, own in zip(h, places))
    return sum(sums) / len(rows.user_places)


def _counts(places: Tensor, table: Tensor) -> Tensor:
    """How many pairs name each row of a table: shape (n, 1)."""
    return counted(places, len(table), table.dtype).unsqueeze(1)
