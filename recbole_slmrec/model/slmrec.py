"""SLMRec (Tao et al., Self-Supervised Learning for Multimedia Recommendation, IEEE TMM 2022)."""

from __future__ import annotations

from typing import Any, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.model.auto import follow_the_data
from recbole_slmrec.model.backbone import MultimodalLightGCN, kept_folder
from recbole_slmrec.model.encoder import Encoding
from recbole_slmrec.model.linear import LinearPart, check_weight, spread
from recbole_slmrec.model.main_loss import MAIN_LOSSES
from recbole_slmrec.model.rows import ALL, Part, Rows
from recbole_slmrec.model.smoothing import smoothing
from recbole_slmrec.model.ssl import NO_TASK, SSL_TASKS

SCORES = ("dot", "cosine")

# What the settings that came later stand for in a checkpoint without them.
_ONCE = {
    "negatives": "in_batch",
    "exclude_positives": False,
    "score": "dot",
    "item_graph": "none",
    "linear_weight": 0.0,
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
        self.linear = _linear_part(config, block)
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
        if main_loss not in MAIN_LOSSES:
            raise ValueError(
                f"main_loss [{main_loss}] is not one of {', '.join(MAIN_LOSSES)}; in-batch negatives "
                "are those of main_loss: info_nce with negatives: in_batch"
            )
        return MAIN_LOSSES[main_loss].samples_negatives

    @staticmethod
    def in_todays_names(settings: dict[str, Any]) -> dict[str, Any]:
        """The settings of a checkpoint, those that it lacks as they were when it was written."""
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

    def forward(self) -> Part:
        """As :meth:`MultimodalLightGCN.forward`, with the linear part's columns at the end."""
        vectors = super().forward()
        if self.linear is None:
            return vectors
        on_items = self.linear.on_items * spread(*vectors)
        return Part(
            torch.cat([vectors.on_users, self.linear.on_users], dim=1),
            torch.cat([vectors.on_items, on_items], dim=1),
        )

    def compared(self, rows: Rows) -> tuple[Part, Encoding]:
        """As :meth:`MultimodalLightGCN.compared`, the items' vectors smoothed by the item graph."""
        if self.smoothing is None:
            return super().compared(rows)
        z, encoding = super().compared(self.smoothing.needed(rows))
        return Part(z.on_users, self.smoothing(z.on_items, encoding.rows, rows)), encoding

    def smoothed(self, z: Tensor) -> Tensor:
        return z if self.smoothing is None else self.smoothing(z, ALL, ALL)

    def of_new_items(self, z: Tensor) -> Tensor:
        vectors = super().of_new_items(z)
        return vectors if self.linear is None else F.pad(vectors, (0, self.linear.rank))

    def of_new_users(self, z: Tensor, items: Sequence[Tensor]) -> Tensor:
        vectors = super().of_new_users(z, items)
        if self.linear is None:
            return vectors
        return torch.cat([vectors, torch.stack([self.linear.of_items(own) for own in items])], dim=1)

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
        return SSL_TASKS[name](self.encoder, config)


def _check_tasks(config) -> None:
    alpha, main_loss, ssl_task = config["alpha"], config["main_loss"], config["ssl_task"]
    if config["score"] not in SCORES:
        raise ValueError(f"score [{config['score']}] is not one of auto, {', '.join(SCORES)}")
    if not isinstance(alpha, (int, float)) or not alpha >= 0:
        raise ValueError(f"alpha [{alpha}] must be a number, 0 or more: it weighs the SSL loss")
    if ssl_task not in (*SSL_TASKS, NO_TASK):
        raise ValueError(f"ssl_task [{ssl_task}] is not one of {', '.join((*SSL_TASKS, NO_TASK))}")
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


def _linear_part(config, block: InteractionBlock) -> LinearPart | None:
    weight = config["linear_weight"]
    check_weight(weight)
    if weight == 0:
        return None
    return LinearPart(
        block, kept_folder(config), weight, config["linear_reg"], config["linear_rank"]
    )


def _check_batch(config, ssl_task: torch.nn.Module | None) -> None:
    in_batch = config["main_loss"] == "info_nce" and config["negatives"] == "in_batch"
    if config["train_batch_size"] < 2 and (in_batch or ssl_task is not None):
        raise ValueError(
            f"train_batch_size [{config['train_batch_size']}] leaves no in-batch negatives: "
            "the losses compare each row with the others of its batch; use 2 or more (2048)"
        )
