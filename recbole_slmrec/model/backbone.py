"""The backbone of SLMRec: LightGCN per modality, fused; a subclass says what it learns from."""

from __future__ import annotations

from typing import Sequence

from recbole.model.init import xavier_normal_initialization, xavier_uniform_initialization
from torch import Tensor

from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.model.encoder import Encoder, Encoding
from recbole_slmrec.model.feature_rows import place_of_features
from recbole_slmrec.model.fusion import Fusion
from recbole_slmrec.model.kept import kept_folder
from recbole_slmrec.model.modality import WordFeatures
from recbole_slmrec.model.recommender import VectorRecommender
from recbole_slmrec.model.rows import ALL, Part, Rows, side_by_side
from recbole_slmrec.processes.columns import columns_of


class MultimodalLightGCN(VectorRecommender):
    """Encoder per modality and fusion (SLMRec Eq. 1-6).

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a setting out of range; the message names the key.

    Attributes:
        columns_held: which of an embedding's columns this process holds.
    """

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        graph = self.interactions(dataset)
        block = InteractionBlock(graph, self.device, config["graph_backend"])
        propagation = Propagation(block, config["n_layers"], config["adjacency"])
        self.columns_held = columns_of(config["embedding_size"])
        self.encoder = Encoder(
            propagation,
            dataset.item_modalities,
            self.columns_held,
            config["word_embedding_size"],
            place_of_features(
                config, dataset.item_modalities, self.n_users + 2 * self.n_items, self.device
            ),
            kept_folder(config),
        )
        self.embedding_size = config["embedding_size"]
        self.fusion = Fusion(len(self.encoder.names), self.columns_held, config["fusion"])

    def forward(self) -> Part:
        """The vectors of all users and items, whose inner products are the scores: the columns of
        :meth:`parts` side by side, shapes (|U|, k) and (|I|, k)."""
        return side_by_side(self.parts().values())

    def parts(self) -> dict[str, Part]:
        """The vectors by what they are made of: ``embedding``, of d columns."""
        return {"embedding": Part(*(z / self.lengths(z) for z in self.compared(ALL)[0]))}

    def compared(self, rows: Rows) -> tuple[Part, Encoding]:
        """What a score compares, of the distinct ones of ``rows``, and the encoding that it is made of."""
        encoding = self.encoder(rows)
        return self.fused(encoding), encoding

    def smoothed(self, z: Tensor) -> Tensor:
        """What becomes of the fused vectors of all items, or of a part of them, shape (|I|, d)."""
        return z

    def of_new_items(self, z: Tensor, features: dict[str, Tensor], known: Part) -> Tensor:
        """The vectors of items that nobody has: shape (n, k).

        Args:
            z: fused, shape (n, d).
            features: by modality, shape (n, D) each.
            known: the vectors of all others.
        """
        return z / self.lengths(z)

    def of_new_users(self, z: Tensor, items: Sequence[Tensor]) -> Tensor:
        """The vectors of users from their fused z, shape (n, d), and their items: shape (n, k)."""
        return z / self.lengths(z)

    def lengths(self, z: Tensor) -> Tensor:
        """What fused vectors z, shape (n, d), are divided by before they are compared: shape (n, 1)."""
        return z.new_ones(len(z), 1)

    def initialise(self) -> None:
        """Xavier uniform; Xavier normal for words. Called when all modules are there."""
        self.apply(self.columns_held.drawn(xavier_uniform_initialization))
        for module in self.modules():
            if isinstance(module, WordFeatures):
                xavier_normal_initialization(module.word_embedding)

    def fused(self, encoding: Encoding) -> Part:
        """z of the distinct users and items of an encoding (Eq. 5)."""
        return Part(*self.fusion.both(encoding.users(), encoding.items()))
