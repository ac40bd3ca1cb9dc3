"""Tables of which each process holds some columns, and what processes then say to one another."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from recbole_slmrec.processes import parallel


class Cut(NamedTuple):
    """A parameter of which a process holds a part, and the dimension along which it is cut."""

    module: nn.Module
    name: str
    dim: int

    @property
    def parameter(self) -> nn.Parameter:
        return getattr(self.module, self.name)


class Columns:
    r"""The columns that this process holds, of d in all; each process holds some.

    A linear propagation works on each column by itself. A linear map of a whole vector x is the sum over
    processes of the maps of their columns of it, W[:, own] x[own], whose gradient needs no word between
    them where each makes the same of the sum (Shoeybi et al., Megatron-LM, 2019: f and g).

    Args:
        width: d.
        rank: of this process.
        n_processes: at most d; need not divide it.

    Attributes:
        n: how many columns this process holds.
        cuts: the parameters that :meth:`cut` has cut.
    """

    def __init__(self, width: int, rank: int = 0, n_processes: int = 1):
        self.width, self.rank = width, rank
        each, more = divmod(width, n_processes)
        self.sizes = [each + (process < more) for process in range(n_processes)]
        self.n = self.sizes[rank]
        self.cuts: list[Cut] = []

    @property
    def are_all(self) -> bool:
        """Whether this process holds every column."""
        return self.n == self.width

    def cut(self, module: nn.Module, **dims: int) -> nn.Module:
        """Leaves the module the own columns of its parameters ``dims``, name to dimension; gives it.

        Along this dimension a parameter has d places, or several times d, one after another.
        """
        if self.are_all:
            return module
        for name, dim in dims.items():
            whole = getattr(module, name)
            setattr(module, name, nn.Parameter(self.own(whole.detach(), dim)))
            self.cuts.append(Cut(module, name, dim))
        return module

    def table(self, n_rows: int) -> nn.Embedding:
        """The own columns of a new table of ``n_rows`` x d."""
        return self.cut(nn.Embedding(n_rows, self.width), weight=1)

    def drawn(self, initialise: Callable[[nn.Module], Any]) -> Callable[[nn.Module], None]:
        """``initialise``, to be applied to each module, with what a whole one would have drawn.

        One whole table at a time is in memory.
        """

        def initialise_own(module: nn.Module) -> None:
            cuts = [cut for cut in self.cuts if cut.module is module]
            for cut in cuts:
                setattr(module, cut.name, nn.Parameter(self._widened(cut)))
            initialise(module)
            for cut in cuts:
                setattr(module, cut.name, nn.Parameter(self.own(cut.parameter.detach(), cut.dim)))

        return initialise_own

    def own(self, whole: Tensor, dim: int) -> Tensor:
        """The own columns of what has d places, or several times d, in the dimension ``dim``."""
        if self.are_all:
            return whole
        own = self._part(whole, dim, self.rank).flatten(dim, dim + 1)
        # Not a view, which would keep the whole in memory.
        return own.clone(memory_format=torch.contiguous_format)

    def mapped(self, *pairs: tuple[nn.Linear, Tensor]) -> list[Tensor]:
        """Linear maps of whole vectors, of which each process has its columns: those of each x, shape
        (n, own columns), and of each map's weight. Whole results, the same in each, shape (n, out)."""
        if self.are_all:
            return [linear(x) for linear, x in pairs]
        products = self.summed(*(F.linear(x, linear.weight) for linear, x in pairs))
        return [product + linear.bias for product, (linear, _) in zip(products, pairs)]

    def summed(self, *tables: Tensor) -> tuple[Tensor, ...]:
        """The sums of all processes' tables, in one message; each is to make the same of them."""
        return tables if self.are_all else _Sum.apply(*tables)

    def shared(self, x: Tensor) -> Tensor:
        """What is the same in all processes, before each maps it to its own columns."""
        return x if self.are_all else _Share.apply(x)

    def gathered(self, own: Tensor, dim: int, root: int) -> Tensor | None:
        """What :meth:`own` was taken from, put together in the process ``root``; None in the others."""
        parts = own.unflatten(dim, (-1, self.n)).movedim(dim + 1, 0)
        # Every process must send as much as every other.
        padded = parts.new_zeros(max(self.sizes), *parts.shape[1:])
        padded[: self.n] = parts
        received = None
        if self.rank == root:
            received = [torch.empty_like(padded) for _ in self.sizes]
        dist.gather(padded, received, dst=root)
        if received is None:
            return None
        shape = list(own.shape)
        shape[dim] = shape[dim] // self.n * self.width
        whole = own.new_empty(shape)
        for rank, part in enumerate(received):
            part = part[: self.sizes[rank]].movedim(0, dim + 1)
            self._part(whole, dim, rank).copy_(part)
        return whole

    def _part(self, whole: Tensor, dim: int, rank: int) -> Tensor:
        """A process's columns of ``whole``, in whose memory they are; those of each d a row."""
        times = whole.unflatten(dim, (-1, self.width))
        return times.narrow(dim + 1, sum(self.sizes[:rank]), self.sizes[rank])

    def _widened(self, cut: Cut) -> Tensor:
        shape = list(cut.parameter.shape)
        shape[cut.dim] = shape[cut.dim] // self.n * self.width
        return cut.parameter.detach().new_empty(shape)


def columns_of(width: int) -> Columns:
    """All of ``width`` columns, or this process's share where processes hold tables by columns."""
    if not parallel.one_batch():
        return Columns(width)
    return Columns(width, dist.get_rank(), dist.get_world_size())


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *tables: Tensor) -> tuple[Tensor, ...]:
        return parallel.added_up(*tables)

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor, ...]:
        return gradients


class _Share(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:
        return parallel.added_up(gradient)[0]
