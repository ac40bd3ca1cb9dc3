"""The encoder: user and item representations per modality (SLMRec Eq. 1-4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Sequence

from torch import Tensor, nn

from recbole_slmrec.data.modality import DenseModality, Modality
from recbole_slmrec.graph.propagation import Propagation, PropagationAt
from recbole_slmrec.model.feature_rows import Place
from recbole_slmrec.model.modality import DenseContent, WordContent, module_key
from recbole_slmrec.model.rows import ALL, Part, Rows
from recbole_slmrec.processes.columns import Columns

ID = "id"


@dataclass(frozen=True)
class Encoding:
    """Z_m of every modality m, as the part that the users' table gives, shared by all modalities,
    plus the part that the items' features of m give; on the distinct rows that were asked for.

    Args:
        rows: those that were asked for.
        propagation: that to their distinct users and items.
        user_part: propagated E_u; None where ``item_parts`` hold the whole of Z_m.
        item_parts: propagated E_m by modality, in the order of fusion; None stands for zero.
    """

    rows: Rows
    propagation: PropagationAt
    user_part: Part | None
    item_parts: dict[str, Part | None]

    def users(self) -> dict[str, Tensor]:
        """z_{u,m} by modality, each of shape (n distinct users, d)."""
        return self._sums(lambda part: part.on_users)

    def items(self) -> dict[str, Tensor]:
        """z_{i,m} by modality, each of shape (n distinct items, d)."""
        return self._sums(lambda part: part.on_items)

    def without(self, modality: str) -> Encoding:
        """The encoding if the item features of ``modality`` were zero: its user part alone."""
        return replace(self, item_parts={**self.item_parts, modality: None})

    def of_first_items(self, n: int) -> Encoding:
        """The encoding of all its users and of the batch's first ``n`` items."""
        rows, kept = self.rows.of_first_items(n)
        if rows.items is self.rows.items:
            return self

        def cut(part: Part | None) -> Part | None:
            return part and Part(part.on_users, part.on_items.index_select(0, kept))

        return Encoding(
            rows,
            self.propagation.whole.at(rows.users, rows.items),
            cut(self.user_part),
            {name: cut(part) for name, part in self.item_parts.items()},
        )

    def _sums(self, side) -> dict[str, Tensor]:
        shared = None if self.user_part is None else side(self.user_part)
        sums = {}
        for name, part in self.item_parts.items():
            if part is None:
                sums[name] = shared
            else:
                sums[name] = side(part) if shared is None else shared + side(part)
        return sums


class Encoder(nn.Module):
    """LightGCN on one graph, once per modality; users have one table for all modalities.

    Args:
        propagation: the mean over layers on the training graph.
        modalities: content modalities, in order; the ID embedding comes last and is always there.
        columns: those of d that this process holds; all tables here have no others.
        word_embedding_size: width of a word's embedding, for word lists.
        place: where features are kept.
        folder: where propagated features lie between runs; None makes them each time.
    """

    def __init__(
        self,
        propagation: Propagation,
        modalities: Sequence[Modality],
        columns: Columns,
        word_embedding_size: int,
        place: Place,
        folder: Path | None,
    ):
        super().__init__()
        self.propagation, self.columns = propagation, columns
        n_users, n_items = propagation.block.n_users, propagation.block.n_items
        self.user_embedding = columns.table(n_users)
        self.item_embedding = columns.table(n_items)
        self.content = nn.ModuleDict()
        for modality in modalities:
            self.content[module_key(modality.name)] = (
                DenseContent(modality, propagation, columns, place, folder)
                if isinstance(modality, DenseModality)
                else WordContent(modality, n_items, columns, word_embedding_size, place.device)
            )
        self.content_names = tuple(modality.name for modality in modalities)

    @property
    def names(self) -> tuple[str, ...]:
        """All modalities in the order of fusion, the content modalities and then ``id``."""
        return (*self.content_names, ID)

    def forward(self, rows: Rows = ALL) -> Encoding:
        """Encodes the distinct ones of ``rows`` in every modality; one LightGCN propagation, whatever
        the number of modalities."""
        propagation = self.propagation.at(rows.users, rows.items)
        user_part = Part(*propagation.from_users(self.user_embedding.weight))
        item_parts = {name: self._part(name, rows, propagation) for name in self.names}
        return Encoding(rows, propagation, user_part, item_parts)

    def table(self, name: str) -> Tensor:
        """E_m of modality ``name``, in the columns that this process holds: shape (|I|, d)."""
        content = self._content(name)
        return self.item_embedding.weight if content is None else content.table()

    def _part(self, name: str, rows: Rows, propagation: PropagationAt) -> Part:
        content = self._content(name)
        if isinstance(content, DenseContent):
            return Part(*content.propagated(rows.users, rows.items))
        return Part(*propagation.from_items(self.table(name)))

    def _content(self, name: str) -> DenseContent | WordContent | None:
        return None if name == ID else self.content[module_key(name)]
