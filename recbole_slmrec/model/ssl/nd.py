"""ND, node dropout: each view lacks some of the graph's nodes (SGL section 3.1)."""

from __future__ import annotations

from torch import Tensor

from recbole_slmrec.model.ssl.draw import draw_kept
from recbole_slmrec.model.ssl.sub_graph_views import SubGraphViews


class NodeDropout(SubGraphViews):
    """Each user and each item is dropped with the probability ``drop_ratio``, with all its edges.

    A dropped node takes part in the view like any node without an edge: by its own row.

    Source: Wu et al., Self-supervised Graph Learning for Recommendation, SIGIR 2021, section 3.1.

    Args:
        encoder: the model's encoder.
        config: as :class:`~recbole_slmrec.model.ssl.sub_graph_views.SubGraphViews`.
    """

    def keep_edges(self) -> Tensor:
        graphs = self.sub_graphs
        users, items = self.keep_nodes(graphs.n_users), self.keep_nodes(graphs.n_items)
        return users[graphs.users] & items[graphs.items]

    def keep_nodes(self, n: int) -> Tensor:
        """Draws which nodes of a side are kept, true or false, shape (n,); users before items."""
        return draw_kept(n, self.drop_ratio, self.sub_graphs.users.device)
