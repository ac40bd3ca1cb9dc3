"""SMORE (Ong and Khong, WSDM 2025): modalities that are denoised and fused in the frequency domain."""

from __future__ import annotations

from functools import reduce
from operator import mul
from typing import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from recbole_slmrec.graph.item_graph import ItemGraph, NewItems, weighted
from recbole_slmrec.model.kept import kept_folder
from recbole_slmrec.model.neighbours import modality_neighbours
from recbole_slmrec.model.recommender import check_share
from recbole_slmrec.model.view_recommender import ViewRecommender


class SMORE(ViewRecommender):
    r"""A view of each modality and one of all together, each through a filter of its spectrum.

    Source: Ong and Khong, Spectrum-based Modality Representation Fusion Graph Convolutional Network for
    Multimodal Recommendation, WSDM 2025.

    With F the orthonormal real Fourier transform along the d columns of the projected features, and
    trainable complex vectors w,

    .. math::
        f_m &= F^{-1}(F(X_m W_m + b_m) \odot w_m), \quad
        f_* = F^{-1}(\prod_m F(X_m W_m + b_m) \odot w_*) \\
        e_n &= E_i \odot \sigma(f_n G_n + g_n), \quad n \in M \cup \{*\}

    S_m is the weighted graph of the k nearest items in modality m, and S_* has the edges of all of
    them, each with its largest weight. With the views y_n and c of
    :class:`~recbole_slmrec.model.view_recommender.ViewRecommender`, whose loss it has,

    .. math::
        side = \frac{1}{|M| + 1} (\sum_m \sigma(c P_m + p_m) \odot softmax(Q_m(y_*)) \odot y_m
        + \sigma(c P_* + p_*) \odot y_*)

    Q_m is a linear map, tanh and a linear map without bias; the softmax runs over the d columns. Gates
    of P are dropped out in training. Every setting is described in ``properties/model/SMORE.yaml``.

    Args:
        config: the run's configuration.
        dataset: the training split, a
            :class:`~recbole_slmrec.data.dataset.MultimodalDataset`.

    Raises:
        ValueError: for a setting out of range (the message names the key), or without a modality.
    """

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        check_share(config, "dropout_rate")
        self.dropout_rate = config["dropout_rate"]
        d, k, folder = config["embedding_size"], self.n_neighbours, kept_folder(config)
        graphs = [
            weighted(modality_neighbours(each, self.n_items, k, folder)) for each in self.modalities
        ]
        graphs.append(reduce(csr_matrix.maximum, graphs))
        self.item_graphs = [ItemGraph(S, self.device) for S in graphs]
        n_modalities = len(self.modalities)
        self.W = self.projections(d)
        # The last one of each is that of all modalities together. The parts of complex numbers.
        self.w = nn.Parameter(torch.randn(n_modalities + 1, d // 2 + 1, 2))
        self.G = nn.ModuleList(nn.Linear(d, d) for _ in graphs)
        self.P = nn.ModuleList(nn.Linear(d, d) for _ in graphs)
        self.Q = nn.ModuleList(
            nn.Sequential(nn.Linear(d, d), nn.Tanh(), nn.Linear(d, d, bias=False))
            for _ in self.modalities
        )
        self.initialise()

    def purified(self) -> Sequence[Tensor]:
        return [
            self.item_embedding.weight * torch.sigmoid(G(f))
            for G, f in zip(self.G, self._filtered())
        ]

    def joined(self, features: Sequence[Tensor]) -> list[NewItems]:
        joined = super().joined(features)
        together = reduce(csr_matrix.maximum, (each.weights for each in joined))
        return [*joined, NewItems(together, reduce(np.maximum, (each.own for each in joined)))]

    def side(self, y: Sequence[Tensor], c: Tensor) -> Tensor:
        *of_modalities, together = y
        attended = [Q(together).softmax(1) * y_m for Q, y_m in zip(self.Q, of_modalities)]
        gates = (self.dropped(torch.sigmoid(P(c))) for P in self.P)
        return sum(gate * y_n for gate, y_n in zip(gates, [*attended, together])) / len(y)

    def dropped(self, gates: Tensor) -> Tensor:
        """A dropout of gates, in training."""
        return F.dropout(gates, self.dropout_rate, self.training)

    def _filtered(self) -> Sequence[Tensor]:
        """f_m of all items and f_*: shape (|I|, d) each."""
        spectra = []
        for features, W in zip(self.features.values(), self.W.values()):
            x = W(features.all_rows())
            # There is no transform of half precision.
            x = x.to(torch.promote_types(x.dtype, torch.float32))
            spectra.append(torch.fft.rfft(x, norm="ortho"))
        spectra.append(reduce(mul, spectra))
        width = self.item_embedding.embedding_dim
        filters = torch.view_as_complex(self.w)
        return [torch.fft.irfft(each * w, width, norm="ortho") for each, w in zip(spectra, filters)]
