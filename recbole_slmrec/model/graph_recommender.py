"""What the models share that have an embedding a node, the interaction graph, and features beside it."""

from __future__ import annotations

from typing import Sequence

import numpy as np
import torch
from recbole.model.init import xavier_normal_initialization, xavier_uniform_initialization
from recbole.utils import InputType
from torch import Tensor, nn

from recbole_slmrec.data.modality import DenseModality, Modality
from recbole_slmrec.graph.nearest import nearest_to
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.model.feature_rows import place_of_features
from recbole_slmrec.model.modality import FixedFeatures, WordFeatures, item_features, module_key
from recbole_slmrec.model.recommender import VectorRecommender, check_modalities, check_size
from recbole_slmrec.model.rows import Part, Rows


class GraphRecommender(VectorRecommender):
    """Embeddings E_u and E_i of width d on the graph of training, and the items' features.

    A subclass makes its propagation and what it makes of the features, and calls ``initialise()``
    when all modules are there.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a setting out of range (the message names the key), or without a modality.

    Attributes:
        block: the interactions.
        user_embedding: E_u, shape (|U|, d).
        item_embedding: E_i, shape (|I|, d).
        modalities: what the items have.
        features: those of each modality, by its :func:`~recbole_slmrec.model.modality.module_key`.
    """

    input_type = InputType.PAIRWISE
    needs_modality = True

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        check_modalities(dataset, type(self).__name__, "LightGCN")
        check_size(config, "embedding_size")
        check_size(config, "word_embedding_size")
        graph = self.interactions(dataset)
        self.block = InteractionBlock(graph, self.device, config["graph_backend"])
        self.user_embedding = nn.Embedding(self.n_users, config["embedding_size"])
        self.item_embedding = nn.Embedding(self.n_items, config["embedding_size"])
        self.modalities: Sequence[Modality] = dataset.item_modalities
        self.features: nn.ModuleDict[str, FixedFeatures | WordFeatures] = nn.ModuleDict()
        place = place_of_features(config, self.modalities, self.n_items, self.device)
        for modality in self.modalities:
            self.features[module_key(modality.name)] = item_features(
                modality, self.n_items, config["word_embedding_size"], place
            )

    def propagated(self, propagation: Propagation, rows: Rows) -> Part:
        """LGCN_L(E_u, E_i), the mean over layers of what is propagated, on the distinct ``rows``."""
        at = propagation.at(rows.users, rows.items)
        return Part(*at.of_both(self.user_embedding.weight, self.item_embedding.weight))

    def projections(self, width: int, bias: bool = True) -> nn.ModuleDict:
        """A linear map of each modality's features to ``width`` columns, by the keys of ``features``."""
        maps = nn.ModuleDict()
        for key, features in self.features.items():
            maps[key] = nn.Linear(features.width, width, bias)
        return maps

    def nearest_of_new(
        self, features: Sequence[Tensor], k: int
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each modality the k items nearest to new ones, and which of the new ones have features.

        Args:
            features: of the new items, shape (n, D) each; those of a modality of word lists do not count,
                for what new items have in it is not known.
            k: 0 or more.
        """
        found = []
        for modality, rows in zip(self.modalities, features):
            if not isinstance(modality, DenseModality):
                rows = rows.new_zeros(len(rows), 1)
                known = rows.new_zeros(self.n_items, 1)
            else:
                known = torch.from_numpy(modality.features).to(rows)
            found.append((nearest_to(rows, known, k), rows.any(dim=1).cpu().numpy()))
        return found

    def initialise(self) -> None:
        """Xavier uniform, biases zero; Xavier normal for words."""
        self.apply(xavier_uniform_initialization)
        self.features.apply(xavier_normal_initialization)
