"""The user-item interaction graph as a DGL heterograph."""

from __future__ import annotations

import dgl
import torch
from torch import Tensor

USER_TO_ITEM = "interacts"
ITEM_TO_USER = "interacted_by"


def interaction_graph(users: Tensor, items: Tensor, n_users: int, n_items: int) -> dgl.DGLGraph:
    """Builds the graph of SLMRec section II: one edge per distinct interaction, in both directions.

    Args:
        users: shape (E,), user of each interaction, in [0, n_users).
        items: shape (E,), item of each interaction, in [0, n_items).
        n_users: number of user nodes; those without an interaction are isolated.
        n_items: number of item nodes; likewise.

    Returns:
        A heterograph with the relations ``user -interacts-> item`` and
        ``item -interacted_by-> user``, with 32-bit node ids.

    Raises:
        ValueError: if there is no interaction, or an id is out of range.
    """
    if len(users) == 0:
        raise ValueError("the interaction graph has no edge: the training split is empty")
    for ids, count, side in ((users, n_users, "user"), (items, n_items, "item")):
        if int(ids.min()) < 0 or int(ids.max()) >= count:
            raise ValueError(
                f"{side} ids reach from {int(ids.min())} to {int(ids.max())}, "
                f"but the graph has {count} {side}s (0 to {count - 1})"
            )
    pairs = torch.unique(users.long() * n_items + items.long())
    users, items = pairs // n_items, pairs % n_items
    return dgl.heterograph(
        {
            ("user", USER_TO_ITEM, "item"): (users, items),
            ("item", ITEM_TO_USER, "user"): (items, users),
        },
        num_nodes_dict={"user": n_users, "item": n_items},
        idtype=torch.int32,
    )
