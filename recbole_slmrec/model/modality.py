"""Content modalities inside the encoder: E_m = X_m W_m + b_m, propagated."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recbole_slmrec.data.modality import DenseModality, Modality, WordModality
from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.model.feature_rows import FeatureRows, Place
from recbole_slmrec.model.propagated import propagated_features
from recbole_slmrec.processes.columns import Columns


class DenseContent(nn.Module):
    """Fixed features behind a linear projection.

    Propagation P is linear, so P(X W + 1 b') = P(X) W + P(1) b': features are propagated once, here,
    and a training step needs no more than the rows of its batch.

    Args:
        modality: its features, shape (|I|, D).
        propagation: the encoder's propagation.
        columns: those of d that this process holds, to which it projects.
        place: where the features are kept, also those that are propagated.
        folder: where propagated features lie between runs; None makes them each time.
    """

    def __init__(
        self,
        modality: DenseModality,
        propagation: Propagation,
        columns: Columns,
        place: Place,
        folder: Path | None,
    ):
        super().__init__()
        features = torch.from_numpy(modality.features).to(torch.get_default_dtype())
        self.projection = columns.cut(nn.Linear(features.shape[1], columns.width), weight=0, bias=0)
        on_users, on_items = propagated_features(modality.name, features, propagation, folder)
        ones = torch.ones(len(features), 1, dtype=features.dtype, device=place.device)
        ones_on_users, ones_on_items = propagation.from_items(ones)
        self.features = FeatureRows(features, place)
        self.features_on_users = FeatureRows(on_users, place)
        self.features_on_items = FeatureRows(on_items, place)
        # Made from the data anew at each start, so no checkpoint carries them.
        self.register_buffer("ones_on_users", ones_on_users, persistent=False)
        self.register_buffer("ones_on_items", ones_on_items, persistent=False)

    def table(self) -> Tensor:
        """E_m, shape (|I|, d)."""
        return self.features.products(self.projection.weight) + self.projection.bias

    def propagated(self, users: Tensor | None, items: Tensor | None) -> tuple[Tensor, Tensor]:
        """The propagated E_m on these users and items, all if None: a table of d columns each."""
        return (
            self._projected(self.features_on_users, self.ones_on_users, users),
            self._projected(self.features_on_items, self.ones_on_items, items),
        )

    def _projected(self, features: FeatureRows, ones: Tensor, rows: Tensor | None) -> Tensor:
        products = features.products(self.projection.weight, rows)
        ones = ones if rows is None else ones.index_select(0, rows)
        return torch.addcmul(products, ones, self.projection.bias)


class FixedFeatures(FeatureRows):
    """The features of a matrix or a field, as they are.

    Args:
        modality: its features, shape (|I|, D).
        place: where they are kept.
    """

    def __init__(self, modality: DenseModality, place: Place):
        super().__init__(torch.from_numpy(modality.features), place)


class WordFeatures(nn.Module):
    """Word lists: the mean of an item's trainable word embeddings is its feature.

    Args:
        modality: pairs of item and word.
        n_items: |I|.
        word_embedding_size: D, width of a word's embedding.
        device: where the pairs are kept.

    Attributes:
        width: D.
    """

    def __init__(
        self, modality: WordModality, n_items: int, word_embedding_size: int, device: torch.device
    ):
        super().__init__()
        self.width = word_embedding_size
        self.word_embedding = nn.Embedding(modality.n_words, word_embedding_size)
        items = torch.from_numpy(modality.items).to(device)
        words = torch.from_numpy(modality.words).to(device)
        order = torch.argsort(items, stable=True)
        counts = torch.bincount(items, minlength=n_items)
        self.register_buffer("words", words[order], persistent=False)
        self.register_buffer("offsets", counts.cumsum(0) - counts, persistent=False)
        self.register_buffer("counts", counts, persistent=False)

    def all_rows(self) -> Tensor:
        """Shape (|I|, D); an item without words has the zero feature."""
        return self._means(self.words, self.offsets)

    def rows(self, items: Tensor) -> Tensor:
        """The features of ``items``, shape (B,), from their words alone: shape (B, D)."""
        counts = self.counts[items]
        offsets = counts.cumsum(0) - counts
        places = torch.repeat_interleave(self.offsets[items] - offsets, counts)
        places += torch.arange(len(places), device=places.device)
        return self._means(self.words[places], offsets)

    def _means(self, words: Tensor, offsets: Tensor) -> Tensor:
        return F.embedding_bag(words, self.word_embedding.weight, offsets, mode="mean")


class WordContent(WordFeatures):
    """Word lists behind a linear projection.

    Args:
        modality: pairs of item and word.
        n_items: |I|.
        columns: those of d that this process holds, to which it projects.
        word_embedding_size: D, width of a word's embedding.
        device: where the pairs are kept.
    """

    def __init__(
        self,
        modality: WordModality,
        n_items: int,
        columns: Columns,
        word_embedding_size: int,
        device: torch.device,
    ):
        super().__init__(modality, n_items, word_embedding_size, device)
        self.columns = columns
        self.projection = columns.cut(nn.Linear(self.width, columns.width), weight=0, bias=0)

    def table(self) -> Tensor:
        """E_m, shape (|I|, d)."""
        return self.projection(self.all_rows())

    def _means(self, words: Tensor, offsets: Tensor) -> Tensor:
        table = self.columns.shared(self.word_embedding.weight)
        return F.embedding_bag(words, table, offsets, mode="mean")


def item_features(
    modality: Modality, n_items: int, word_embedding_size: int, place: Place | torch.device
) -> FixedFeatures | WordFeatures:
    """The features of a modality of either kind, for models that take their rows as they need them;
    a device stands for being kept there."""
    place = place if isinstance(place, Place) else Place(place)
    if isinstance(modality, DenseModality):
        return FixedFeatures(modality, place)
    return WordFeatures(modality, n_items, word_embedding_size, place.device)


def module_key(name: str) -> str:
    """The key of the modality ``name`` in an ``nn.ModuleDict``."""
    # nn.ModuleDict refuses dots and the names of its own methods, such as "items".
    return "modality_" + name.replace(".", "·")
