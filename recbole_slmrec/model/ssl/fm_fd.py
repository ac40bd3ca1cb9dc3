"""FM+FD: feature masking and feature dropout together (SLMRec section III-A1)."""

from __future__ import annotations

from recbole_slmrec.model.encoder import Encoding
from recbole_slmrec.model.ssl.fd import FeatureDropout
from recbole_slmrec.model.ssl.fm import draw_pair


class MaskingAndDropout(FeatureDropout):
    """Each view lacks one drawn modality and has factors of the others dropped.

    Args:
        encoder: the model's encoder.
        config: as :class:`~recbole_slmrec.model.ssl.fd.FeatureDropout`.
    """

    def views(self, encoding: Encoding) -> tuple[Encoding, Encoding]:
        first, second = draw_pair(self.encoder.names)
        return self.dropped(encoding, ({first}, {second}))
