"""SLMRec's equations written out densely in float64: the oracle for the fast implementation.

Slow and obvious on purpose, for graphs of some ten nodes. Equation numbers are those of Tao et
al., "Self-Supervised Learning for Multimedia Recommendation", IEEE TMM 2022.

Node ids are rows of the tables, from 0; row 0 is padding, an isolated node like any other. A
weight ``W`` beside a bias ``b`` has torch.nn.Linear's orientation (out, in), and the map is
``x W' + b``, except in `content`, which is written as in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear, logsigmoid, normalize

Linear = tuple[Tensor, Tensor]


def adjacency(users: Tensor, items: Tensor, n_users: int, n_items: int, kind: str) -> Tensor:
    """A_hat, the weighted adjacency of the bipartite graph, users before items (Eq. 2).

    Args:
        users, items: the interactions, shape (n_edges,) each; a repeated pair is one edge.
        kind: ``pre`` D^-1/2 A D^-1/2, ``norm`` D'^-1 (A + I) with D' the row sums of A + I,
            ``gcmc`` D^-1 A, ``mean`` D^-1 A + I, ``plain`` A. An isolated node has 0 for 1/0.

    Returns:
        Shape (n_users + n_items, n_users + n_items).
    """
    n = n_users + n_items
    identity = torch.eye(n, dtype=torch.float64)
    A = torch.zeros(n, n, dtype=torch.float64)
    for u, i in zip(users.tolist(), items.tolist()):
        A[u, n_users + i] = 1
        A[n_users + i, u] = 1
    return {
        "pre": _inverse_degrees(A).sqrt() @ A @ _inverse_degrees(A).sqrt(),
        "norm": _inverse_degrees(A + identity) @ (A + identity),
        "gcmc": _inverse_degrees(A) @ A,
        "mean": _inverse_degrees(A) @ A + identity,
        "plain": A,
    }[kind]


def _inverse_degrees(A: Tensor) -> Tensor:
    inverses = [1 / degree if degree > 0 else 0.0 for degree in A.sum(1).tolist()]
    return torch.diag(torch.tensor(inverses, dtype=torch.float64))


def encode(A: Tensor, E_user: Tensor, E_item: Tensor, n_layers: int) -> tuple[Tensor, Tensor]:
    """Eq. 1-4 with LightGCN: Z = 1/(L+1) sum_{l=0..L} A^l [E_user; E_item], as (users, items)."""
    E = torch.cat([E_user, E_item])
    layers = [torch.linalg.matrix_power(A, layer) @ E for layer in range(n_layers + 1)]
    Z = sum(layers) / (n_layers + 1)
    return Z[: len(E_user)], Z[len(E_user) :]


def encode_layer_dropout(
    A: Tensor, E_user: Tensor, E_item: Tensor, n_layers: int, masks: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """`encode` with dropout after each propagation layer: z_l = masks[l-1] * (A z_{l-1}).

    Args:
        masks: one per layer, shape (n_users + n_items, d), already scaled by 1/(1 - rate).
    """
    layers = [torch.cat([E_user, E_item])]
    for layer in range(1, n_layers + 1):
        layers.append(masks[layer - 1] * (A @ layers[layer - 1]))
    Z = sum(layers) / (n_layers + 1)
    return Z[: len(E_user)], Z[len(E_user) :]


def encode_walk(As: list[Tensor], E_user: Tensor, E_item: Tensor) -> tuple[Tensor, Tensor]:
    """`encode` where layer l has the adjacency As[l-1]: z_l = A_l z_{l-1}."""
    layers = [torch.cat([E_user, E_item])]
    for A in As:
        layers.append(A @ layers[-1])
    Z = sum(layers) / len(layers)
    return Z[: len(E_user)], Z[len(E_user) :]


def edges_kept(edges: tuple[Tensor, Tensor], keep: Tensor) -> tuple[Tensor, Tensor]:
    """SGL's edge dropout: those of the distinct edges, by user and then by item, that stay."""
    pairs = sorted(set(zip(*(side.tolist() for side in edges))))
    kept = [pair for pair, stays in zip(pairs, keep.tolist(), strict=True) if stays]
    return tuple(torch.tensor([pair[side] for pair in kept], dtype=torch.long) for side in (0, 1))


def edges_between(
    edges: tuple[Tensor, Tensor], keep_users: Tensor, keep_items: Tensor
) -> tuple[Tensor, Tensor]:
    """SGL's node dropout: the edges of which both ends stay."""
    users, items = edges
    both = [bool(keep_users[u] and keep_items[i]) for u, i in zip(users, items)]
    return users[both], items[both]


def content(X: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """E_m = X W + 1 b' with X (n, D), W (D, d), b (d,)."""
    return X @ W + torch.outer(torch.ones(len(X), dtype=X.dtype), b)


def word_mean(items: Tensor, words: Tensor, table: Tensor, n_items: int) -> Tensor:
    """Each item's mean over its words' rows of ``table``; a zero row for an item without words.

    Args:
        items, words: shape (n_pairs,) each; a repeated pair counts as often as it appears.
    """
    rows = []
    for i in range(n_items):
        own = [table[w] for j, w in zip(items.tolist(), words.tolist()) if j == i]
        rows.append(sum(own) / len(own) if own else torch.zeros_like(table[0]))
    return torch.stack(rows)


def fuse(parts: list[Tensor], W: Tensor, b: Tensor) -> Tensor:
    """Eq. 5 by concatenation: concat(parts) W' + b, parts (n, d) each, W (d, |M| d)."""
    return torch.cat(parts, dim=1) @ W.T + b


def fuse_mean(parts: list[Tensor], W: Tensor, b: Tensor) -> Tensor:
    """Eq. 5 by averaging: mean(parts) W' + b, W (d, d)."""
    return sum(parts) / len(parts) @ W.T + b


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product over the last dimension."""
    return (a * b).sum(-1)


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Cosine over the last dimension; 0 where either vector is zero."""
    lengths = torch.linalg.vector_norm(a, dim=-1) * torch.linalg.vector_norm(b, dim=-1)
    return dot(a, b) / torch.where(lengths == 0, torch.ones_like(lengths), lengths)


def _negative_log_share(similarities: list[Tensor], positive: int, tau: float) -> Tensor:
    """-log exp(s_positive/tau) / sum_j exp(s_j/tau), without overflow."""
    logits = torch.stack(similarities) / tau
    return torch.logsumexp(logits, dim=0) - logits[positive]


def info_nce(anchors: Tensor, positives: Tensor, tau: float, similarity: str = "cosine") -> Tensor:
    """Eq. 9: batch mean of -log exp(s(a_k, p_k)/tau) / sum_j exp(s(a_k, p_j)/tau)."""
    s = {"cosine": cosine, "dot": dot}[similarity]
    losses = []
    for k in range(len(anchors)):
        losses.append(_negative_log_share([s(anchors[k], p) for p in positives], k, tau))
    return torch.stack(losses).mean()


def in_batch_loss(zu: Tensor, zi: Tensor, tau: float) -> Tensor:
    """Eq. 13, the sum running over the batch's positives, row by row (a repeated item repeats)."""
    return info_nce(zu, zi, tau)


def candidate_loss(
    zu: Tensor,
    zi: Tensor,
    pairs: list[tuple[int, int]],
    candidates: list[tuple[int, float]],
    own_weights: dict[int, float],
    positives: set[tuple[int, int]],
    tau: float,
) -> Tensor:
    """Eq. 12 over weighted candidates: the mean over pairs (u, i) of
    -log exp(s_ui) / (v_i exp(s_ui) + sum_j w_j exp(s_uj)), s the cosine over tau, the sum running over
    the candidates (j, w_j) but i itself and those with (u, j) among the ``positives``.

    Args:
        zu, zi: the vectors of all users and items.
        own_weights: v by item.
    """
    losses = []
    for u, i in pairs:
        terms = [own_weights[i] * torch.exp(cosine(zu[u], zi[i]) / tau)]
        for j, weight in candidates:
            if j != i and (u, j) not in positives:
                terms.append(weight * torch.exp(cosine(zu[u], zi[j]) / tau))
        losses.append(torch.log(sum(terms)) - cosine(zu[u], zi[i]) / tau)
    return torch.stack(losses).mean()


def sampled_loss(zu: Tensor, zi_pos: Tensor, zi_neg: Tensor, tau: float) -> Tensor:
    """Eq. 12-13, the sum running over the positive and the row's own k negatives.

    Args:
        zu, zi_pos: shape (B, d).
        zi_neg: shape (k, B, d).
    """
    losses = []
    for row in range(len(zu)):
        candidates = [zi_pos[row]] + [negatives[row] for negatives in zi_neg]
        losses.append(_negative_log_share([cosine(zu[row], z) for z in candidates], 0, tau))
    return torch.stack(losses).mean()


def bpr_loss(zu: Tensor, zi_pos: Tensor, zi_neg: Tensor) -> Tensor:
    """BPR: mean over k and B of -log sigmoid(zu.pos - zu.neg); shapes as in `sampled_loss`."""
    losses = []
    for negatives in zi_neg:
        for row in range(len(zu)):
            difference = dot(zu[row], zi_pos[row]) - dot(zu[row], negatives[row])
            losses.append(-logsigmoid(difference))
    return torch.stack(losses).mean()


def fac_loss(
    z_id: Tensor,
    z_content: list[Tensor],
    g_id: Linear,
    g: list[Linear],
    h: list[Linear],
    tau: float,
    similarity: str = "cosine",
) -> Tensor:
    """Eq. 10-11: sum_k InfoNCE(x_k, g_k(z_{m_k})), with x_1 = g_id(z_id), x_k = h_k(x_{k-1}).

    Args:
        z_id: shape (B, d).
        z_content: one (B, d) per content modality, fine to coarse.
        g_id, g, h: (W, b) pairs; ``g`` has one per content modality, ``h`` one fewer.
    """
    total, x = 0, linear(z_id, *g_id)
    for k, z in enumerate(z_content):
        x = linear(x, *h[k - 1]) if k else x
        total = total + info_nce(x, linear(z, *g[k]), tau, similarity)
    return total


@dataclass
class DenseSLMRec:
    """SLMRec end to end, every modality propagated on its own over the whole graph.

    Attributes:
        params: float64 leaves. ``user`` (n_users, d), ``id`` (n_items, d); the pairs ``W:x``,
            ``b:x`` with x = m per content modality (and ``table:m`` where m is a word list), F_u,
            F_i, and for FAC g_id, g:m per content modality, h:m per content modality but the first.
        features: dense modality m -> its normalised features, shape (n_items, D).
        words: word-list modality m -> (items, words), see `word_mean`.
        edges: (users, items), see `adjacency`.
        modalities: the content modalities in order; the ID comes last in the concatenation.
        adjacency: the ``kind`` of the function of that name.
        fusion: ``concat`` or ``mean``.
    """

    params: dict[str, Tensor]
    features: dict[str, Tensor]
    words: dict[str, tuple[Tensor, Tensor]]
    edges: tuple[Tensor, Tensor]
    n_users: int
    n_items: int
    modalities: list[str]
    n_layers: int = 3
    adjacency: str = "pre"
    fusion: str = "concat"

    def __post_init__(self) -> None:
        self.A = adjacency(*self.edges, self.n_users, self.n_items, self.adjacency)

    def _linear(self, name: str) -> Linear:
        return self.params[f"W:{name}"], self.params[f"b:{name}"]

    def item_features(self, m: str) -> Tensor:
        """E_m, shape (n_items, d)."""
        if m == "id":
            return self.params["id"]
        if m in self.words:
            X = word_mean(*self.words[m], self.params[f"table:{m}"], self.n_items)
        else:
            X = self.features[m]
        W, b = self._linear(m)
        return content(X, W.T, b)

    def encoded(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Eq. 1: m -> (Z_user_m, Z_item_m), the ID last."""
        return {
            m: encode(self.A, self.params["user"], self.item_features(m), self.n_layers)
            for m in [*self.modalities, "id"]
        }

    def fused(self) -> tuple[Tensor, Tensor]:
        """Eq. 5: (z_user, z_item)."""
        return self._fuse(self.encoded())

    def _fuse(self, Z: dict[str, tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        F = {"concat": fuse, "mean": fuse_mean}[self.fusion]
        Z_user = [Z[m][0] for m in [*self.modalities, "id"]]
        Z_item = [Z[m][1] for m in [*self.modalities, "id"]]
        return F(Z_user, *self._linear("F_u")), F(Z_item, *self._linear("F_i"))

    def scores(self) -> Tensor:
        """Eq. 6: z_user z_item', shape (n_users, n_items)."""
        z_user, z_item = self.fused()
        return z_user @ z_item.T

    def main_loss(
        self, kind: str, users: Tensor, items: Tensor, negatives: Tensor | None, tau: float
    ) -> Tensor:
        """L_main of a batch: ``in_batch``, ``sampled``, ``bpr``, or ``none``, which is 0.

        ``users`` and ``items`` are ids, shape (B,); ``negatives`` item ids, shape (k, B).
        """
        z_user, z_item = self.fused()
        if kind == "in_batch":
            return in_batch_loss(z_user[users], z_item[items], tau)
        if kind == "sampled":
            return sampled_loss(z_user[users], z_item[items], z_item[negatives], tau)
        if kind == "bpr":
            return bpr_loss(z_user[users], z_item[items], z_item[negatives])
        if kind == "none":
            return torch.zeros((), dtype=torch.float64)
        raise ValueError(f"main_loss: unknown kind {kind!r}")

    def view(
        self, masked: str | None, fd_level: str | None, masks: dict[str, Any]
    ) -> tuple[Tensor, Tensor]:
        """One augmented view (Eq. 7-8): every modality encoded, then fused: (z_user, z_item).

        Args:
            masked: the modality whose item features are zero (FM), bias included, if any.
            fd_level: where ``masks`` act (FD), if at all: ``feature`` or ``layer``.
            masks: at ``feature``, m -> 0/1 mask (n_items, d) on E_m, not rescaled, the masked
                modality's not needed; at ``layer``, m -> the masks of `encode_layer_dropout`.
        """
        Z = {}
        for m in [*self.modalities, "id"]:
            E_user, E_item = self.params["user"], self.item_features(m)
            if m == masked:
                E_item = torch.zeros_like(E_item)
            elif fd_level == "feature":
                E_item = masks[m] * E_item
            if fd_level == "layer":
                Z[m] = encode_layer_dropout(self.A, E_user, E_item, self.n_layers, masks[m])
            else:
                Z[m] = encode(self.A, E_user, E_item, self.n_layers)
        return self._fuse(Z)

    def sub_graph_view(self, layers: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """One view on sub-graphs (SGL's operators): (z_user, z_item).

        Args:
            layers: the edges of each layer's graph, as ``edges``; those of one graph L times over
                for ED and ND.
        """
        As = [adjacency(*edges, self.n_users, self.n_items, self.adjacency) for edges in layers]
        Z = {}
        for m in [*self.modalities, "id"]:
            Z[m] = encode_walk(As, self.params["user"], self.item_features(m))
        return self._fuse(Z)

    def ssl_loss(
        self,
        task: str,
        users: Tensor,
        items: Tensor,
        tau_ssl: float,
        similarity: str = "cosine",
        masked: tuple = (None, None),
        fd_level: str = "feature",
        masks: tuple = ({}, {}),
        graphs: tuple = ([], []),
    ) -> Tensor:
        """L_ssl of a batch: FAC, FM, FD, FM+FD, ED, ND, RW, or ``none``, which is 0.

        FAC sees the items alone (Eq. 11); the others are Eq. 9 on the users + Eq. 9 on the items.

        Args:
            users, items: ids, shape (B,).
            similarity: FAC's, ``cosine`` or ``dot``.
            masked: FM's modality for view 1 and for view 2, see `view`.
            fd_level, masks: FD's level, and its masks for view 1 and for view 2, see `view`.
            graphs: ED's, ND's and RW's for view 1 and for view 2, see `sub_graph_view`.
        """
        if task == "none":
            return torch.zeros((), dtype=torch.float64)
        if task == "FAC":
            z = {m: Z_item[items] for m, (_, Z_item) in self.encoded().items()}
            g = [self._linear(f"g:{m}") for m in self.modalities]
            h = [self._linear(f"h:{m}") for m in self.modalities[1:]]
            z_content = [z[m] for m in self.modalities]
            return fac_loss(z["id"], z_content, self._linear("g_id"), g, h, tau_ssl, similarity)
        if task in ("ED", "ND", "RW"):
            (user_1, item_1), (user_2, item_2) = map(self.sub_graph_view, graphs)
        elif task in ("FM", "FD", "FM+FD"):
            masked = (None, None) if task == "FD" else masked
            fd_level = None if task == "FM" else fd_level
            user_1, item_1 = self.view(masked[0], fd_level, masks[0])
            user_2, item_2 = self.view(masked[1], fd_level, masks[1])
        else:
            raise ValueError(f"ssl_loss: unknown task {task!r}")
        on_users = info_nce(user_1[users], user_2[users], tau_ssl)
        return on_users + info_nce(item_1[items], item_2[items], tau_ssl)


def random_problem(
    seed: int,
    n_users: int,
    n_items: int,
    n_edges: int,
    widths: dict[str, int],
    vocabulary: dict[str, int] | None = None,
    d: int = 4,
    **settings: Any,
) -> DenseSLMRec:
    """A small random problem, a function of its arguments alone.

    The first and the last user and item are isolated and a fifth of the edges are repeats; row 0
    and some others of each feature matrix are zero; the first and last item have no words.

    Args:
        widths: content modality -> D, in order; for a word list, its table's.
        vocabulary: word-list modality -> number of words; the other modalities are dense.
        d: the embedding size; FAC's last space is d // 2 with three content modalities or more.
        settings: ``n_layers``, ``adjacency``, ``fusion`` of `DenseSLMRec`.
    """
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    def pairs(n: int, *bounds: tuple[int, int]) -> tuple[Tensor, ...]:
        columns = [torch.randint(*bound, (n - n // 5,), generator=rng) for bound in bounds]
        return tuple(torch.cat([column, column[: n // 5]]) for column in columns)

    def add_linear(name: str, d_out: int, d_in: int) -> None:
        params[f"W:{name}"], params[f"b:{name}"] = normal(d_out, d_in), normal(d_out)

    edges = pairs(n_edges, (1, n_users - 1), (1, n_items - 1))
    params = {"user": normal(n_users, d), "id": normal(n_items, d)}
    features, words, modalities = {}, {}, list(widths)
    add_linear("g_id", d, d)
    for k, (m, D) in enumerate(widths.items()):
        add_linear(m, d, D)
        if m in (vocabulary or {}):
            params[f"table:{m}"] = normal(vocabulary[m], D)
            words[m] = pairs(3 * n_items, (1, n_items - 1), (0, vocabulary[m]))
        else:
            features[m] = normalize(normal(n_items, D))
            features[m][[0, *torch.randint(1, n_items, (2,), generator=rng).tolist()]] = 0
        space = d // 2 if 3 <= len(modalities) == k + 1 else d
        add_linear(f"g:{m}", space, d)
        if k > 0:
            add_linear(f"h:{m}", space, d)
    n_parts = 1 if settings.get("fusion") == "mean" else len(modalities) + 1
    add_linear("F_u", d, n_parts * d)
    add_linear("F_i", d, n_parts * d)
    params = {name: value.requires_grad_() for name, value in params.items()}
    return DenseSLMRec(params, features, words, edges, n_users, n_items, modalities, **settings)
