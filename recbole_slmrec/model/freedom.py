"""FREEDOM (Zhou and Shen, ACM MM 2023): a frozen graph among items, and a pruned one of interactions."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from recbole_slmrec.graph.item_graph import (
    ItemGraph,
    NewItems,
    binary,
    binary_of_new,
    mean_graph,
)
from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.graph.sub_graphs import SubGraphs
from recbole_slmrec.model.graph_recommender import GraphRecommender
from recbole_slmrec.model.kept import kept_folder
from recbole_slmrec.model.losses import bpr, bpr_of
from recbole_slmrec.model.neighbours import modality_neighbours
from recbole_slmrec.model.recommender import (
    check_negatives,
    check_share,
    check_size,
    check_weight,
)
from recbole_slmrec.model.rows import ALL, Part, Rows
from recbole_slmrec.processes.parallel import first_ones


class FREEDOM(GraphRecommender):
    r"""LightGCN beside a frozen graph of items that are alike, trained on pruned interactions.

    Source: Zhou and Shen, A Tale of Two Graphs: Freezing and Denoising Graph Structures for Multimodal
    Recommendation, ACM MM 2023.

    .. math::
        z_u, z' = LGCN_L(E_u, E_i), \quad z_i = z'_i + (S^n E_i)_i, \quad S = \sum_m w_m S_m

    S_m is the binary graph of the k nearest items in modality m, the item itself among them. Each
    epoch keeps a share of the interactions, drawn without replacement with a probability in proportion
    to :math:`1 / \sqrt{d_u d_i}`, and propagates with the degrees that are left; evaluation takes all
    of them. With x_i^m the features of item i,

    .. math::
        L = BPR(z_u, z_p, z_n) + \lambda \sum_m BPR(z_u, x_p^m W_m, x_n^m W_m)

    The W_m have no bias: it would add the same to both scores of a triple. A modality of word lists has
    the mean of trainable word embeddings for features, and items that share words for neighbours. A new
    item has what its neighbours give it, S^n E_i.

    Every setting is described in ``properties/model/FREEDOM.yaml``.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a setting out of range (the message names the key), or without a modality.
    """

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        check_negatives(config, "FREEDOM")
        check_size(config, "item_graph_layers")
        check_weight(config, "feature_weight")
        check_share(config, "prune_ratio")
        self.n_item_layers = config["item_graph_layers"]
        self.feature_weight, self.prune_ratio = config["feature_weight"], config["prune_ratio"]
        self.whole = Propagation(self.block, config["n_layers"])
        self.sub_graphs = SubGraphs(self.block)
        self.pruned: Propagation | None = None
        self.n_neighbours = config["item_graph_k"]
        self.shares = modality_shares(config, [each.name for each in self.modalities])
        self.item_graph = ItemGraph(self._item_graph(kept_folder(config)), self.device)
        self.W = self.projections(config["embedding_size"], bias=False)
        self.initialise()

    def forward(self) -> Part:
        """z of all users and items, by the whole graph: shapes (|U|, d) and (|I|, d)."""
        return self.vectors(self.whole, ALL)

    def vectors(self, propagation: Propagation, rows: Rows) -> Part:
        """z of the distinct ``rows``."""
        z = self.propagated(propagation, rows)
        h = self.item_graph.power(self.n_item_layers, self.item_embedding.weight, rows.items)
        return Part(z.on_users, z.on_items + h)

    def start_epoch(self) -> None:
        """Draws the interactions that the epoch keeps."""
        self.pruned = self.whole
        if self.prune_ratio:
            block = self.sub_graphs.of(self.keep_edges())
            self.pruned = Propagation(block, self.whole.n_layers)

    def keep_edges(self) -> Tensor:
        """Draws which edges an epoch keeps, true or false, shape (E,): by user, then by item.

        The first to come of arrivals with rates in proportion to the weights is drawn as from an urn,
        and so is the second of the rest (Efraimidis and Spirakis, 2006). Processes share a draw.
        """
        graph = self.sub_graphs
        degrees = (
            self.block.user_degrees[graph.users] * self.block.item_degrees[graph.items].double()
        )
        arrivals = first_ones(torch.empty_like(degrees).exponential_() * degrees.sqrt())
        first = arrivals.topk(self.n_kept, largest=False, sorted=False).indices
        return torch.zeros_like(arrivals, dtype=torch.bool).index_fill_(0, first, True)

    @property
    def n_kept(self) -> int:
        """How many interactions an epoch keeps; at least one."""
        return max(round((1 - self.prune_ratio) * len(self.sub_graphs.users)), 1)

    def vectors_of_new_items(self, features: Sequence[Tensor]) -> Tensor:
        """(S^n E_i) of items without interactions and with a zero embedding: shape (n, d).

        Args:
            features: in each modality, shape (n, D).
        """
        joined = [
            binary_of_new(*each, self.n_items)
            for each in self.nearest_of_new(features, self.n_neighbours - 1)
        ]
        shares = self.shares or [1 / len(joined)] * len(joined)
        weights = mean_graph([each.weights for each in joined], shares)
        own = sum(share * each.own for share, each in zip(shares, joined))
        E = self.item_embedding.weight
        return NewItems(weights, own).power(self.n_item_layers, self.item_graph, E)

    def calculate_loss(self, interaction) -> Tensor:
        """L of a batch, on the epoch's interactions."""
        self.forget_tables()
        if self.pruned is None:
            self.start_epoch()
        users, items, negatives = self.batch(interaction)
        rows = Rows.with_negatives(users, items, negatives)
        users, positives, others = rows.triples(self.vectors(self.pruned, rows))
        loss = bpr(users, positives, others)
        if self.feature_weight == 0:
            return loss
        for features, W in zip(self.features.values(), self.W.values()):
            # What a positive's projection is beyond a negative's: the map is linear.
            of_negatives = features.rows(negatives.flatten()).unflatten(0, negatives.shape)
            beyond = features.rows(items) - of_negatives
            loss = loss + self.feature_weight * bpr_of(users, W(beyond))
        return loss

    def _item_graph(self, folder: Path | None) -> csr_matrix:
        graphs = [
            binary(modality_neighbours(each, self.n_items, self.n_neighbours, folder))
            for each in self.modalities
        ]
        return mean_graph(graphs, self.shares)


def modality_shares(config, names: list[str]) -> list[float] | None:
    """The ``modality_weights`` in the order of ``names``; None where they are equal.

    Raises:
        ValueError: unless each modality has a number, 0 or more, and nothing else has.
    """
    weights = config["modality_weights"]
    if weights is None:
        return None
    if not isinstance(weights, dict) or set(weights) != set(names):
        raise ValueError(
            f"modality_weights [{weights}] must name each of the modalities {', '.join(names)}, such "
            f"as {{{', '.join(f'{name}: 0.5' for name in names)}}}; ~ weighs them equally"
        )
    for name in names:
        check_weight(weights, name)
    return [weights[name] for name in names]
