"""LATTICE (Zhang et al., ACM MM 2021): a graph of items that is learnt beside the embeddings."""

from __future__ import annotations

from typing import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recbole_slmrec.graph.item_graph import ItemGraph
from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.model.graph_recommender import GraphRecommender
from recbole_slmrec.model.item_structure import ItemStructure
from recbole_slmrec.model.kept import kept_folder
from recbole_slmrec.model.losses import bpr, half_squares
from recbole_slmrec.model.neighbours import modality_neighbours
from recbole_slmrec.model.recommender import check_negatives, check_size, check_weight
from recbole_slmrec.model.rows import ALL, Part, Rows
from recbole_slmrec.model.unit import unit_rows


class LATTICE(GraphRecommender):
    r"""A collaborative model whose items take in their neighbours in a graph of features, partly learnt.

    Source: Zhang et al., Mining Latent Structures for Multimedia Recommendation, ACM MM 2021.

    .. math::
        z_u, z' = backbone(E_u, E_i), \quad h = A^n E_i, \quad z_i = z'_i + h_i / \lVert h_i \rVert

    A, of :class:`~recbole_slmrec.model.item_structure.ItemStructure`, is made anew in the first step of
    an epoch, through which its projections and shares of modalities are learnt, and is a constant in
    the others; evaluation makes it of the parameters as they are. As in the authors' code the learnt
    graphs of modalities are added before they are normalised, all at once.

    .. math::
        L = BPR(z_u, z_p, z_n) + \frac{\lambda}{2 B} \sum (\lVert z_u \rVert^2 + \lVert z_p \rVert^2 +
        \lVert z_n \rVert^2)

    The backbone is ``mf``, ``lightgcn``, the mean over L layers of (D + I)^-1 (A + I), or ``ngcf``. Every
    setting is described in ``properties/model/LATTICE.yaml``.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a setting out of range (the message names the key), or without a modality.
    """

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        check_negatives(config, "LATTICE")
        check_size(config, "item_graph_layers")
        check_weight(config, "reg_weight")
        _check_share(config["frozen_share"])
        if config["backbone"] not in BACKBONES:
            raise ValueError(
                f"backbone [{config['backbone']}] is not one of {', '.join(BACKBONES)}"
            )
        self.n_item_layers, self.reg_weight = config["item_graph_layers"], config["reg_weight"]
        d, k = config["embedding_size"], config["item_graph_k"]
        propagation = Propagation(self.block, config["n_layers"], "norm")
        self.backbone = BACKBONES[config["backbone"]](propagation, d)
        neighbours = [
            modality_neighbours(each, self.n_items, k, kept_folder(config))
            for each in self.modalities
        ]
        self.structure = ItemStructure(
            self.projections(d), neighbours, k, config["frozen_share"], self.n_items
        )
        self.item_graph: ItemGraph | None = None
        self.initialise()

    def forward(self) -> Part:
        """z of all users and items, with A of the parameters as they are: shapes (|U|, d), (|I|, d)."""
        graph = self.structure(self.features.values())
        return self._vectors(ALL, graph.power(self.n_item_layers, self.item_embedding.weight))

    def vectors_of_new_items(self, features: Sequence[Tensor]) -> Tensor:
        """z of items without interactions and with a zero embedding: shape (n, d).

        Args:
            features: in each modality, shape (n, D).
        """
        nearest = self.nearest_of_new(features, self.structure.k - 1)
        graph = self.structure(self.features.values())
        joined = self.structure.joined(self.features.values(), features, nearest)
        E = self.item_embedding.weight
        h = joined.power(self.n_item_layers, lambda x: graph.power(1, x), E)
        return self.backbone.of_isolated(torch.zeros_like(h)) + unit_rows(h)

    def start_epoch(self) -> None:
        """Has the next step make the graph of items."""
        self.item_graph = None

    def calculate_loss(self, interaction) -> Tensor:
        """L of a batch; that of the first one of an epoch makes A, and teaches it."""
        self.forget_tables()
        rows = Rows.with_negatives(*self.batch(interaction))
        triples = rows.triples(self._vectors(rows, self._h(rows)))
        return bpr(*triples) + self.reg_weight * half_squares(*triples)

    def _h(self, rows: Rows) -> Tensor:
        """h of the distinct items of ``rows``."""
        E = self.item_embedding.weight
        if self.item_graph is not None:
            return self.item_graph.power(self.n_item_layers, E, rows.items)
        graph = self.structure(self.features.values())
        self.item_graph = ItemGraph(graph.matrix(), self.device)
        return graph.power(self.n_item_layers, E)[rows.items]

    def _vectors(self, rows: Rows, h: Tensor) -> Part:
        z = self.backbone(self.user_embedding.weight, self.item_embedding.weight, rows)
        return Part(z.on_users, z.on_items + unit_rows(h))


class MF(nn.Module):
    """The embeddings as they are (BPR-MF, Rendle et al., 2009).

    Args:
        propagation: is not needed.
        width: d, likewise.
    """

    def __init__(self, propagation: Propagation, width: int):
        super().__init__()

    def forward(self, on_users: Tensor, on_items: Tensor, rows: Rows) -> Part:
        """The distinct ``rows`` of embeddings, shapes (|U|, d) and (|I|, d)."""
        return rows.of(on_users, on_items)

    def of_isolated(self, x: Tensor) -> Tensor:
        """What becomes of the embeddings of nodes without a neighbour, shape (n, d)."""
        return x


class LightGCN(nn.Module):
    """The mean over layers of what is propagated (He et al., SIGIR 2020).

    Args:
        propagation: the graph's.
        width: d, which is not needed.
    """

    def __init__(self, propagation: Propagation, width: int):
        super().__init__()
        self.propagation = propagation

    def forward(self, on_users: Tensor, on_items: Tensor, rows: Rows) -> Part:
        """As :meth:`MF.forward`, propagated."""
        return Part(*self.propagation.at(rows.users, rows.items).of_both(on_users, on_items))

    def of_isolated(self, x: Tensor) -> Tensor:
        """As :meth:`MF.of_isolated`: a self loop of weight 1 leaves them as they are."""
        return x


class NGCF(nn.Module):
    r"""Layers x to LeakyReLU(W_1 y) + LeakyReLU(W_2 (y * x)), y = A_hat x (Wang et al., SIGIR 2019).

    As LATTICE has it: the mean over the embeddings and the layers' rows, each brought to length one,
    in the place of all side by side; W_1 and W_2 with biases, LeakyReLU of slope 0.01, no dropout.

    Args:
        propagation: of which each layer takes one hop.
        width: d.
    """

    def __init__(self, propagation: Propagation, width: int):
        super().__init__()
        self.hop = propagation.hop
        n_layers = propagation.n_layers
        self.W_1 = nn.ModuleList(nn.Linear(width, width) for _ in range(n_layers))
        self.W_2 = nn.ModuleList(nn.Linear(width, width) for _ in range(n_layers))

    def forward(self, on_users: Tensor, on_items: Tensor, rows: Rows) -> Part:
        """As :meth:`MF.forward`, convolved."""
        sides = [on_users, on_items]
        layers = [rows.of(*sides)]
        for layer in range(len(self.W_1)):
            sides = [self._convolved(layer, x, y) for x, y in zip(sides, self.hop(*sides))]
            layers.append(rows.of(*map(unit_rows, sides)))
        return Part(*(sum(side) / len(layers) for side in zip(*layers)))

    def of_isolated(self, x: Tensor) -> Tensor:
        """As :meth:`MF.of_isolated`, by a self loop of weight 1 in each layer."""
        mean = x
        for layer in range(len(self.W_1)):
            x = self._convolved(layer, x, x)
            mean = mean + unit_rows(x)
        return mean / (len(self.W_1) + 1)

    def _convolved(self, layer: int, x: Tensor, y: Tensor) -> Tensor:
        return F.leaky_relu(self.W_1[layer](y)) + F.leaky_relu(self.W_2[layer](y * x))


BACKBONES = {"mf": MF, "lightgcn": LightGCN, "ngcf": NGCF}


def _check_share(share: float) -> None:
    if not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise ValueError(f"frozen_share [{share}] must be a number from 0 to 1")
