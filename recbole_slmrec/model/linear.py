"""The linear item-to-item part of a score: EASE and its kin, written as inner products of vectors."""

from __future__ import annotations

from math import inf, isfinite
from pathlib import Path
from typing import Sequence

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils.extmath import randomized_range_finder
from torch import Tensor, nn

from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.model.kept import KeptArray
from recbole_slmrec.model.validated import ValidatedWeight

# Of a smaller matrix a dense decomposition is quicker than one of its leading part.
_DENSE_SIZE, _DENSE_SHARE = 4096, 0.3

# Numbers of a decomposition from which on a file is read sooner than they are made.
_WORTH_A_FILE = 2**21

# Of the largest eigenvalue; what is below is 0 but for rounding.
_SMALLEST = 1e-12

# What validation multiplies or divides the weight by.
_FACTOR = 1.5

# Scores that a form keeps from one validation to the next: 512 MiB of them in float32.
_MOST_KEPT = 2**27

# What `auto` stands for: the widest vectors, and 128 MiB of them in float32.
_WIDEST, _NUMBERS = 1024, 2**25
_REG_PER_SQUARE, _OF_EASE = 8, 4
# Of users and items, the first to begin with.
_POWERS = ((0.5, 0.25), (0.0, 0.0))


class LinearPart(ValidatedWeight):
    """A linear item-to-item part of a score, in one of some closed forms.

    Args:
        block: the training graph.
        folder: where the eigenvectors of a large one lie between runs; None makes them each time.
        weight: the part's weight beside the vectors' own scores: 1 where both have the same standard
            deviation; > 0, or ``auto``: what validation says, by a factor of 1.5 from 1.
        reg, rank, user_power, item_power: as :class:`Regression` has them. Where a power is ``auto``,
            validation chooses between 0.5 for users with 0.25 for items, and 0, which is EASE.

    Raises:
        ValueError: for a setting out of range; the message names its key, such as ``linear_reg``.
    """

    def __init__(
        self,
        block: InteractionBlock,
        folder: Path | None,
        weight: float | str,
        reg: float | str,
        rank: int | str,
        user_power: float | str,
        item_power: float | str,
    ):
        # Where it is given, it comes from the settings.
        super().__init__(weight, 1.0, _FACTOR, is_kept=weight == "auto")
        check_power("linear_user_power", user_power)
        check_power("linear_item_power", item_power)
        powers = dict.fromkeys(
            (
                p if user_power == "auto" else float(user_power),
                q if item_power == "auto" else float(item_power),
            )
            for p, q in _POWERS
        )
        self.forms = nn.ModuleList(Regression(block, folder, reg, rank, *each) for each in powers)
        self.form = Form([str(form) for form in self.forms])

    @property
    def chosen(self) -> Regression:
        """The form that counts."""
        return self.forms[int(self.form.weight)]

    @property
    def on_users(self) -> Tensor:
        """a of all users, shape (|U|, k)."""
        return self.chosen.on_users

    @property
    def on_items(self) -> Tensor:
        """b of all items with the part's weight, shape (|I|, k)."""
        return self.weight * self.chosen.on_items

    def add_to(self, scores: Tensor, users: Tensor, scale: Tensor) -> Tensor:
        """Adds to ``scores``, shape (|I|, B), in place, ``scale`` times the inner products of these, of
        ``users``, shape (B,), with all items."""
        return scores.addcmul_(self.chosen.scores(users), self.weight * scale)

    def neighbour(self) -> float | None:
        return (self.weight * self.step).item()

    def turn(self) -> None:
        self.step.reciprocal_()


class Form(ValidatedWeight):
    """Which of one or two forms counts, by its number.

    Validation tries the other one until that is not better, and then no more: the weights that are
    found beside one form are not those of the other.

    Args:
        names: what they are called.
    """

    def __init__(self, names: Sequence[str]):
        super().__init__("auto" if len(names) > 1 else 0, 0.0, 1.0, is_kept=len(names) > 1)
        self.names = names

    def neighbour(self) -> float | None:
        return 1 - self.weight.item() if self.step else None

    def turn(self) -> None:
        self.step.zero_()

    def __str__(self) -> str:
        return self.names[int(self.weight)]


class Regression(nn.Module):
    r"""What the items of a user say of another item, in closed form (after EASE: Steck, WWW 2019).

    EASE regresses each item's column of the interactions R on all others, with the weight
    :math:`\lambda`. Here a user with n interactions weighs :math:`n^{-p}` in this regression, and the
    columns of an item with n are divided by :math:`n^q`, so that neither those who have much nor what
    all have say the most: with the degrees :math:`D_U` and :math:`D_I`, it is that of
    :math:`X = D_U^{-p/2} R D_I^{-q}`. With :math:`P = (X^T X + \lambda I)^{-1}` the score of an item i
    that the user does not have is :math:`-\sum_{j \in I_u} n_j^{-q} P_{ji} / P_{ii}`. With the
    eigenvectors v and eigenvalues :math:`\sigma` of :math:`X^T X`, and
    :math:`f(\sigma) = \sigma / (\lambda (\sigma + \lambda))`,
    :math:`P = I / \lambda - \sum_k f(\sigma_k) v_k v_k^T`, so that this score is the inner product

    .. math::
        a_u \cdot b_i, \quad a_u = \sum_{j \in I_u} n_j^{-q} V_j, \quad b_i = f(\sigma) V_i / P_{ii}

    With p = q = 0 it is EASE's. b is divided by the standard deviation of these scores.
    Over all eigenvectors nothing is approximated; the leading ones, which a large matrix has found by
    a randomised method (Halko et al., SIAM Review 2011), carry the most of it. An item without
    interactions has b = 0.

    Args:
        block: the training graph.
        folder: where the eigenvectors of a large one lie between runs; None makes them each time.
        reg: lambda > 0, or ``auto``: 8 times the mean of :math:`X^T X`'s diagonal over items that
            somebody has, 4 times with p = q = 0.
        rank: how many eigenvectors, the leading ones; or ``auto``: 1,024, fewer where the vectors of
            all users and items would fill more than 128 MiB.
        user_power: p, 0 or more.
        item_power: q, 0 or more.

    Raises:
        ValueError: as :class:`LinearPart`.
    """

    def __init__(
        self,
        block: InteractionBlock,
        folder: Path | None,
        reg: float | str,
        rank: int | str,
        user_power: float,
        item_power: float,
    ):
        super().__init__()
        self.user_power, self.item_power = user_power, item_power
        interactions, weights = _matrix(block), _weights(block.item_degrees, item_power)
        by_item = interactions @ sp.diags(weights.numpy())
        weighed = sp.diags(_weights(block.user_degrees, user_power / 2).numpy()) @ by_item
        per_square = _REG_PER_SQUARE if user_power or item_power else _OF_EASE
        self.reg = _chosen_reg(reg, weighed, per_square)
        squares, basis = _kept_leading(
            weighed, _chosen_rank(rank, weighed.shape), block, folder, f"{user_power}-{item_power}"
        )
        self.rank = len(squares)
        shares = squares / (self.reg * (squares + self.reg))
        diagonal = 1 / self.reg - basis**2 @ shares
        device, dtype = block.user_degrees.device, torch.get_default_dtype()
        of_each = (basis * weights.unsqueeze(1)).to(device, dtype)
        on_users = block.on_users(of_each)
        on_items = (basis * shares / diagonal.unsqueeze(1)).to(device, dtype)
        # Zero but for rounding, and the parts of a cold item's score are to be that.
        on_items[block.item_degrees == 0] = 0
        on_items /= spread(on_users, on_items).clamp(min=torch.finfo(torch.float32).tiny)
        # Made from the data anew at each start, so no checkpoint carries them.
        for name, table in (("of_each", of_each), ("on_users", on_users), ("on_items", on_items)):
            self.register_buffer(name, table, persistent=False)
        self._kept: dict[bytes, Tensor] = {}

    def scores(self, users: Tensor) -> Tensor:
        """a of each of ``users``, shape (B,), times b of every item: shape (|I|, B).

        Training changes nothing of it, and these columns are most of a score's: what the users have
        who are first asked for is kept.
        """
        key = users.cpu().numpy().tobytes()
        products = self._kept.get(key)
        if products is None:
            products = self.on_items @ self.on_users[users].T
            n_kept = sum(kept.numel() for kept in self._kept.values())
            if n_kept + products.numel() <= _MOST_KEPT:
                self._kept[key] = products
        return products

    def of_items(self, items: Tensor) -> Tensor:
        """a of a user who has ``items``, shape (n,), distinct: shape (k,)."""
        return self.of_each[items].sum(0)

    def _apply(self, *args, **kwargs):
        self._kept.clear()
        return super()._apply(*args, **kwargs)

    def __str__(self) -> str:
        if not self.user_power and not self.item_power:
            return "EASE"
        return f"users by n^-{self.user_power:g} and items by n^-{self.item_power:g}"


def spread(users: Tensor, items: Tensor) -> Tensor:
    """The standard deviation of the inner products of vectors, over all pairs of a user and an item.

    Args:
        users: shape (|U|, d); the padding, in row 0, does not count.
        items: shape (|I|, d); likewise.

    Returns:
        A scalar.
    """
    users, items = users[1:], items[1:]
    squares = (users.T @ users * (items.T @ items)).sum() / (len(users) * len(items))
    return (squares - (users.mean(0) @ items.mean(0)) ** 2).clamp(min=0).sqrt()


def check_weight(weight: float | str) -> None:
    """Raises ValueError unless ``linear_weight`` is ``auto`` or a number, 0 or more."""
    if weight == "auto":
        return
    if not isinstance(weight, (int, float)) or not isfinite(weight) or weight < 0:
        raise ValueError(
            f"linear_weight [{weight}] must be auto or a number, 0 or more: it weighs the linear part of "
            "a score, and 0 leaves it out"
        )


def check_power(key: str, power: float | str) -> None:
    """Raises ValueError, naming ``key``, unless the setting is ``auto`` or a number, 0 or more."""
    if power == "auto":
        return
    if isinstance(power, bool) or not isinstance(power, (int, float)) or not 0 <= power < inf:
        raise ValueError(
            f"{key} [{power}] must be auto or a number, 0 or more: 0 weighs all alike, as EASE"
        )


def _weights(degrees: Tensor, power: float) -> Tensor:
    """Degrees, shape (n,), to minus ``power``; those of 0 count as 1."""
    return degrees.cpu().double().clamp(min=1) ** -power


def _matrix(block: InteractionBlock) -> sp.csr_matrix:
    starts, columns = (
        part.cpu().numpy() for part in (block.on_users.starts, block.on_users.columns)
    )
    return sp.csr_matrix((np.ones(len(columns)), columns, starts), (block.n_users, block.n_items))


def _chosen_reg(reg: float | str, weighed: sp.csr_matrix, per_square: float) -> float:
    if reg == "auto":
        return per_square * (weighed.data**2).sum() / len(np.unique(weighed.indices))
    if not isinstance(reg, (int, float)) or not isfinite(reg) or reg <= 0:
        raise ValueError(f"linear_reg [{reg}] must be a number above 0, or auto")
    return float(reg)


def _chosen_rank(rank: int | str, shape: tuple[int, int]) -> int:
    if rank == "auto":
        return max(min(_WIDEST, _NUMBERS // sum(shape), *shape), 1)
    if type(rank) is not int or rank < 1:
        raise ValueError(f"linear_rank [{rank}] must be a whole number, 1 or more, or auto")
    return min(rank, *shape)


def _kept_leading(
    weighed: sp.csr_matrix, rank: int, block: InteractionBlock, folder: Path | None, powers: str
) -> tuple[Tensor, Tensor]:
    """As :func:`_leading`, read from a file where an earlier run left one."""
    if folder is None or rank * sum(weighed.shape) < _WORTH_A_FILE:
        return _leading(weighed, rank)
    edges, n_items = block.on_users, weighed.shape[1]
    kept = KeptArray(
        folder, f"linear.{powers}.eigenvectors", f"{rank} {n_items}", edges.starts, edges.columns
    )
    table = kept.read((1 + n_items, rank), np.dtype(np.float64))
    if table is None:
        squares, basis = _leading(weighed, rank)
        if len(squares) == rank:
            kept.write("the linear part's eigenvectors", squares[None].numpy(), basis.numpy())
        return squares, basis
    table = torch.from_numpy(table)
    return table[0], table[1:]


def _leading(weighed: sp.csr_matrix, rank: int) -> tuple[Tensor, Tensor]:
    """The largest eigenvalues of X'X, those above 0, and their eigenvectors: shapes (k,), (|I|, k)."""
    smaller = min(weighed.shape)
    if smaller > _DENSE_SIZE and rank <= _DENSE_SHARE * smaller:
        squares, basis = _leading_by_chance(weighed, rank)
    elif weighed.shape[0] < weighed.shape[1]:
        squares, of_users = torch.linalg.eigh(_dense(weighed @ weighed.T))
        basis = torch.from_numpy(weighed.T @ of_users.numpy())
        basis /= squares.clamp(min=_SMALLEST).sqrt()
    else:
        squares, basis = torch.linalg.eigh(_dense(weighed.T @ weighed))
    order = squares.argsort(descending=True)[:rank]
    order = order[squares[order] > _SMALLEST * squares.max()]
    return squares[order], basis[:, order]


def _leading_by_chance(weighed: sp.csr_matrix, rank: int) -> tuple[Tensor, Tensor]:
    # A seed of its own: the same data give the same vectors, and a run's random state stays.
    basis = randomized_range_finder(weighed.T, size=rank + rank // 8, n_iter=4, random_state=0)
    products = torch.from_numpy(weighed @ basis)
    # Two fifths of the time of torch.svd_lowrank, which decomposes the narrow matrix itself, and nearer.
    squares, turn = torch.linalg.eigh(products.T @ products)
    return squares[-rank:], torch.from_numpy(basis) @ turn[:, -rank:]


def _dense(matrix: sp.csr_matrix) -> Tensor:
    return torch.from_numpy(matrix.toarray())
