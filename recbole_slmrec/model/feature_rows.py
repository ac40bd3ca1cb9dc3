"""Fixed features, on the device or, where they do not fit it, on the host, which sends the rows asked for."""

from __future__ import annotations

from dataclasses import dataclass
from logging import getLogger
from typing import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recbole_slmrec.data.modality import DenseModality, Modality

PLACES = ("auto", "device", "host")

# Of a GPU's free memory, for features: the rest is for tables, their gradients and moments, and a step.
_SHARE = 0.5

# Numbers that go over at a time where all rows are wanted: 64 MiB in float32.
_BLOCK = 2**24


@dataclass(frozen=True)
class Place:
    """Where features are kept.

    Attributes:
        device: where their rows are asked for.
        on_host: whether they stay in the host's memory.
    """

    device: torch.device
    on_host: bool = False


def place_of_features(
    config, modalities: Iterable[Modality], n_rows: int, device: torch.device
) -> Place:
    """Where the setting ``features_on`` has a model's features.

    Args:
        config: reads ``features_on``: ``device``, ``host``, or ``auto``: the host where a GPU would have
            to give more than half of its free memory.
        modalities: of the items; those of words are trained and stay on the device.
        n_rows: how many rows each modality's tables have together.
        device: that of the model.

    Raises:
        ValueError: for another ``features_on``.
    """
    where = config["features_on"]
    if where not in PLACES:
        raise ValueError(f"features_on [{where}] is not one of {', '.join(PLACES)}")
    if where != "auto" or device.type != "cuda":
        return Place(device, where == "host")
    widths = [m.features.shape[1] for m in modalities if isinstance(m, DenseModality)]
    needed = n_rows * sum(widths) * torch.finfo(torch.get_default_dtype()).bits // 8
    free, _ = torch.cuda.mem_get_info(device)
    if needed <= _SHARE * free:
        return Place(device)
    getLogger().info(
        f"features take {needed / 2**30:,.1f} GiB, and {free / 2**30:,.1f} GiB of the GPU are free: they "
        "stay on the host, which sends the rows of each batch (features_on)"
    )
    return Place(device, on_host=True)


class FeatureRows(nn.Module):
    """A table that is not trained, whose rows come to the device when they are asked for.

    Args:
        table: shape (n, D).
        place: where it is kept.

    Attributes:
        width: D.
    """

    def __init__(self, table: Tensor, place: Place):
        super().__init__()
        self.place, self.width = place, table.shape[1]
        table = table.to("cpu" if place.on_host else place.device, torch.get_default_dtype())
        # Made from the data anew at each start, so no checkpoint carries it.
        self.register_buffer("on_device", None if place.on_host else table, persistent=False)
        self._on_host = table if place.on_host else None

    def __len__(self) -> int:
        return len(self.on_device if self._on_host is None else self._on_host)

    def rows(self, rows: Tensor) -> Tensor:
        """The rows ``rows``, shape (B,): shape (B, D)."""
        if self._on_host is None:
            return self.on_device.index_select(0, rows)
        return self._sent(self._on_host.index_select(0, rows.cpu()))

    def all_rows(self) -> Tensor:
        """All rows on the device: shape (n, D)."""
        return self.on_device if self._on_host is None else self._sent(self._on_host)

    def products(self, weight: Tensor, rows: Tensor | None = None) -> Tensor:
        """The rows, all if None, times a weight of shape (d, D), transposed: shape (n, d)."""
        if rows is not None or self._on_host is None:
            return F.linear(self.all_rows() if rows is None else self.rows(rows), weight)
        blocks = self._on_host.split(max(_BLOCK // self.width, 1))
        return torch.cat([F.linear(self._sent(block), weight) for block in blocks])

    def _sent(self, rows: Tensor) -> Tensor:
        """Rows of the host on the device; the copy runs while the host goes on."""
        if self.place.device.type != "cuda":
            return rows.to(self.place.device)
        return rows.pin_memory().to(self.place.device, non_blocking=True)
