"""SLMRec as the paper's equations read: each modality through the whole graph, whole logits."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.straightforward.adjacency import mean_over_layers, normalised_adjacency
from recbole_slmrec.model.slmrec import SLMRec
from recbole_slmrec.model.ssl.draw import draw_mask

ID = "id"


class StraightforwardSLMRec(nn.Module):
    """Every modality goes through the whole graph on its own, one torch sparse COO matrix.

    Losses are cross-entropies of whole matrices of logits; FM and FD encode each view anew. Only
    for the in-batch main loss, ``pre``, ``concat``, ``fd_level: feature`` and dense features.
    Source: Tao et al., IEEE TMM 2022, Eq. 1-14.

    Args:
        model: this package's; the parameters are copies of its own.
        config: its configuration.
        dataset: the training split that it was built on.
    """

    def __init__(self, model: SLMRec, config, dataset):
        super().__init__()
        self.config = config
        self.users_field, self.items_field = model.USER_ID, model.ITEM_ID
        self.n_users, self.n_items = model.n_users, model.n_items
        users, items = dataset.inter_feat[model.USER_ID], dataset.inter_feat[model.ITEM_ID]
        adjacency = normalised_adjacency(users, items, self.n_users, self.n_items)
        self.adjacency = adjacency.to(model.device)
        self.features = {
            modality.name: torch.from_numpy(modality.features).to(model.device)
            for modality in dataset.item_modalities
        }
        encoder, fusion = copy.deepcopy([model.encoder, model.fusion])
        self.user_embedding, self.item_embedding = encoder.user_embedding, encoder.item_embedding
        self.projections = nn.ModuleList(each.projection for each in encoder.content.values())
        self.user_map, self.item_map = fusion.user_map, fusion.item_map
        if config["ssl_task"] == "FAC":
            fac = copy.deepcopy(model.ssl_task)
            self.enter_id, self.enter, self.carry = fac.enter_id, fac.enter, fac.carry

    def calculate_loss(self, interaction) -> Tensor:
        """L = L_main + alpha L_ssl of a batch (Eq. 14)."""
        users, items = interaction[self.users_field], interaction[self.items_field]
        tables = self.tables()
        Z = {m: self.encode(E) for m, E in tables.items()}
        z_users, z_items = self.fuse(Z)
        loss = info_nce(z_users[users], z_items[items], self.config["tau"])
        task = self.config["ssl_task"]
        if task == "FAC":
            loss = loss + self.config["alpha"] * self.fine_and_coarse(Z, items)
        elif task != "none":
            loss = loss + self.config["alpha"] * self.two_views(tables, users, items)
        return loss

    def tables(self) -> dict[str, Tensor]:
        """E_m = X_m W_m + b_m of every content modality, and the ID's E, each (|I|, d)."""
        content = zip(self.features.items(), self.projections)
        tables = {m: projection(X) for (m, X), projection in content}
        return {**tables, ID: self.item_embedding.weight}

    def encode(self, E: Tensor) -> tuple[Tensor, Tensor]:
        """Z_m of all users and items (Eq. 1-4): the mean of all layers."""
        users, n_layers = self.user_embedding.weight, self.config["n_layers"]
        return mean_over_layers(self.adjacency, users, E, n_layers)

    def fuse(self, Z: dict[str, tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """z_u and z_i of all users and items (Eq. 5)."""
        on_users, on_items = zip(*Z.values())
        return self.user_map(torch.cat(on_users, 1)), self.item_map(torch.cat(on_items, 1))

    def fine_and_coarse(self, Z: dict[str, tuple[Tensor, Tensor]], items: Tensor) -> Tensor:
        """L_FAC (Eq. 10-11)."""
        x = self.enter_id(Z[ID][1][items])
        loss = 0
        for k, m in enumerate(self.features):
            if k > 0:
                x = self.carry[k - 1](x)
            z = self.enter[k](Z[m][1][items])
            loss = loss + info_nce(
                x, z, self.config["tau_ssl"], self.config["fac_similarity"] == "cosine"
            )
        return loss

    def two_views(self, tables: dict[str, Tensor], users: Tensor, items: Tensor) -> Tensor:
        """L_FM, L_FD or both together (Eq. 7-9)."""
        task, names = self.config["ssl_task"], list(tables)
        masked = [None, None]
        if "FM" in task:
            masked = [names[place] for place in torch.randperm(len(names))[:2].tolist()]
        views: tuple[dict, dict] = ({}, {})
        for m, table in tables.items():
            for view, lacking in zip(views, masked):
                E = table
                if m == lacking:
                    E = torch.zeros_like(E)
                elif "FD" in task:
                    E = E * draw_mask(E, self.config["dropout_rate"])
                view[m] = self.encode(E)
        fused = [self.fuse(view) for view in views]
        (users_1, items_1), (users_2, items_2) = fused
        tau = self.config["tau_ssl"]
        on_users = info_nce(users_1[users], users_2[users], tau)
        return on_users + info_nce(items_1[items], items_2[items], tau)


def info_nce(anchors: Tensor, positives: Tensor, tau: float, cosine: bool = True) -> Tensor:
    """Eq. 9, 11 and 13: cross-entropy of the whole matrix of similarities."""
    if cosine:
        anchors, positives = F.normalize(anchors, dim=1), F.normalize(positives, dim=1)
    return F.cross_entropy(anchors @ positives.T / tau, torch.arange(len(anchors)))
