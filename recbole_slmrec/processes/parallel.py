"""What the processes of a group say to one another: one batch, one gradient and one ranking in common.

RecBole averages the metrics of unequal shares, and pads them with users that are counted twice. Here
results equal those of one process.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator, Sequence

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

# Whether all processes have the same batch; each has its own, or is alone.
_one_batch = False


def share_one_batch(shared: bool) -> None:
    """Says whether from now on all processes have the same batch and the same random state, or each its
    own. With one batch each makes the same of it, or its share of a sum that they make together."""
    global _one_batch
    _one_batch = shared and dist.is_initialized()


def one_batch() -> bool:
    """Whether several processes have the same batch (see :func:`share_one_batch`)."""
    return _one_batch and dist.is_initialized()


def _batches_apart() -> bool:
    return dist.is_initialized() and not _one_batch


def own_share(n: int) -> slice:
    """This process's share of n rows of the batch that all have; all of them elsewhere."""
    if not one_batch():
        return slice(0, n)
    rank, n_processes = dist.get_rank(), dist.get_world_size()
    return slice(n * rank // n_processes, n * (rank + 1) // n_processes)


def ranks_where(this_one: bool) -> list[int]:
    """The ranks of the processes in which ``this_one`` is true."""
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    flags = torch.zeros(dist.get_world_size(), device=device)
    flags[dist.get_rank()] = this_one
    dist.all_reduce(flags)
    return flags.nonzero().flatten().tolist()


def added_up(*tables: Tensor) -> tuple[Tensor, ...]:
    """The sums over processes of tensors of one type, in one message; new tensors."""
    message = torch.cat([table.flatten() for table in tables])
    dist.all_reduce(message)
    parts = message.split([table.numel() for table in tables])
    return tuple(part.view_as(table) for part, table in zip(parts, tables))


def wait() -> None:
    """Waits until every process is here; nothing in a single process."""
    if dist.is_initialized():
        dist.barrier()


def gathered_rows(rows: Tensor, counts: Tensor) -> tuple[Tensor, Tensor, int]:
    """All processes' rows, one after another, with their counts, and where this one's begin.

    Where the processes have one batch these are its rows already. Gradients flow back to the process
    that a row came from. Each may give as many rows as it has.

    Args:
        rows: shape (n, d).
        counts: shape (n, 1).

    Returns:
        Shapes (n of all, d) and (n of all, 1), and the place of the first row of this process; what
        was given, and 0, in a single process.
    """
    if not _batches_apart():
        return rows, counts, 0
    n_rows = torch.tensor([len(rows)], device=rows.device)
    sizes = [torch.empty_like(n_rows) for _ in range(dist.get_world_size())]
    dist.all_gather(sizes, n_rows)
    sizes = [int(size) for size in sizes]
    joint = _Gather.apply(torch.cat([rows.to(counts.dtype), counts], dim=1), sizes)
    return joint[:, :-1], joint[:, -1:].detach(), sum(sizes[: dist.get_rank()])


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows: Tensor, sizes: list[int]) -> Tensor:
        first = sum(sizes[: dist.get_rank()])
        ctx.own = slice(first, first + len(rows))
        # Every process must send as much as every other.
        padded = F.pad(rows, (0, 0, 0, max(sizes) - len(rows)))
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes)])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor):
        gradient = gradient.clone()
        dist.all_reduce(gradient)
        return gradient[ctx.own], None


def joined(ids: Tensor) -> Tensor:
    """The ids of all processes, shape (n,) each, this one's first; ``ids`` if all have one batch."""
    if not _batches_apart():
        return ids
    size = torch.tensor([len(ids)], device=ids.device)
    sizes = [torch.empty_like(size) for _ in range(dist.get_world_size())]
    dist.all_gather(sizes, size)
    # Every process must send as much as every other.
    padded = F.pad(ids, (0, int(max(sizes)) - len(ids)))
    parts = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(parts, padded)
    parts = [part[: int(size)] for part, size in zip(parts, sizes)]
    rank = dist.get_rank()
    return torch.cat([ids, *parts[:rank], *parts[rank + 1 :]])


def first_ones(values: Tensor) -> Tensor:
    """The first process's ``values``, in every process; they are as many in each."""
    if _batches_apart():
        dist.broadcast(values, 0)
    return values


def keep_alike(parameters: Sequence[nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
    """Of one batch: gives every process the first one's ``parameters`` and the mean of their gradients.

    These are the same but for rounding, which may differ from machine to machine and on a GPU.
    """
    for parameter in parameters:
        dist.broadcast(parameter.data, 0)

    def average(*_) -> None:
        gradients = [each.grad for each in parameters if each.grad is not None]
        if gradients:
            torch._foreach_copy_(gradients, added_up(*gradients))
            torch._foreach_div_(gradients, dist.get_world_size())

    optimizer.register_step_pre_hook(average)


def synchronise(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Gives every process the first one's parameters, and every step the mean gradient."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    for parameter in parameters:
        dist.broadcast(parameter.data, 0)

    def average(*_) -> None:
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            dist.all_reduce(parameter.grad)
            parameter.grad.div_(dist.get_world_size())

    optimizer.register_step_pre_hook(average)


def first_ones_text(text: str) -> str:
    """The first process's ``text``, in every process."""
    content = torch.zeros(4096, dtype=torch.uint8)
    encoded = text.encode()
    content[: len(encoded)] = torch.tensor(list(encoded), dtype=torch.uint8)
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    content = content.to(device)
    dist.broadcast(content, 0)
    return bytes(content.tolist()).rstrip(b"\0").decode()


class JointEvaluator:
    """RecBole's evaluator on the rankings of all processes' users, each counted once.

    RecBole's distributed sampler deals users out in turn and repeats some to make shares equal.

    Args:
        evaluator: RecBole's.
    """

    def __init__(self, evaluator):
        self.evaluator = evaluator
        self.n_users = 0

    def evaluate(self, struct):
        """The metrics of all users, the same in every process."""
        for key, rows in struct._data_dict.items():
            if torch.is_tensor(rows):
                struct._data_dict[key] = self._joined(rows)
        return self.evaluator.evaluate(struct)

    def _joined(self, rows: Tensor) -> Tensor:
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        parts = [torch.empty_like(rows, device=device) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.to(device))
        return torch.stack(parts, dim=1).flatten(0, 1)[: self.n_users].cpu()


@contextmanager
def as_single_process(config) -> Iterator[None]:
    """RecBole's trainers wrap the model for CUDA devices when they are built; not inside this block."""
    single_spec = config["single_spec"]
    config["single_spec"] = True
    try:
        yield
    finally:
        config["single_spec"] = single_spec
