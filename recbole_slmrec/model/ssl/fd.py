"""FD, feature dropout: each view has factors of the features dropped (SLMRec Eq. 7-8)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from recbole_slmrec.model.encoder import Encoder, Encoding
from recbole_slmrec.model.rows import Part, Rows
from recbole_slmrec.model.ssl.views import TwoViews

_SMALLEST = torch.iinfo(torch.int64).min

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
        super().__init__(config)
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
        return self.dropped(encoding, (set(), set()))

    def dropped(
        self, encoding: Encoding, masked: tuple[set[str], set[str]]
    ) -> tuple[Encoding, Encoding]:
        """Two dropout views; view k has the item features of the modalities ``masked[k]`` at zero."""
        tables = {name: self.encoder.table(name) for name in self.encoder.names}
        if self.level == "feature":
            return tuple(self._drop_features(tables, encoding, names) for names in masked)
        return tuple(self._drop_layers(tables, encoding, names) for names in masked)

    def _drop_features(self, tables, encoding: Encoding, masked) -> Encoding:
        parts = {
            name: None
            if name in masked
            else Part(*encoding.propagation.from_masked_items(table, self.keep_mask(table)))
            for name, table in tables.items()
        }
        return replace(encoding, item_parts=parts)

    def _drop_layers(self, tables, encoding: Encoding, masked) -> Encoding:
        user_table = self.encoder.user_embedding.weight
        parts = {}
        for name, table in tables.items():
            item_table = torch.zeros_like(table) if name in masked else table
            parts[name] = self._propagate_dropping(user_table, item_table, encoding.rows)
        return replace(encoding, user_part=None, item_parts=parts)

    def _propagate_dropping(self, on_users: Tensor, on_items: Tensor, rows: Rows) -> Part:
        propagation = self.encoder.propagation
        sum_users, sum_items = on_users, on_items
        for _ in range(propagation.n_layers):
            on_users, on_items = propagation.hop(on_users, on_items)
            on_users, on_items = self.drop_state(on_users), self.drop_state(on_items)
            sum_users, sum_items = sum_users + on_users, sum_items + on_items
        n_tables = propagation.n_layers + 1
        return rows.of(sum_users / n_tables, sum_items / n_tables)

    def keep_mask(self, table: Tensor) -> Tensor:
        """M of Eq. 8: ones where a factor is kept, zeros elsewhere; the shape of ``table``."""
        return draw_mask(table, self.rate)

    def drop_state(self, states: Tensor) -> Tensor:
        """Dropout of node states, survivors divided by 1 - rate."""
        return states * (self.keep_mask(states) / (1 - self.rate))


def draw_mask(table: Tensor, rate: float) -> Tensor:
    """Zeros with the probability ``rate``, to 1 in 65,536, and ones, of the shape of ``table``."""
    # Four draws of 16 bits from each random number take an eighth of bernoulli_'s time.
    numbers = torch.empty(-(-table.numel() // 4), dtype=torch.int64, device=table.device)
    draws = numbers.random_(_SMALLEST, None).view(torch.int16)[: table.numel()]
    return (draws >= round(rate * 2**16) - 2**15).view(table.shape).to(table.dtype)
