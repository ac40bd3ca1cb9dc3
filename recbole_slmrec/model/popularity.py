"""How often an item is taken, as a part of its score beside a trained cosine."""

from __future__ import annotations

from math import isfinite

import torch
from torch import Tensor

from recbole_slmrec.model.rows import Part
from recbole_slmrec.model.validated import ValidatedWeight

# What validation moves the weight by, and where it begins: half of what training alone would say.
_STEP, _START = 0.25, 0.5

# Of an item that nobody has: less than one, and with a logarithm.
_HALF = 0.5


class Popularity(ValidatedWeight):
    r"""The logarithm of an item's interactions, weighed beside a cosine.

    In-batch negatives stand in a batch as often as they are taken, so that training draws
    :math:`\cos / \tau` towards :math:`\log p(i \mid u) - \log p(i)` (Eq. 12-13): the model knows what
    suits the user, and not what is taken much (Yi et al., RecSys 2019; Menon et al., ICLR 2021). With the
    degree :math:`d_i` of an item in training, the score is

    .. math::
        \cos(z_u, z_i) + \gamma \tau \log d_i

    With :math:`\gamma = 1` this is the :math:`p(i \mid u)` of the training data; less is right where what
    is popular changes from training to the time that is judged.

    Args:
        item_degrees: d, shape (|I|,); the padding in row 0.
        temperature: tau of the main loss.
        weight: gamma, a number other than 0, or ``auto``: what validation says, 0.25 a step.
        over_all: whether negatives are items of equal weight, for which training says that gamma is 0
            and ``auto`` begins there; else it begins at 0.5.
    """

    def __init__(
        self, item_degrees: Tensor, temperature: float, weight: float | str, over_all: bool
    ):
        super().__init__(weight, 0.0 if over_all else _START, _STEP, is_kept=True)
        logs = item_degrees.to(torch.get_default_dtype()).clamp(min=_HALF).log()
        self.register_buffer("logs", float(temperature) * logs.unsqueeze(1), persistent=False)

    def columns(self, n_users: int) -> Part:
        """Its vectors of users and items: shapes (|U|, 1) and (|I|, 1)."""
        return Part(self.logs.new_ones(n_users, 1), self.weight * self.logs)

    @property
    def of_cold(self) -> Tensor:
        """The column of an item that nobody has, a scalar."""
        return self.weight * self.logs.min()

    def neighbour(self) -> float | None:
        """A step away; None if that is below 0."""
        tried = (self.weight + self.step).item()
        return tried if tried >= 0 else None

    def turn(self) -> None:
        self.step.neg_()


def check_weight(weight: float | str) -> None:
    """Raises ValueError unless ``popularity_weight`` is ``auto`` or a finite number."""
    if weight != "auto" and (not isinstance(weight, (int, float)) or not isfinite(weight)):
        raise ValueError(
            f"popularity_weight [{weight}] must be auto or a number: it weighs an item's popularity "
            "in a score, 1 as in training; 0 leaves it out"
        )
