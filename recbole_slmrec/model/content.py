"""Matrix factorisation with item features, learnt by BPR: what MMBPR and VBPR share."""

from __future__ import annotations

import torch
from recbole.model.init import xavier_normal_initialization, xavier_uniform_initialization
from recbole.utils import InputType
from torch import Tensor, nn

from recbole_slmrec.model.feature_rows import place_of_features
from recbole_slmrec.model.losses import bpr
from recbole_slmrec.model.modality import item_features
from recbole_slmrec.model.recommender import VectorRecommender, check_negatives, check_size


class ContentFactorization(VectorRecommender):
    """Vectors of users and items, an item's made of its ID and its features, compared by BPR.

    A subclass makes its parameters and the two kinds of vectors. Those of a batch are made from the
    batch's rows alone, and a step needs nothing else.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a setting out of range; the message names the key.
    """

    input_type = InputType.PAIRWISE

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        check_size(config, "embedding_size")
        check_size(config, "word_embedding_size")
        check_negatives(config, type(self).__name__)
        place = place_of_features(config, dataset.item_modalities, self.n_items, self.device)
        self.features = nn.ModuleList(
            item_features(modality, self.n_items, config["word_embedding_size"], place)
            for modality in dataset.item_modalities
        )
        self.widths = [features.width for features in self.features]

    def user_vectors(self, users: Tensor) -> Tensor:
        """The vectors of ``users``, shape (B,): shape (B, k)."""
        raise NotImplementedError("a model says what its users' vectors are")

    def item_vectors(self, items: Tensor) -> Tensor:
        """The vectors of ``items``, shape (B,): shape (B, k)."""
        raise NotImplementedError("a model says what its items' vectors are")

    def forward(self) -> tuple[Tensor, Tensor]:
        """The vectors of all users and items: shapes (|U|, k) and (|I|, k)."""
        users = torch.arange(self.n_users, device=self.device)
        items = torch.arange(self.n_items, device=self.device)
        return self.user_vectors(users), self.item_vectors(items)

    def calculate_loss(self, interaction) -> Tensor:
        """BPR, a mean over the batch's triples (Rendle et al., 2009).

        RecBole's loader repeats the batch for k negatives, so that each row is one triple.
        """
        self.forget_tables()
        users = self.user_vectors(interaction[self.USER_ID])
        positives = self.item_vectors(interaction[self.ITEM_ID])
        negatives = self.item_vectors(interaction[self.NEG_ITEM_ID])
        return bpr(users, positives, negatives.unsqueeze(0))

    def initialise(self) -> None:
        """Xavier uniform; Xavier normal for words, as SLMRec has them."""
        self.apply(xavier_uniform_initialization)
        for module in self.features:
            module.apply(xavier_normal_initialization)
