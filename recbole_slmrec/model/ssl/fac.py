"""FAC, fine and coarse spaces: the ID aligned with one modality after another (SLMRec Eq. 10-11)."""

from __future__ import annotations

from torch import Tensor, nn

from recbole_slmrec.model.encoder import ID, Encoder, Encoding
from recbole_slmrec.model.fusion import Fusion
from recbole_slmrec.model.losses import Pairs, check_similarity, check_temperature, info_nces

# The textual space, third and last in the paper, is half as wide; fewer modalities never reach it.
_MODALITIES_FOR_A_HALF_SPACE = 3


class FineAndCoarse(nn.Module):
    """Aligns items' ID and content in a chain of spaces, in the order of the modalities.

    x_1 = g_id(z_id), x_k = h_k(x_{k-1}), and modality k enters its space by g_k; the loss is the sum
    of InfoNCE(x_k, g_k(z_k)) over the content modalities. All maps are linear.

    Args:
        encoder: the model's encoder; it has one content modality or more.
        config: reads ``tau_ssl``, ``fac_similarity`` (``dot`` or ``cosine``) and
            ``gather_negatives``.

    Raises:
        ValueError: for a temperature that is not positive or an unknown similarity.
    """

    def __init__(self, encoder: Encoder, config):
        super().__init__()
        self.temperature, self.similarity = config["tau_ssl"], config["fac_similarity"]
        self.gather = config["gather_negatives"]
        check_temperature("tau_ssl", self.temperature)
        check_similarity("fac_similarity", self.similarity)
        self.names = encoder.content_names
        self.columns = encoder.columns
        width = self.columns.width
        spaces = [width] * len(self.names)
        if len(self.names) >= _MODALITIES_FOR_A_HALF_SPACE:
            spaces[-1] = width // 2
        self.enter_id = self.columns.cut(nn.Linear(width, spaces[0]), weight=1)
        self.enter = nn.ModuleList(
            self.columns.cut(nn.Linear(width, space), weight=1) for space in spaces
        )
        self.carry = nn.ModuleList(nn.Linear(a, b) for a, b in zip(spaces, spaces[1:]))

    def forward(self, encoding: Encoding, fusion: Fusion) -> Tensor:
        """The task's loss on the batch's items; users take no part."""
        z = encoding.items()
        pairs = Pairs(encoding.rows.item_places, encoding.rows.item_places)
        entering = [(self.enter_id, z[ID]), *zip(self.enter, (z[name] for name in self.names))]
        x, *entered = self.columns.mapped(*entering)
        tables = []
        for k, x_k in enumerate(entered):
            if k > 0:
                x = self.carry[k - 1](x)
            tables.append((x, x_k))
        return info_nces(tables, self.temperature, self.similarity, self.gather, pairs)
