"""Weights of a score's parts that validation chooses while a model trains."""

from __future__ import annotations

import torch
from torch import nn


class ValidatedWeight(nn.Module):
    """A part of a score with a weight that validation may move.

    What training says of a part's weight beside the others is not what is right where a ranking is
    judged, and no gradient reaches it: where it is ``free``, the trainer tries a neighbour at each
    validation, and goes on from the better of the two.

    Args:
        weight: a number, or ``auto`` for one that validation chooses.
        start: where that begins.
        step: between neighbours; what it means is the subclass's.
        is_kept: whether checkpoints carry the weight.

    Attributes:
        free: whether validation chooses the weight.
        weight: a scalar.
    """

    def __init__(self, weight: float | str, start: float, step: float, is_kept: bool):
        super().__init__()
        self.free = weight == "auto"
        first = float(start if self.free else weight)
        self.register_buffer("weight", torch.tensor(first), persistent=is_kept)
        self.register_buffer("step", torch.tensor(float(step)), persistent=is_kept)

    def __str__(self) -> str:
        return f"{self.weight:.4g}"

    def neighbour(self) -> float | None:
        """The weight that is to be tried next; None if there is none in this direction."""
        raise NotImplementedError

    def turn(self) -> None:
        """The other direction from now on: the neighbour was not better."""
        raise NotImplementedError


def free_weights(model: nn.Module) -> dict[str, ValidatedWeight]:
    """The parts of a model whose weights validation chooses, by the names of their modules."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, ValidatedWeight) and module.free
    }
