"""Parameters averaged over the steps of training: what is evaluated, kept and served."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterable, Iterator

import torch
from torch import nn


class ParameterAverage:
    """An exponential moving average of parameters (Polyak and Juditsky, 1992).

    After step n an average moves to the parameter by 1 - min(decay, (1 + n) / (10 + n)), so that the
    first steps, which are far from the last ones, are soon forgotten.

    Args:
        parameters: what is trained.
        decay: in [0, 1).

    Raises:
        ValueError: if ``decay``, the setting ``ema_decay``, is out of range.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], decay: float):
        if not isinstance(decay, (int, float)) or not 0 <= decay < 1:
            raise ValueError(
                f"ema_decay [{decay}] must be a number from 0 to below 1: how much of the average of "
                "parameters stays in a step; 0 averages nothing"
            )
        self.decay, self.n_steps = decay, 0
        self.parameters = list(parameters)
        # The averages; the trained values while the averages are in their place.
        self.aside = [parameter.detach().clone() for parameter in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        """To be called after each step."""
        self.n_steps += 1
        decay = min(self.decay, (1 + self.n_steps) / (10 + self.n_steps))
        torch._foreach_lerp_(self.aside, self.parameters, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Puts the averages in the place of the trained values, or these back."""
        for parameter, value in zip(self.parameters, self.aside):
            other = parameter.clone()
            parameter.copy_(value)
            value.copy_(other)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within it the parameters are the averages."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def state(self) -> dict[str, Any]:
        """Within :meth:`in_place`: what training goes on from, beside the parameters."""
        return {"n_steps": self.n_steps, "trained": self.aside}

    def resume(self, state: dict[str, Any]) -> None:
        """Goes on from a :meth:`state`; the parameters are the averages that were kept with it."""
        self.n_steps, self.aside = state["n_steps"], state["trained"]
        self.swap()
