"""MultimodalDataset: RecBole's data set, with the features of the items beside it."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
from recbole.data.dataset import Dataset
from recbole.utils import FeatureSource

from recbole_slmrec.data.exact_times import ExactTimes
from recbole_slmrec.data.fetched import Fetched
from recbole_slmrec.data.field import field_modality
from recbole_slmrec.data.matrix import matrix_modality
from recbole_slmrec.data.modality import (
    FieldSource,
    ItemRows,
    MatrixSource,
    Modality,
    Source,
    selected_sources,
)
from recbole_slmrec.data.whole_rows import WholeRows
from recbole_slmrec.data.words import word_modality
from recbole_slmrec.names import did_you_mean, first_few
from recbole_slmrec.settings import data_seed


class MultimodalDataset(Fetched, WholeRows, ExactTimes, Dataset):
    """RecBole's data set, with the features of the items in each modality.

    ``config["item_modalities"]`` declares the modalities, ``config["modalities"]`` selects among
    them (all, by default). Rows of matrices and word lists follow the rows of ``<name>.item``, in
    whatever order RecBole then numbers the items. The splits that ``build`` returns share them.

    Attributes:
        item_modalities: a tuple of DenseModality and WordModality, in the selected order.

    Raises:
        FileNotFoundError: if a file is missing that a selected modality needs.
        ValueError: if the declaration, a feature file or ``<name>.item`` is not as it must be.
    """

    item_modalities: tuple[Modality, ...]

    def _get_preset(self):
        super()._get_preset()
        self._sources = selected_sources(self.config["item_modalities"], self.config["modalities"])
        self._item_file = os.path.join(self.dataset_path, f"{self.dataset_name}.item")
        self._item_frame = None

    def _load_feat(self, filepath, source):
        feat = super()._load_feat(filepath, source)
        if source is FeatureSource.ITEM and self._sources and feat is not None:
            # From here on RecBole drops, reorders, renumbers and fills the rows.
            self._item_frame = feat.copy()
        return feat

    def _data_processing(self):
        if self._sources:
            self._check_items()
        super()._data_processing()
        self.item_modalities = self._read_modalities()
        del self._item_frame

    def build(self):
        """Split the interactions as RecBole does, and log what the training split lacks.

        Raises:
            ValueError: if the training split has no interactions.
        """
        datasets = super().build()
        training = datasets[0].inter_feat
        if len(training) == 0:
            raise ValueError(
                f"data set {self.dataset_name}: the training split has no interactions; change "
                "the split in eval_args, or the training file in benchmark_filename"
            )
        self._log_training(training[self.uid_field].numpy(), training[self.iid_field].numpy())
        return datasets

    def _check_items(self) -> None:
        if not os.path.isfile(self._item_file):
            raise FileNotFoundError(
                f"{self._item_file} does not exist, but modalities need it: they are "
                f"{', '.join(self._sources)}; write one row for each item, or set modalities: []"
            )
        if self._item_frame is None:
            raise ValueError(
                f"{self._item_file} is not loaded, but modalities need it: they are "
                f"{', '.join(self._sources)}; add item: [{self.iid_field}] to load_col"
            )
        tokens = self._item_frame[self.iid_field].dropna()
        twice = tokens[tokens.duplicated()].unique()
        if len(twice):
            raise ValueError(
                f"{self._item_file} has more than one row for {len(twice):,} item(s): "
                f"{first_few(twice)}; keep one row for each item, and the matching row of each "
                "feature file"
            )
        interacted = self.inter_feat[self.iid_field].dropna()
        lacking = interacted[~interacted.isin(tokens)].unique()
        if len(lacking):
            raise ValueError(
                f"the interactions of {self.dataset_name} name {len(lacking):,} item(s) that "
                f"{self._item_file} lacks: {first_few(lacking)}; add a row for each there and in each "
                "feature file, or drop their interactions"
            )

    def _read_modalities(self) -> tuple[Modality, ...]:
        if not self._sources:
            return ()
        tokens = self._item_frame[self.iid_field].to_numpy()
        ids = pd.Index(self.field2id_token[self.iid_field][1:]).get_indexer(tokens) + 1
        items = ItemRows(self._item_file, tokens, ids.astype(np.int64), self.item_num)
        modalities = []
        for name, source in self._sources.items():
            modality = self._read(name, source, items)
            modalities.append(modality)
            if modality.missing:
                self.logger.warning(
                    f"modality {name}: {modality.missing:,} of {self.item_num - 1:,} items have no "
                    "features there; they get the zero vector"
                )
        return tuple(modalities)

    def _read(self, name: str, source: Source, items: ItemRows) -> Modality:
        if isinstance(source, MatrixSource):
            return matrix_modality(name, os.path.join(self.dataset_path, source.file), items)
        if isinstance(source, FieldSource):
            self._check_field_is_loaded(name, source.field)
            column, feature_type = self._item_frame[source.field], self.field2type[source.field]
            seed = data_seed(self.config)
            return field_modality(name, source, column, feature_type, items, seed)
        return word_modality(name, os.path.join(self.dataset_path, source.words), items)

    def _check_field_is_loaded(self, name: str, field: str) -> None:
        where = f"modality {name}: field {field!r}"
        if field == self.iid_field:
            raise ValueError(
                f"{where} is the item id itself; the ID embedding covers it, so choose another "
                f"field of {self._item_file}"
            )
        if field in self._item_frame:
            return
        with open(self._item_file, encoding=self.config["encoding"]) as file:
            header = file.readline().rstrip("\n").split(self.config["field_separator"])
        fields = [column.split(":")[0] for column in header]
        if field in fields:
            raise ValueError(
                f"{where} is in {self._item_file} but is not loaded: add it to load_col under "
                "item (or take it out of unload_col)"
            )
        raise ValueError(
            f"{where} is not in {self._item_file}{did_you_mean(field, fields)}; its fields are "
            f"{', '.join(fields)}: correct the name in item_modalities"
        )

    def _log_training(self, users: np.ndarray, items: np.ndarray) -> None:
        n_users = self.user_num - 1 - len(np.unique(users))
        n_items = self.item_num - 1 - len(np.unique(items))
        n_duplicates = len(users) - len(np.unique(users * self.item_num + items))
        if n_users:
            self.logger.warning(
                f"{n_users:,} users have no training interaction: they have no neighbour in the "
                "graph, so their representation is their own embedding only"
            )
        if n_items:
            self.logger.info(
                f"{n_items:,} items have no training interaction: they have no neighbour in the "
                "graph, so their representation is their own embedding and features only"
            )
        if n_duplicates:
            self.logger.warning(
                f"{n_duplicates:,} duplicate interactions in training: the graph counts each once, "
                "the loss as often as they occur"
            )
