"""The whole graph as one sparse matrix, and the mean over layers of products with it."""

from __future__ import annotations

import torch
from torch import Tensor


def normalised_adjacency(users: Tensor, items: Tensor, n_users: int, n_items: int) -> Tensor:
    """D^-1/2 A D^-1/2 of all nodes, users before items, in torch's sparse COO form."""
    n_nodes = n_users + n_items
    pairs = torch.unique(torch.stack([users.long(), n_users + items.long()]), dim=1)
    ends = torch.cat([pairs, pairs.flip(0)], dim=1)
    degrees = torch.bincount(ends[0], minlength=n_nodes).to(torch.get_default_dtype())
    weights = degrees[ends].rsqrt().prod(0)
    shape = (n_nodes, n_nodes)
    return torch.sparse_coo_tensor(ends, weights, shape, check_invariants=True).coalesce()


def mean_over_layers(
    adjacency: Tensor, on_users: Tensor, on_items: Tensor, n_layers: int
) -> tuple[Tensor, Tensor]:
    """The mean of a table of all nodes and of what each layer makes of it, as its two sides."""
    layers = [torch.cat([on_users, on_items])]
    for _ in range(n_layers):
        layers.append(torch.sparse.mm(adjacency, layers[-1]))
    on_users, on_items = torch.stack(layers).mean(0).split([len(on_users), len(on_items)])
    return on_users, on_items
