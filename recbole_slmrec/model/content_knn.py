"""ContentKNN: an item is scored by its likeness to those that a user has."""

from __future__ import annotations

import numpy as np
import torch
from recbole.model.abstract_recommender import GeneralRecommender
from recbole.utils import InputType, ModelType
from scipy.sparse import csr_matrix
from torch import Tensor

from recbole_slmrec.data.modality import DenseModality
from recbole_slmrec.graph.item_graph import neighbour_matrix
from recbole_slmrec.graph.nearest import NONE
from recbole_slmrec.model.kept import kept_folder
from recbole_slmrec.model.neighbours import kept_content_neighbours
from recbole_slmrec.model.recommender import check_modalities, check_size


class ContentKNN(GeneralRecommender):
    r"""Nearest neighbours by content: nothing is learnt, and only features tell items apart.

    ItemKNN (Sarwar et al., WWW 2001) with the cosine of features in the place of that of users:

    .. math::
        \hat y_{ui} = \sum_{j \in I_u \cap N_k(i)} \cos(x_i, x_j)

    x_i is the features of all selected modalities side by side, I_u the user's training items and
    N_k(i) the k items nearest to i, without i itself, or all others where there are fewer. An item
    without features scores 0 and is nobody's neighbour. An item that nobody has is scored as any
    other, so that a data set may hold items before they are sold.

    Every setting is described in ``properties/model/ContentKNN.yaml``.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a ``k`` out of range, without a modality, or for one of word lists.
    """

    type = ModelType.TRADITIONAL
    input_type = InputType.POINTWISE
    needs_modality = True

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        check_modalities(dataset, "ContentKNN", "ItemKNN")
        check_size(config, "k")
        features = _side_by_side(dataset.item_modalities)
        # One more, for the item itself is always among them.
        k = min(config["k"], self.n_items - 2) + 1
        neighbours = kept_content_neighbours("all modalities", features, k, kept_folder(config))
        self.cosines = _others(neighbours)
        # By neighbour, as a product with what users have wants it.
        self.from_neighbours = self.cosines.T.tocsr()
        users, items = (dataset.inter_feat[field].numpy() for field in (self.USER_ID, self.ITEM_ID))
        shape = (self.n_users, self.n_items)
        counts = csr_matrix((np.ones(len(users), np.float32), (users, items)), shape)
        self.interactions = (counts > 0).astype(np.float32)
        # RecBole's trainer wants something to optimise.
        self.fake_loss = torch.nn.Parameter(torch.zeros(1))

    def calculate_loss(self, interaction) -> Tensor:
        """Zero: there is nothing to learn."""
        return 0 * self.fake_loss.sum()

    def predict(self, interaction) -> Tensor:
        """The score of each row's user and item, shape (B,)."""
        users, items = (interaction[field].cpu().numpy() for field in (self.USER_ID, self.ITEM_ID))
        scores = self.interactions[users].multiply(self.cosines[items]).sum(axis=1)
        return torch.from_numpy(np.asarray(scores, np.float32).ravel()).to(self.device)

    def full_sort_predict(self, interaction) -> Tensor:
        """The score of each user with every item, padding included, shape (B * |I|,)."""
        users = interaction[self.USER_ID].cpu().numpy()
        scores = (self.interactions[users] @ self.from_neighbours).toarray()
        return torch.from_numpy(scores).view(-1).to(self.device)


def _side_by_side(modalities) -> Tensor:
    """The features of all modalities, shape (|I|, sum of D)."""
    for modality in modalities:
        if not isinstance(modality, DenseModality):
            raise ValueError(
                f"ContentKNN compares fixed features, but the modality {modality.name} is lists of "
                "words: leave it out of modalities, or give the words as a token_seq field"
            )
    return torch.from_numpy(np.concatenate([each.features for each in modalities], axis=1))


def _others(neighbours: np.ndarray) -> csr_matrix:
    """The cosines of each item with its neighbours but for itself, shape (|I|, |I|), float32."""
    items = np.arange(len(neighbours))[:, None]
    kept = (neighbours["item"] != NONE) & (neighbours["item"] != items)
    return neighbour_matrix(neighbours, kept, neighbours["cosine"].astype(np.float32))
