"""ED, edge dropout: each view lacks some of the graph's edges (SGL section 3.1)."""

from __future__ import annotations

from torch import Tensor

from recbole_slmrec.model.ssl.draw import draw_kept
from recbole_slmrec.model.ssl.sub_graph_views import SubGraphViews


class EdgeDropout(SubGraphViews):
    """Each edge is dropped with the probability ``drop_ratio``, in both directions or in neither.

    Source: Wu et al., Self-supervised Graph Learning for Recommendation, SIGIR 2021, section 3.1.

    Args:
        encoder: the model's encoder.
        config: as :class:`~recbole_slmrec.model.ssl.sub_graph_views.SubGraphViews`.
    """

    def keep_edges(self) -> Tensor:
        users = self.sub_graphs.users
        return draw_kept(len(users), self.drop_ratio, users.device)
