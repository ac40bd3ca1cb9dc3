"""What ED, ND and RW share: two views by the encoder on sub-graphs (SLMRec section VI)."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from recbole_slmrec.graph.propagation import Propagation, PropagationAt
from recbole_slmrec.graph.sub_graphs import SubGraphs
from recbole_slmrec.graph.walk import Walk
from recbole_slmrec.model.encoder import Encoder, Encoding
from recbole_slmrec.model.rows import Part
from recbole_slmrec.model.ssl.views import TwoViews


class SubGraphViews(TwoViews):
    """Two encoder runs, each on a sub-graph of its own that is drawn anew for each batch.

    A_hat is weighted by the degrees of the sub-graph. A node that has lost all its edges is left
    with its own row: of layer 0 alone, or of every layer where the adjacency has self loops.

    Args:
        encoder: the model's encoder.
        config: reads ``tau_ssl``, ``gather_negatives`` and ``drop_ratio`` in [0, 1).

    Raises:
        ValueError: for a ratio out of range.
    """

    def __init__(self, encoder: Encoder, config):
        super().__init__(encoder, config)
        self.drop_ratio = config["drop_ratio"]
        if not isinstance(self.drop_ratio, (int, float)) or not 0 <= self.drop_ratio < 1:
            raise ValueError(f"drop_ratio [{self.drop_ratio}] must be a number in [0, 1)")
        self.sub_graphs = SubGraphs(encoder.propagation.block)

    def keep_edges(self) -> Tensor:
        """Draws which edges a sub-graph keeps, true or false, shape (E,): by user, then by item."""
        raise NotImplementedError("a task on sub-graphs says which edges are kept")

    def views(self, encoding: Encoding) -> tuple[Encoding, Encoding]:
        tables = {name: self.encoder.table(name) for name in self.encoder.names}
        return self._view(encoding, tables), self._view(encoding, tables)

    def propagation(self, encoding: Encoding) -> PropagationAt | Walk:
        """Draws that of a view, to the rows of ``encoding``."""
        whole, rows = self.encoder.propagation, encoding.rows
        block = self.sub_graphs.of(self.keep_edges())
        return Propagation(block, whole.n_layers, whole.adjacency).at(rows.users, rows.items)

    def _view(self, encoding: Encoding, tables: dict[str, Tensor]) -> Encoding:
        propagation = self.propagation(encoding)
        user_part = Part(*propagation.from_users(self.encoder.user_embedding.weight))
        # One by one: side by side, they no longer stay in the cache and take half as long again.
        item_parts = {name: Part(*propagation.from_items(E)) for name, E in tables.items()}
        return replace(encoding, user_part=user_part, item_parts=item_parts)
