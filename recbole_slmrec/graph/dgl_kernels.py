"""DGL's kernels, where an installed DGL has them; nothing else here imports DGL."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Callable

import torch
from torch import Tensor

from recbole_slmrec.compat import import_dgl
from recbole_slmrec.graph.bipartite import InteractionGraph, interaction_graph

if TYPE_CHECKING:
    import dgl

USER_TO_ITEM = "interacts"
ITEM_TO_USER = "interacted_by"

NOT_INSTALLED = "no DGL is installed"

# Wider tables fall out of the cache: 128 columns at once take nearly three times as long as 64 twice.
_CACHED_COLUMNS = 64


def heterograph(graph: InteractionGraph) -> dgl.DGLGraph:
    """The DGL heterograph of both halves, on their device.

    Returns:
        The relations ``user -interacts-> item`` and ``item -interacted_by-> user``, with 32-bit ids.
    """
    relations = {
        ("item", ITEM_TO_USER, "user"): graph.on_users,
        ("user", USER_TO_ITEM, "item"): graph.on_items,
    }
    return import_dgl().heterograph(
        {name: ("csc", (half.starts, half.columns, [])) for name, half in relations.items()},
        num_nodes_dict={"user": graph.n_users, "item": graph.n_items},
        idtype=torch.int32,
    )


def neighbour_sums(relation: dgl.DGLGraph) -> Callable[[Tensor], Tensor]:
    """The sum over each destination's sources; zero where it has none.

    Args:
        relation: a graph of one relation.
    """
    copy_u_sum = import_dgl().ops.copy_u_sum

    def sums(x: Tensor) -> Tensor:
        if x.shape[1] <= _CACHED_COLUMNS:
            return copy_u_sum(relation, x)
        chunks = [chunk.contiguous() for chunk in x.split(_CACHED_COLUMNS, dim=1)]
        return torch.cat([copy_u_sum(relation, chunk) for chunk in chunks], dim=1)

    return sums


def neighbour_maxima(relation: dgl.DGLGraph) -> Callable[[Tensor], Tensor]:
    """The maximum over each destination's sources; -inf where it has none.

    Args:
        relation: as for :func:`neighbour_sums`.
    """
    copy_u_max = import_dgl().ops.copy_u_max
    return lambda x: copy_u_max(relation, x)


def version() -> str:
    """The version of the installed DGL, or ``none``; it is not imported, which takes half a second."""
    try:
        return metadata.version("dgl")
    except metadata.PackageNotFoundError:
        return "none"


@cache
def obstacle(device_type: str) -> str | None:
    """Why DGL's kernels cannot be had on a kind of device, as the end of a sentence; None if they can.

    A small sum is made: a build that was made for another PyTorch or device may import all the same.

    Args:
        device_type: such as ``cpu``.
    """
    try:
        version = import_dgl().__version__
    except ModuleNotFoundError as error:
        if error.name == "dgl":
            return NOT_INSTALLED
        return f"the installed DGL cannot be imported, {type(error).__name__}: {error}"
    except Exception as error:  # what a broken package raises is not known
        return f"the installed DGL cannot be imported, {type(error).__name__}: {error}"
    ends = torch.tensor([0, 0, 1], device=device_type), torch.tensor([0, 1, 1], device=device_type)
    try:
        relation = heterograph(interaction_graph(*ends, 2, 2))[USER_TO_ITEM]
        x = torch.tensor([[1.0], [2.0]], device=device_type)
        if neighbour_sums(relation)(x).flatten().tolist() == [1, 3]:
            return None
    except Exception:  # DGL raises its own error, KeyError or AssertionError, by build and device
        pass
    return f"the installed DGL {version} has no kernels for [{device_type}]"
