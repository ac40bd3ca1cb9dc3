"""The encoder: user and item representations per modality (SLMRec Eq. 1-4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Sequence

import torch
from torch import Tensor, nn

from recbole_slmrec.data.modality import DenseModality, Modality
from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.model.modality import DenseContent, WordContent, module_key

ID = "id"

ALL = slice(None)


class Part(Protocol):
    """A propagated table that can be asked for some rows of either side."""

    def on_users(self, rows: Tensor | slice) -> Tensor: ...

    def on_items(self, rows: Tensor | slice) -> Tensor: ...


@dataclass(frozen=True)
class TablePart:
    """A propagated table held whole: shapes (|U|, d) and (|I|, d)."""

    user_table: Tensor
    item_table: Tensor

    def on_users(self, rows: Tensor | slice) -> Tensor:
        return self.user_table[rows]

    def on_items(self, rows: Tensor | slice) -> Tensor:
        return self.item_table[rows]


@dataclass(frozen=True)
class Encoding:
    """Z_m of every modality m, as the part that the users' table gives, shared by all modalities,
    plus the part that the items' features of m give.

    Args:
        user_part: propagated E_u; None where ``item_parts`` hold the whole of Z_m.
        item_parts: propagated E_m by modality, in the order of fusion; None stands for zero.
    """

    user_part: Part | None
    item_parts: dict[str, Part | None]

    def users(self, rows: Tensor | slice = ALL) -> dict[str, Tensor]:
        """z_{u,m} of the users ``rows`` by modality, each of shape (len(rows), d)."""
        return self._sums(lambda part: part.on_users(rows))

    def items(self, rows: Tensor | slice = ALL) -> dict[str, Tensor]:
        """z_{i,m} of the items ``rows`` by modality, each of shape (len(rows), d)."""
        return self._sums(lambda part: part.on_items(rows))

    def without(self, modality: str) -> Encoding:
        """The encoding if the item features of ``modality`` were zero: its user part alone."""
        return replace(self, item_parts={**self.item_parts, modality: None})

    def _sums(self, rows_of) -> dict[str, Tensor]:
        shared = None if self.user_part is None else rows_of(self.user_part)
        sums = {}
        for name, part in self.item_parts.items():
            if part is None:
                sums[name] = shared
            else:
                sums[name] = rows_of(part) if shared is None else shared + rows_of(part)
        return sums


class Encoder(nn.Module):
    """LightGCN on one graph, once per modality; users have one table for all modalities.

    Args:
        propagation: the mean over layers on the training graph.
        modalities: content modalities, in order; the ID embedding comes last and is always there.
        embedding_size: d.
        word_embedding_size: width of a word's embedding, for word lists.
        device: where features are kept.
    """

    def __init__(
        self,
        propagation: Propagation,
        modalities: Sequence[Modality],
        embedding_size: int,
        word_embedding_size: int,
        device: torch.device,
    ):
        super().__init__()
        self.propagation = propagation
        n_users, n_items = propagation.block.n_users, propagation.block.n_items
        self.user_embedding = nn.Embedding(n_users, embedding_size)
        self.item_embedding = nn.Embedding(n_items, embedding_size)
        self.content = nn.ModuleDict()
        for modality in modalities:
            self.content[module_key(modality.name)] = (
                DenseContent(modality, propagation, embedding_size, device)
                if isinstance(modality, DenseModality)
                else WordContent(modality, n_items, embedding_size, word_embedding_size, device)
            )
        self.content_names = tuple(modality.name for modality in modalities)

    @property
    def names(self) -> tuple[str, ...]:
        """All modalities in the order of fusion: the content modalities, then ``id``."""
        return (*self.content_names, ID)

    def forward(self) -> Encoding:
        """Encodes every modality; one LightGCN propagation, whatever their number."""
        parts: dict[str, Part | None] = {}
        trainable = {}
        for name in self.names:
            content = self._content(name)
            if isinstance(content, DenseContent):
                parts[name] = content
            else:
                parts[name] = None
                trainable[name] = self.table(name)
        parts.update(self.propagated(trainable))
        return Encoding(self.user_part(), parts)

    def user_part(self) -> TablePart:
        """The propagated users' table, the same for every modality."""
        return TablePart(*self.propagation.from_users(self.user_embedding.weight))

    def table(self, name: str) -> Tensor:
        """E_m of modality ``name``, shape (|I|, d)."""
        content = self._content(name)
        return self.item_embedding.weight if content is None else content.table()

    def propagated(self, tables: dict[str, Tensor]) -> dict[str, TablePart]:
        """Propagates item tables, each of shape (|I|, d), side by side in one wide product."""
        widths = [table.shape[1] for table in tables.values()]
        on_users, on_items = self.propagation.from_items(torch.cat(list(tables.values()), dim=1))
        sides = zip(on_users.split(widths, dim=1), on_items.split(widths, dim=1))
        return {name: TablePart(*side) for name, side in zip(tables, sides)}

    def _content(self, name: str) -> DenseContent | WordContent | None:
        return None if name == ID else self.content[module_key(name)]
