"""SLMRec (Tao et al., Self-Supervised Learning for Multimedia Recommendation, IEEE TMM 2022)."""

from __future__ import annotations

from typing import Any, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from recbole_slmrec.data.modality import DenseModality
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.model import linear, popularity
from recbole_slmrec.model.auto import follow_the_data
from recbole_slmrec.model.backbone import MultimodalLightGCN
from recbole_slmrec.model.cold import ColdItems, check_share
from recbole_slmrec.model.encoder import Encoding
from recbole_slmrec.model.kept import kept_folder
from recbole_slmrec.model.linear import LinearPart, spread
from recbole_slmrec.model.main_loss import MAIN_LOSSES
from recbole_slmrec.model.popularity import Popularity
from recbole_slmrec.model.rows import ALL, Part, Rows, side_by_side
from recbole_slmrec.model.smoothing import smoothing
from recbole_slmrec.model.ssl import NO_TASK, get_task

SCORES = ("dot", "cosine")

# What the settings that came later stand for in a checkpoint without them.
_ONCE = {
    "negatives": "in_batch",
    "exclude_positives": False,
    "score": "dot",
    "item_graph": "none",
    "popularity_weight": 0.0,
    "linear_weight": 0.0,
    "linear_user_power": 0.0,
    "linear_item_power": 0.0,
    "cold_share": 0.0,
    "ema_decay": 0.0,
}

# As in torch.nn.functional.normalize, by which training compares.
_SMALLEST_LENGTH = 1e-12


class SLMRec(MultimodalLightGCN):
    """Encoder per modality, fusion, main loss and a self-supervised task (Eq. 1-14).

    Every setting is described in ``properties/model/SLMRec.yaml``. The last term of Eq. 14 is the
    optimiser's ``weight_decay``.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a setting out of range; the message names the key.
    """

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        block = self.encoder.propagation.block
        follow_the_data(config, block)
        _check_tasks(config)
        self.alpha = config["alpha"]
        self.main_loss = MAIN_LOSSES[config["main_loss"]](config, block)
        self.score = config["score"]
        self.smoothing = smoothing(
            config["item_graph"],
            config["item_graph_k"],
            block,
            dataset.item_modalities,
            kept_folder(config),
        )
        self.popularity = _popularity(config, block)
        self.linear = _linear_part(config, block)
        self.cold = _cold_items(config, block, dataset.item_modalities)
        self.ssl_task = self._ssl_task(config)
        _check_batch(config, self.ssl_task)
        self.initialise()

    @staticmethod
    def takes_negatives(settings) -> bool:
        """Whether these settings' main loss needs negatives from the data loader.

        Raises:
            ValueError: for an unknown ``main_loss``.
        """
        main_loss = settings["main_loss"]
        if main_loss not in list(MAIN_LOSSES):
            raise ValueError(
                f"main_loss [{main_loss}] is not one of {', '.join(MAIN_LOSSES)}; in-batch negatives "
                "are those of main_loss: info_nce with negatives: in_batch"
            )
        return MAIN_LOSSES[main_loss].samples_negatives

    @staticmethod
    def in_todays_names(settings: dict[str, Any], path) -> dict[str, Any]:
        """The settings of the checkpoint at ``path``, those that it lacks as they were when it was written.

        Raises:
            ValueError: if one of them means something else today.
        """
        if settings.get("linear_weight", 0) != 0 and "linear_user_power" not in settings:
            raise ValueError(
                f"{path} is of a version whose linear_weight had another unit: use it with that "
                "version, or train the model anew"
            )
        settings = {**_ONCE, **settings}
        if settings["main_loss"] == "in_batch":
            settings["main_loss"] = "info_nce"
        return settings

    def calculate_loss(self, interaction) -> Tensor | tuple[Tensor, Tensor]:
        """L_main and alpha L_ssl of a batch (Eq. 14), or L_main alone without an SSL task."""
        self.forget_tables()
        users, items, negatives = self.batch(interaction)
        rows = self.main_loss.rows(users, items, negatives)
        z, encoding = self.compared(rows)
        main = self.main_loss(z, rows)
        if self.ssl_task is None:
            return main
        encoding = encoding.of_first_items(len(items))
        return main, self.alpha * self.ssl_task(encoding, self.fusion)

    def forget_tables(self) -> None:
        super().forget_tables()
        self._narrow: tuple[Part, Tensor, Part | None] | None = None

    def parts(self) -> dict[str, Part]:
        """As :meth:`MultimodalLightGCN.parts`, and what the settings put beside: ``popularity``,
        ``linear``, and ``content``, by which cold items are ranked."""
        parts, scale = self._but_linear()
        if self.linear is not None:
            parts["linear"] = Part(self.linear.on_users, self.linear.on_items * scale)
        return {name: parts[name] for name in self.columns}

    def item_scores(self, users: Tensor) -> Tensor:
        """As :meth:`VectorRecommender.item_scores`; the linear part takes what it keeps, and content is
        for cold items alone, so that neither's columns, most of a vector, are put beside the others."""
        if self._narrow is None:
            with torch.no_grad():
                parts, scale = self._but_linear()
                content = parts.pop("content", None)
                if content is not None:
                    content = Part(content.on_users, content.on_items[self.cold.are_cold])
                self._narrow = side_by_side(parts.values()), scale, content
        vectors, scale, content = self._narrow
        scores = self._scores(users, vectors, scale)
        if content is not None:
            scores[self.cold.are_cold] = content.on_items @ content.on_users[users].T
        return scores

    def _but_linear(self) -> tuple[dict[str, Part], Tensor]:
        """:meth:`parts` without ``linear``, and what that is multiplied by."""
        parts = super().parts()
        scale = spread(*parts["embedding"])
        if self.popularity is not None:
            parts["popularity"] = self.popularity.columns(self.n_users)
        if self.cold is None:
            return parts, scale
        warm = side_by_side(parts.values())
        return self.cold.beside(parts, scale, lambda users: self._scores(users, warm, scale)), scale

    def _scores(self, users: Tensor, vectors: Part, scale: Tensor) -> Tensor:
        products = vectors.on_items @ vectors.on_users[users].T
        if self.linear is None:
            return products
        return self.linear.add_to(products, users, scale)

    def compared(self, rows: Rows) -> tuple[Part, Encoding]:
        """As :meth:`MultimodalLightGCN.compared`, the items' vectors smoothed by the item graph."""
        if self.smoothing is None:
            return super().compared(rows)
        z, encoding = super().compared(self.smoothing.needed(rows))
        return Part(z.on_users, self.smoothing(z.on_items, encoding.rows, rows)), encoding

    def smoothed(self, z: Tensor) -> Tensor:
        return z if self.smoothing is None else self.smoothing(z, ALL, ALL)

    def of_new_items(self, z: Tensor, features: dict[str, Tensor], known: Part) -> Tensor:
        vectors = F.pad(
            super().of_new_items(z, features, known), (0, known.on_items.shape[1] - z.shape[1])
        )
        if self.cold is None:
            if self.popularity is not None:
                vectors[:, z.shape[1]] = self.popularity.of_cold
            return vectors
        dense = [features[name] for name in self.cold.names]
        scale = spread(*super().parts()["embedding"])
        columns = self.cold.of_new_items(dense, known, scale)
        return F.pad(columns, (vectors.shape[1] - columns.shape[1], 0))

    def of_new_users(self, z: Tensor, items: Sequence[Tensor]) -> Tensor:
        vectors = [super().of_new_users(z, items)]
        if self.popularity is not None:
            vectors.append(z.new_ones(len(z), 1))
        if self.linear is not None:
            vectors.append(torch.stack([self.linear.chosen.of_items(own) for own in items]))
        if self.cold is not None:
            vectors.append(torch.stack([self.cold.of_new_user(own) for own in items]))
        return torch.cat(vectors, dim=1)

    @property
    def columns(self) -> dict[str, int]:
        """How many columns each of :meth:`parts` has."""
        widths = {
            "embedding": self.embedding_size,
            "popularity": None if self.popularity is None else 1,
            "linear": None if self.linear is None else self.linear.chosen.rank,
            "content": None if self.cold is None else self.cold.width,
        }
        return {name: width for name, width in widths.items() if width is not None}

    def likeness(self, items: Tensor) -> Tensor:
        # Neither how popular an item is nor how high cold ones are put makes two of them alike.
        parts = dict(zip(self.columns, items.split(list(self.columns.values()), dim=1)))
        parts.pop("popularity", None)
        if "content" in parts:
            parts["content"] = parts["content"][:, :-1]
        return torch.cat(list(parts.values()), dim=1)

    def likeness_by_content(self, items: Tensor) -> tuple[Tensor, Tensor]:
        if self.cold is None:
            return super().likeness_by_content(items)
        content = items[:, -self.cold.width : -1]
        # Items that came after training stand behind those of the catalogue.
        later = content[len(self.cold.content) :]
        return content.any(1), torch.cat([self.cold.content, later])

    def lengths(self, z: Tensor) -> Tensor:
        """The norms where scores are cosines, else ones: shape (n, 1)."""
        if self.score == "dot":
            return super().lengths(z)
        return torch.linalg.vector_norm(z, dim=1, keepdim=True).clamp(min=_SMALLEST_LENGTH)

    @property
    def loss_names(self) -> tuple[str, ...]:
        return ("main",) if self.ssl_task is None else ("main", "ssl")

    def _ssl_task(self, config) -> torch.nn.Module | None:
        name = config["ssl_task"]
        if name == NO_TASK:
            return None
        if not self.encoder.content_names:
            if config["main_loss"] == "none":
                raise ValueError(
                    "main_loss: none leaves the SSL task alone to train, but no content modality is "
                    "used: nothing would be learnt"
                )
            self.logger.warning(
                f"no content modality is used, so ssl_task [{name}] has nothing to contrast: "
                f"this is LightGCN with the main loss [{config['main_loss']}]"
            )
            return None
        return get_task(name)(self.encoder, config)


def _check_tasks(config) -> None:
    alpha, main_loss, ssl_task = config["alpha"], config["main_loss"], config["ssl_task"]
    if config["score"] not in SCORES:
        raise ValueError(f"score [{config['score']}] is not one of auto, {', '.join(SCORES)}")
    if not isinstance(alpha, (int, float)) or not alpha >= 0:
        raise ValueError(f"alpha [{alpha}] must be a number, 0 or more: it weighs the SSL loss")
    get_task(ssl_task)
    if main_loss == "none" and (ssl_task == NO_TASK or alpha == 0):
        raise ValueError(
            "main_loss: none leaves the SSL task alone to train, but ssl_task is none or alpha 0: "
            "nothing would be learnt"
        )
    sampled = config["train_neg_sample_args"]["sample_num"] != "none"
    if SLMRec.takes_negatives(config) != sampled:
        raise ValueError(
            f"main_loss [{main_loss}] and train_neg_sample_args disagree: info_nce and none take no "
            "sampled negatives (train_neg_sample_args: ~), sampled and bpr need them "
            "(train_neg_sample_args: {distribution: uniform, sample_num: 1})"
        )


def _popularity(config, block: InteractionBlock) -> Popularity | None:
    weight = config["popularity_weight"]
    popularity.check_weight(weight)
    if weight == 0:
        return None
    main_loss = config["main_loss"]
    if config["score"] == "dot" or main_loss not in ("info_nce", "sampled"):
        raise ValueError(
            f"popularity_weight [{weight}] stands beside a cosine that was trained with a temperature: set "
            "score: cosine and main_loss: info_nce or sampled, or popularity_weight: 0"
        )
    in_batch = main_loss == "info_nce" and config["negatives"] == "in_batch"
    return Popularity(block.item_degrees, config["tau"], weight, not in_batch)


def _cold_items(config, block: InteractionBlock, modalities) -> ColdItems | None:
    share = config["cold_share"]
    check_share(share)
    has_content = any(isinstance(modality, DenseModality) for modality in modalities)
    if share not in ("auto", 0) and not has_content:
        raise ValueError(
            f"cold_share [{share}] ranks items without interactions by their features, but no "
            "modality with features is used: give some, or set cold_share: 0"
        )
    return ColdItems(block, modalities, share) if share != 0 and has_content else None


def _linear_part(config, block: InteractionBlock) -> LinearPart | None:
    weight = config["linear_weight"]
    linear.check_weight(weight)
    if weight == 0:
        return None
    settings = (config[f"linear_{name}"] for name in ("reg", "rank", "user_power", "item_power"))
    return LinearPart(block, kept_folder(config), weight, *settings)


def _check_batch(config, ssl_task: torch.nn.Module | None) -> None:
    in_batch = config["main_loss"] == "info_nce" and config["negatives"] == "in_batch"
    if config["train_batch_size"] < 2 and (in_batch or ssl_task is not None):
        raise ValueError(
            f"train_batch_size [{config['train_batch_size']}] leaves no in-batch negatives: "
            "the losses compare each row with the others of its batch; use 2 or more (2048)"
        )
