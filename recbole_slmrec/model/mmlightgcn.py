"""MMLightGCN: the LightGCN with content of SLMRec's comparison."""

from __future__ import annotations

from recbole.utils import InputType
from torch import Tensor

from recbole_slmrec.model.backbone import MultimodalLightGCN
from recbole_slmrec.model.losses import bpr
from recbole_slmrec.model.recommender import check_negatives
from recbole_slmrec.model.rows import Rows


class MMLightGCN(MultimodalLightGCN):
    """LightGCN (He et al., SIGIR 2020) per modality, fused as in SLMRec, trained by BPR.

    The paper's LightGCN (Tao et al., IEEE TMM 2022, section IV-A2): SLMRec with ``main_loss: bpr``
    and ``ssl_task: none``. Every setting is described in ``properties/model/MMLightGCN.yaml``; L2 is
    the optimiser's ``weight_decay``.

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
        check_negatives(config, "MMLightGCN")
        self.initialise()

    def calculate_loss(self, interaction) -> Tensor:
        """BPR of a batch."""
        self.forget_tables()
        encoding = self.encoder(Rows.with_negatives(*self.batch(interaction)))
        return bpr(*encoding.rows.triples(self.fused(encoding)))
