"""SLMRec (Tao et al., Self-Supervised Learning for Multimedia Recommendation, IEEE TMM 2022)."""

from __future__ import annotations

import torch
from recbole.model.init import xavier_normal_initialization, xavier_uniform_initialization
from torch import Tensor

from recbole_slmrec.graph.bipartite import interaction_graph
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.graph.propagation import Propagation
from recbole_slmrec.model.encoder import Encoder
from recbole_slmrec.model.fusion import Fusion
from recbole_slmrec.model.main_loss import MAIN_LOSSES
from recbole_slmrec.model.modality import WordContent
from recbole_slmrec.model.recommender import VectorRecommender
from recbole_slmrec.model.ssl import NO_TASK, SSL_TASKS


class SLMRec(VectorRecommender):
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
        self.alpha = _alpha(config)
        self.n_negatives = _n_negatives(config)

        graph = interaction_graph(
            dataset.inter_feat[self.USER_ID],
            dataset.inter_feat[self.ITEM_ID],
            self.n_users,
            self.n_items,
        )
        block = InteractionBlock(graph, self.device, config["graph_backend"])
        propagation = Propagation(block, config["n_layers"], config["adjacency"])
        self.encoder = Encoder(
            propagation,
            dataset.item_modalities,
            config["embedding_size"],
            config["word_embedding_size"],
            self.device,
        )
        self.fusion = Fusion(len(self.encoder.names), config["embedding_size"], config["fusion"])
        self.main_loss = MAIN_LOSSES[config["main_loss"]](config["tau"])
        self.ssl_task = self._ssl_task(config)
        _check_batch(config, self.main_loss.samples_negatives and self.ssl_task is None)

        self.apply(xavier_uniform_initialization)
        for module in self.modules():
            if isinstance(module, WordContent):
                xavier_normal_initialization(module.word_embedding)

    @staticmethod
    def takes_negatives(settings) -> bool:
        """Whether these settings' main loss needs negatives from the data loader.

        Raises:
            ValueError: for an unknown ``main_loss``.
        """
        main_loss = settings["main_loss"]
        if main_loss not in MAIN_LOSSES:
            raise ValueError(f"main_loss [{main_loss}] is not one of {', '.join(MAIN_LOSSES)}")
        return MAIN_LOSSES[main_loss].samples_negatives

    def forward(self) -> tuple[Tensor, Tensor]:
        """z_u and z_i of all users and items: shapes (|U|, d) and (|I|, d)."""
        encoding = self.encoder()
        return self.fusion.users(encoding.users()), self.fusion.items(encoding.items())

    def calculate_loss(self, interaction) -> Tensor | tuple[Tensor, Tensor]:
        """L_main and alpha L_ssl of a batch (Eq. 14), or L_main alone without an SSL task."""
        self.forget_tables()
        users, items, negatives = self._batch(interaction)
        encoding = self.encoder()
        z_users = self.fusion.users(encoding.users(users))
        z_items = self.fusion.items(encoding.items(items))
        if negatives is not None:
            z_negatives = self.fusion.items(encoding.items(negatives.flatten()))
            negatives = z_negatives.view(*negatives.shape, -1)
        main = self.main_loss(z_users, z_items, negatives)
        if self.ssl_task is None:
            return main
        return main, self.alpha * self.ssl_task(encoding, self.fusion, users, items)

    @property
    def loss_names(self) -> tuple[str, ...]:
        return ("main",) if self.ssl_task is None else ("main", "ssl")

    def _batch(self, interaction) -> tuple[Tensor, Tensor, Tensor | None]:
        """Users and positives (B,), and negatives (k, B) where the loader samples them.

        RecBole's pairwise loader repeats the batch k times over, one negative in each row.
        """
        users, items = interaction[self.USER_ID], interaction[self.ITEM_ID]
        if not self.n_negatives:
            return users, items, None
        n_positives = len(users) // self.n_negatives
        negatives = interaction[self.NEG_ITEM_ID].view(self.n_negatives, n_positives)
        return users[:n_positives], items[:n_positives], negatives

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


def _alpha(config) -> float:
    alpha, main_loss, ssl_task = config["alpha"], config["main_loss"], config["ssl_task"]
    if not isinstance(alpha, (int, float)) or not alpha >= 0:
        raise ValueError(f"alpha [{alpha}] must be a number, 0 or more: it weighs the SSL loss")
    if ssl_task not in (*SSL_TASKS, NO_TASK):
        raise ValueError(f"ssl_task [{ssl_task}] is not one of {', '.join((*SSL_TASKS, NO_TASK))}")
    if main_loss == "none" and (ssl_task == NO_TASK or alpha == 0):
        raise ValueError(
            "main_loss: none leaves the SSL task alone to train, but ssl_task is none or alpha 0: "
            "nothing would be learnt"
        )
    return alpha


def _n_negatives(config) -> int:
    """k of Eq. 12, from RecBole's own ``train_neg_sample_args``; 0 where the loss takes none."""
    sample_num = config["train_neg_sample_args"]["sample_num"]
    sampled = sample_num != "none"
    if SLMRec.takes_negatives(config) != sampled:
        raise ValueError(
            f"main_loss [{config['main_loss']}] and train_neg_sample_args disagree: in_batch and "
            "none take no sampled negatives (train_neg_sample_args: ~), sampled and bpr need them "
            "(train_neg_sample_args: {distribution: uniform, sample_num: 1})"
        )
    return sample_num if sampled else 0


def _check_batch(config, has_own_negatives: bool) -> None:
    if config["train_batch_size"] < 2 and not has_own_negatives:
        raise ValueError(
            f"train_batch_size [{config['train_batch_size']}] leaves no in-batch negatives: "
            "the losses compare each row with the others of its batch; use 2 or more (2048)"
        )
