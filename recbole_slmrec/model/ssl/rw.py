"""RW, random walk: in each view, each layer lacks other edges of the graph (SGL section 3.1)."""

from __future__ import annotations

from typing import Any

from recbole_slmrec.graph.propagation import PropagationAt
from recbole_slmrec.graph.walk import Walk
from recbole_slmrec.model.encoder import Encoding
from recbole_slmrec.model.ssl.ed import EdgeDropout


class RandomWalk(EdgeDropout):
    """Edge dropout that is drawn anew for each layer of a view.

    Source: Wu et al., Self-supervised Graph Learning for Recommendation, SIGIR 2021, section 3.1.

    Args:
        encoder: the model's encoder.
        config: as :class:`~recbole_slmrec.model.ssl.sub_graph_views.SubGraphViews`.
    """

    def propagation(self, encoding: Encoding) -> PropagationAt | Walk:
        draw = super().propagation
        layers: Any = [draw(encoding) for _ in range(self.encoder.propagation.n_layers)]
        return Walk(layers) if layers else encoding.propagation
