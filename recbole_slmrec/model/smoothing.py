"""Fused item vectors with a share of their neighbours in an item graph."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import torch
from torch import Tensor, nn

from recbole_slmrec.data.modality import DenseModality, Modality
from recbole_slmrec.graph.item_graph import ItemGraph, binary, mean_graph
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.model.neighbours import kept_content_neighbours, kept_shared_user_neighbours
from recbole_slmrec.model.rows import Rows

ITEM_GRAPHS = ("none", "users", "features", "both")


class Smoothing(nn.Module):
    r"""z_i + (S z)_i with a frozen graph S among items, in the place where FREEDOM has it.

    S is the mean of binary kNN graphs, whose rows sum to 1: of the items that share users (what ItemKNN
    knows), of the modalities' features (Zhou and Shen, MM 2023), or of both. An item that has no
    neighbour in any of them, such as one without interactions under ``users``, keeps z_i.

    Args:
        graph: S.
    """

    def __init__(self, graph: ItemGraph):
        super().__init__()
        self.graph = graph

    def needed(self, rows: Rows) -> Rows:
        """The rows with the neighbours of their items: what is to be encoded for them."""
        if rows.items is None:
            return rows
        _, edges = self.graph.sums.edges(rows.items)
        return rows.with_more_items(self.graph.sums.columns[edges])

    def forward(self, z: Tensor, encoded: Rows, rows: Rows) -> Tensor:
        """The smoothed vectors of the items of ``rows``.

        Args:
            z: fused vectors of the items of ``encoded``, shape (m, d).
            encoded: what :meth:`needed` gave.
            rows: the rows that are compared.

        Returns:
            Shape (n, d).
        """
        if encoded.items is None:
            return z + self.graph(z)
        places = torch.searchsorted(encoded.items, rows.items)
        everywhere = z.new_zeros(self.graph.sums.n_sources, z.shape[1])
        everywhere = everywhere.index_copy(0, encoded.items, z)
        return z.index_select(0, places) + self.graph.at(rows.items)(everywhere)


def smoothing(
    kind: str,
    k: int,
    block: InteractionBlock,
    modalities: Sequence[Modality],
    folder: Path | None,
) -> Smoothing | None:
    """The smoothing that ``item_graph`` names; None for ``none``.

    Args:
        kind: one of ``ITEM_GRAPHS``.
        k: neighbours of an item, itself among them.
        block: the training graph.
        modalities: the model's content modalities; word lists have no features to compare.
        folder: where neighbours lie between runs; None makes them each time.

    Raises:
        ValueError: for an unknown kind, a ``k`` out of range, or ``features`` without any.
    """
    if kind not in ITEM_GRAPHS:
        raise ValueError(f"item_graph [{kind}] is not one of {', '.join(ITEM_GRAPHS)}")
    if kind == "none":
        return None
    graphs = []
    if kind in ("users", "both"):
        graphs.append(binary(kept_shared_user_neighbours(block, k, 0, folder)))
    if kind in ("features", "both"):
        dense = [each for each in modalities if isinstance(each, DenseModality)]
        if not dense:
            raise ValueError(
                f"item_graph: {kind} compares items by their features, but no modality with features "
                "is used: use item_graph: users or none"
            )
        for modality in dense:
            features = torch.from_numpy(modality.features)
            graphs.append(binary(kept_content_neighbours(modality.name, features, k, folder)))
    return Smoothing(ItemGraph(mean_graph(graphs), block.user_degrees.device))
