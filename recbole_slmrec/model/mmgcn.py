"""MMGCN (Wei et al., ACM MM 2019): a graph convolution network for each modality."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from recbole.model.init import xavier_normal_initialization
from recbole.utils import InputType
from torch import Tensor, nn

from recbole_slmrec.data.modality import Modality
from recbole_slmrec.graph.aggregation import AGGREGATIONS, Aggregation
from recbole_slmrec.model.feature_rows import Place, place_of_features
from recbole_slmrec.model.losses import bpr
from recbole_slmrec.model.modality import item_features, module_key
from recbole_slmrec.model.recommender import (
    VectorRecommender,
    check_modalities,
    check_negatives,
    check_size,
    check_weight,
)
from recbole_slmrec.model.unit import unit_rows


class MMGCN(VectorRecommender):
    r"""A graph convolution network per modality; their outputs are averaged and trained by BPR.

    Source: Wei et al., MMGCN: Multi-modal Graph Convolution Network for Personalized Recommendation
    of Micro-video, ACM MM 2019.

    In each modality users have a table of preferences and items their features; the rows of both
    are L2-normalised, a zero row staying zero. A layer takes these rows x, and the ID embeddings,
    which all modalities share, to the next rows x':

    .. math::
        h &= \mathrm{LeakyReLU}(\mathrm{AGG}_{neighbours}(W_1 x)) \\
        \hat x &= \mathrm{LeakyReLU}(W_2 x) + x_{id} \\
        x' &= \mathrm{LeakyReLU}(W_3 h + \hat x) \text{ or } \mathrm{LeakyReLU}(W_3 [h, \hat x])

    A score is the inner product of the mean over modalities of the last layer's rows. Every setting
    is described in ``properties/model/MMGCN.yaml``.

    The paper leaves some things open. As in its authors' code: LeakyReLU has slope 0.01; W_1 is
    square and has no bias (nor has it in the paper's equation), so that an isolated node has h = 0;
    W_2, W_3 and the projection of wide features have one. Decided here: features no wider than
    ``latent_size`` are taken as they are, and of a single column the normalisation leaves the sign;
    parameters start Xavier normal, biases at zero; the L2 term is half the squared norms of the ID
    embeddings of a (user, positive, negative) triple and of its user's preferences, averaged over
    the batch.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a setting out of range (the message names the key), or without a modality.
    """

    input_type = InputType.PAIRWISE
    needs_modality = True

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        _check(config)
        check_modalities(dataset, "MMGCN", "LightGCN")
        self.reg_weight = config["reg_weight"]
        graph = self.interactions(dataset)
        self.aggregate = AGGREGATIONS[config["aggregation"]](
            graph, self.device, config["graph_backend"]
        )
        self.id_embedding = nn.Embedding(self.n_users + self.n_items, config["embedding_size"])
        place = place_of_features(config, dataset.item_modalities, self.n_items, self.device)
        self.modalities = nn.ModuleDict(
            {
                module_key(modality.name): ModalityGCN(
                    modality, self.n_users, self.n_items, config, place
                )
                for modality in dataset.item_modalities
            }
        )
        self.apply(xavier_normal_initialization)

    def forward(self) -> tuple[Tensor, Tensor]:
        """The mean over modalities, for all users and items: shapes (|U|, d) and (|I|, d)."""
        ids = self.id_embedding.weight
        rows = [modality(ids, self.aggregate) for modality in self.modalities.values()]
        on_users, on_items = (sum(rows) / len(rows)).split([self.n_users, self.n_items])
        return on_users, on_items

    def calculate_loss(self, interaction) -> Tensor:
        """BPR plus the L2 term, each a mean over the batch's (user, positive, negative) triples.

        RecBole's loader repeats the batch for k negatives, so that each row is one triple.
        """
        self.forget_tables()
        users, positives = interaction[self.USER_ID], interaction[self.ITEM_ID]
        negatives = interaction[self.NEG_ITEM_ID]
        on_users, on_items = self.forward()
        loss = bpr(on_users[users], on_items[positives], on_items[negatives].unsqueeze(0))
        return loss + self.reg_weight * self._l2(users, positives, negatives)

    def _l2(self, users: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
        nodes = torch.cat([users, self.n_users + positives, self.n_users + negatives])
        squares = self.id_embedding(nodes).square().sum()
        for modality in self.modalities.values():
            squares = squares + modality.preference(users).square().sum()
        return squares / (2 * len(users))


class ModalityGCN(nn.Module):
    """The graph convolution network of one modality.

    Args:
        modality: the features of its items.
        n_users: |U|.
        n_items: |I|.
        config: the run's configuration.
        place: where the features are kept.
    """

    def __init__(self, modality: Modality, n_users: int, n_items: int, config, place: Place):
        super().__init__()
        latent_size, word_size = config["latent_size"], config["word_embedding_size"]
        self.features = item_features(modality, n_items, word_size, place)
        width = self.features.width
        wide = width > latent_size
        self.projection = nn.Linear(width, latent_size) if wide else nn.Identity()
        width, d = min(width, latent_size), config["embedding_size"]
        self.preference = nn.Embedding(n_users, width)
        widths = [width] + [d] * (config["n_layers"] - 1)
        self.layers = nn.ModuleList(Layer(w, d, config["combine"]) for w in widths)

    def forward(self, ids: Tensor, aggregate: Aggregation) -> Tensor:
        """The last layer's rows, shape (|U| + |I|, d).

        Args:
            ids: the ID embeddings, shape (|U| + |I|, d).
            aggregate: an aggregation of :mod:`recbole_slmrec.graph.aggregation`.
        """
        items = self.projection(self.features.all_rows())
        x = unit_rows(torch.cat([self.preference.weight, items]))
        for layer in self.layers:
            x = layer(x, ids, aggregate)
        return x


class Layer(nn.Module):
    """One aggregation and combination (see :class:`MMGCN`): (|U| + |I|, width) to (|U| + |I|, d)."""

    def __init__(self, width: int, d: int, combine: str):
        super().__init__()
        self.W_1 = nn.Linear(width, width, bias=False)
        self.W_2 = nn.Linear(width, d)
        self.combine = COMBINATIONS[combine](width, d)

    def forward(self, x: Tensor, ids: Tensor, aggregate: Aggregation) -> Tensor:
        h = F.leaky_relu(aggregate(self.W_1(x)))
        x_hat = F.leaky_relu(self.W_2(x)) + ids
        return F.leaky_relu(self.combine(h, x_hat))


class Add(nn.Module):
    """W_3 h + x_hat."""

    def __init__(self, width: int, d: int):
        super().__init__()
        self.W_3 = nn.Linear(width, d)

    def forward(self, h: Tensor, x_hat: Tensor) -> Tensor:
        return self.W_3(h) + x_hat


class Concat(nn.Module):
    """W_3 [h, x_hat]."""

    def __init__(self, width: int, d: int):
        super().__init__()
        self.W_3 = nn.Linear(width + d, d)

    def forward(self, h: Tensor, x_hat: Tensor) -> Tensor:
        return self.W_3(torch.cat([h, x_hat], dim=1))


COMBINATIONS: dict[str, type[nn.Module]] = {"add": Add, "concat": Concat}


def _check(config) -> None:
    for key in ("embedding_size", "n_layers", "latent_size", "word_embedding_size"):
        check_size(config, key)
    for key, known in (("aggregation", AGGREGATIONS), ("combine", COMBINATIONS)):
        if config[key] not in known:
            raise ValueError(f"{key} [{config[key]}] is not one of {', '.join(known)}")
    check_weight(config, "reg_weight")
    check_negatives(config, "MMGCN")
