"""FD, feature dropout: each view has factors of the features dropped (SLMRec Eq. 7-8)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from recbole_slmrec.graph.propagation import mean_over_layers
from recbole_slmrec.model.encoder import Encoder, Encoding
from recbole_slmrec.model.rows import Part
from recbole_slmrec.model.ssl.draw import draw_mask
from recbole_slmrec.model.ssl.views import TwoViews

FD_LEVELS = ("feature", "layer")


class FeatureDropout(TwoViews):
    """Two independent dropouts, of the modality features or of the node states in every layer.

    ``fd_level: feature`` is the paper's Eq. 8, t(E_m) = M * E_m with a mask M of zeros and ones,
    then one encoder run a view. ``fd_level: layer`` is what the authors' code does: every node state
    passes through dropout (survivors divided by 1 - rate) after each propagation layer.

    Args:
        encoder: the model's encoder.
        config: reads ``tau_ssl``, ``gather_negatives``, ``dropout_rate`` in [0, 1) and ``fd_level``.

    Raises:
        ValueError: for a rate out of range or an unknown level.
    """

    def __init__(self, encoder: Encoder, config):
        super().__init__(encoder, config)
        self.rate, self.level = config["dropout_rate"], config["fd_level"]
        if not isinstance(self.rate, (int, float)) or not 0 <= self.rate < 1:
            raise ValueError(f"dropout_rate [{self.rate}] must be a number in [0, 1)")
        if self.level not in FD_LEVELS:
            raise ValueError(f"fd_level [{self.level}] is not one of {', '.join(FD_LEVELS)}")

    def views(self, encoding: Encoding) -> tuple[Encoding, Encoding]:
        return self.dropped(encoding, (set(), set()))

    def dropped(
        self, encoding: Encoding, masked: tuple[set[str], set[str]]
    ) -> tuple[Encoding, Encoding]:
        """Two dropout views; view k has the item features of the modalities ``masked[k]`` at zero."""
        tables = {name: self.encoder.table(name) for name in self.encoder.names}
        if self.level == "layer":
            first, second = (self._drop_layers(tables, encoding, names) for names in masked)
            return first, second
        return self._drop_features(tables, encoding, masked)

    def _drop_features(self, tables, encoding: Encoding, masked) -> tuple[Encoding, Encoding]:
        first: dict[str, Part | None] = dict.fromkeys(tables)
        second: dict[str, Part | None] = dict.fromkeys(tables)
        for name, table in tables.items():
            # Those of one table together, whose gradients are then added up once.
            parts = [part for part, names in zip((first, second), masked) if name not in names]
            masks = [self.keep_mask(table) for _ in parts]
            arrivals = encoding.propagation.from_masked_items(table, masks)
            for part, arrived in zip(parts, arrivals):
                part[name] = Part(*arrived)
        return replace(encoding, item_parts=first), replace(encoding, item_parts=second)

    def _drop_layers(self, tables, encoding: Encoding, masked) -> Encoding:
        user_table = self.encoder.user_embedding.weight
        hops = [self._hop_dropping] * self.encoder.propagation.n_layers
        parts = {}
        for name, table in tables.items():
            item_table = torch.zeros_like(table) if name in masked else table
            parts[name] = encoding.rows.of(*mean_over_layers(hops, user_table, item_table))
        return replace(encoding, user_part=None, item_parts=parts)

    def _hop_dropping(self, on_users: Tensor, on_items: Tensor) -> tuple[Tensor, Tensor]:
        on_users, on_items = self.encoder.propagation.hop(on_users, on_items)
        return self.drop_state(on_users), self.drop_state(on_items)

    def keep_mask(self, table: Tensor) -> Tensor:
        """M of Eq. 8: ones where a factor is kept, zeros elsewhere; the shape of ``table``."""
        return draw_mask(table, self.rate, self.encoder.columns)

    def drop_state(self, states: Tensor) -> Tensor:
        """Dropout of node states, survivors divided by 1 - rate."""
        return states * (self.keep_mask(states) / (1 - self.rate))
