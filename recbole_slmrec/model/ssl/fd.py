"""FD, feature dropout: each view has factors of the features dropped (SLMRec Eq. 7-8)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from recbole_slmrec.model.encoder import Encoder, Encoding, TablePart
from recbole_slmrec.model.ssl.views import TwoViews

FD_LEVELS = ("feature", "layer")


class FeatureDropout(TwoViews):
    """Two independent dropouts, of the modality features or of the node states in every layer.

    ``fd_level: feature`` is the paper's Eq. 8, t(E_m) = M * E_m with a mask M of zeros and ones,
    then one encoder run a view. ``fd_level: layer`` is what the authors' code does: every node state
    passes through dropout (survivors divided by 1 - rate) after each propagation layer.

    Args:
        encoder: the model's encoder.
        config: reads ``tau_ssl``, ``dropout_rate`` in [0, 1) and ``fd_level``.

    Raises:
        ValueError: for a rate out of range or an unknown level.
    """

    def __init__(self, encoder: Encoder, config):
        super().__init__(config["tau_ssl"])
        self.rate, self.level = config["dropout_rate"], config["fd_level"]
        if not isinstance(self.rate, (int, float)) or not 0 <= self.rate < 1:
            raise ValueError(f"dropout_rate [{self.rate}] must be a number in [0, 1)")
        if self.level not in FD_LEVELS:
            raise ValueError(f"fd_level [{self.level}] is not one of {', '.join(FD_LEVELS)}")
        # A list keeps the encoder, whose parameters the model owns, from being registered twice.
        self._encoder = [encoder]

    @property
    def encoder(self) -> Encoder:
        return self._encoder[0]

    def views(self, encoding: Encoding) -> tuple[Encoding, Encoding]:
        return self.dropped(encoding, (frozenset(), frozenset()))

    def dropped(
        self, encoding: Encoding, masked: tuple[frozenset[str], frozenset[str]]
    ) -> tuple[Encoding, Encoding]:
        """Two dropout views; view k has the item features of the modalities ``masked[k]`` at zero."""
        if self.level == "feature":
            return self._drop_features(encoding, masked)
        return self._drop_layers(masked)

    def _drop_features(self, encoding: Encoding, masked) -> tuple[Encoding, Encoding]:
        names = self.encoder.names
        tables = {name: self.encoder.table(name) for name in names}
        dropped = {
            (view, name): tables[name] * self.keep_mask(tables[name])
            for view in (0, 1)
            for name in names
            if name not in masked[view]
        }
        parts = self.encoder.propagated(dropped)
        return tuple(
            Encoding(encoding.user_part, {name: parts.get((view, name)) for name in names})
            for view in (0, 1)
        )

    def _drop_layers(self, masked) -> tuple[Encoding, Encoding]:
        names = self.encoder.names
        user_table = self.encoder.user_embedding.weight
        tables = {name: self.encoder.table(name) for name in names}
        views = []
        for view in (0, 1):
            parts = {}
            for name in names:
                item_table = tables[name]
                if name in masked[view]:
                    item_table = torch.zeros_like(item_table)
                parts[name] = self._propagate_dropping(user_table, item_table)
            views.append(Encoding(None, parts))
        return tuple(views)

    def _propagate_dropping(self, on_users: Tensor, on_items: Tensor) -> TablePart:
        propagation = self.encoder.propagation
        sum_users, sum_items = on_users, on_items
        for _ in range(propagation.n_layers):
            on_users, on_items = propagation.hop(on_users, on_items)
            on_users, on_items = self.drop_state(on_users), self.drop_state(on_items)
            sum_users, sum_items = sum_users + on_users, sum_items + on_items
        n_tables = propagation.n_layers + 1
        return TablePart(sum_users / n_tables, sum_items / n_tables)

    def keep_mask(self, table: Tensor) -> Tensor:
        """M of Eq. 8: ones where a factor is kept, zeros elsewhere; the shape of ``table``."""
        return torch.empty_like(table, requires_grad=False).bernoulli_(1 - self.rate)

    def drop_state(self, states: Tensor) -> Tensor:
        """Dropout of node states, survivors divided by 1 - rate."""
        return F.dropout(states, self.rate, training=True)
