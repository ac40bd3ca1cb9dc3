"""Items that nobody has in training: a score by their content, on the footing of all others."""

from __future__ import annotations

from typing import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recbole_slmrec.data.modality import DenseModality, Modality
from recbole_slmrec.evaluation.top_k import top_k
from recbole_slmrec.graph.product import InteractionBlock
from recbole_slmrec.model.linear import spread
from recbole_slmrec.model.rows import Part

# The first places of a ranking, of which cold items get their share.
_PLACES = 20

# Users whom the share is measured on, fewer where the catalogue is large: 64 MiB of scores.
_USERS, _SCORES = 1024, 2**24

# Principal components of the content.
_WIDEST = 64


class ColdItems(nn.Module):
    r"""Ranks items without interactions by their likeness to what a user has.

    Training teaches nothing of such an item, and a vector that was never compared with others finds
    no place among them. So its score is another one: with x the content of an item, all dense
    modalities side by side, each column in deviations from its mean over the items that somebody has,
    in at most 64 principal components and of length one,

    .. math::
        s_{ui} = \frac{\sigma}{\sigma_0 \sqrt{|I_u|}} \sum_{j \in I_u} x_j \cdot x_i + b

    :math:`\sigma` is the standard deviation of the trained scores, :math:`\sigma_0` that of the sums.
    b is such that cold items fill a given share of the first 20 places of all users together; who
    sees them follows from the content. By itself the share is what Good and Turing say of the chance
    that the next interaction is with an item that had none (Good, Biometrika 1953): the items with one
    interaction, by all interactions. Items that come after training get what they are of all items.

    Args:
        block: the training graph.
        modalities: those of the model; at least one dense one.
        share: in (0, 1), or ``auto``.
    """

    def __init__(self, block: InteractionBlock, modalities: Sequence[Modality], share: float | str):
        super().__init__()
        self.block, self.share = block, share
        degrees = block.item_degrees
        self.expected = ((degrees == 1).sum() / degrees.sum().clamp(min=1)).item()
        dense = [modality for modality in modalities if isinstance(modality, DenseModality)]
        self.names = tuple(modality.name for modality in dense)
        device, dtype = block.item_degrees.device, torch.get_default_dtype()
        features = [torch.from_numpy(modality.features).to(dtype) for modality in dense]
        has_content = torch.stack([table.any(1) for table in features]).any(0)
        warm = (block.item_degrees > 0).cpu() & has_content
        self.scales = [_scales(table[warm]) for table in features]
        self.basis = _principal(torch.cat(self._standard([f[warm] for f in features]), dim=1))
        content = self.content_of(features)
        # Made on the host, which holds features that a device has no room for.
        self.scales = [(mean.to(device), deviation.to(device)) for mean, deviation in self.scales]
        self.basis = self.basis.to(device)
        self.register_buffer("are_cold", (has_content & ~warm).to(device), persistent=False)
        self.register_buffer("content", content.to(device), persistent=False)
        counts = block.user_degrees.to(dtype).clamp(min=1).unsqueeze(1)
        self.register_buffer(
            "on_users", block.on_users(self.content) / counts.sqrt(), persistent=False
        )
        self.own_spread = spread(self.on_users, self.content).clamp(min=torch.finfo(dtype).tiny)

    @property
    def n_cold(self) -> int:
        """How many items of the catalogue are cold."""
        return int(self.are_cold.sum())

    @property
    def width(self) -> int:
        """The number of columns, k of the content and one for b."""
        return self.content.shape[1] + 1

    def content_of(self, features: Sequence[Tensor]) -> Tensor:
        """x of items from the dense modalities' features, shape (n, D) each: shape (n, k)."""
        return F.normalize(torch.cat(self._standard(features), dim=1) @ self.basis, dim=1)

    def beside(
        self, parts: dict[str, Part], scale: Tensor, scores: Callable[[Tensor], Tensor]
    ) -> dict[str, Part]:
        """A score's parts with that of cold items, which have no other.

        Args:
            parts: vectors of all users and items by name; their inner products add up to a score.
            scale: sigma, a scalar.
            scores: these sums, of some users, shape (B,), with all items: shape (|I|, B).
        """
        cold = self.are_cold.unsqueeze(1)
        parts = {
            name: Part(part.on_users, part.on_items.masked_fill(cold, 0))
            for name, part in parts.items()
        }
        columns = self.content.new_zeros(len(cold), self.width)
        if self.n_cold:
            share = self.expected if self.share == "auto" else float(self.share)
            columns[self.are_cold] = self._columns(
                self.content[self.are_cold], scores, scale, share
            )
        return {**parts, "content": Part(self.of_users(self.on_users), columns)}

    def of_users(self, profiles: Tensor) -> Tensor:
        """The columns of users from their mean content, shape (n, k): shape (n, k + 1)."""
        return F.pad(profiles, (0, 1), value=1.0)

    def of_new_user(self, items: Tensor) -> Tensor:
        """Those of a user who has ``items``, shape (n,), distinct: shape (k + 1,)."""
        return self.of_users(self.content[items].sum(0) / len(items) ** 0.5)

    def of_new_items(self, features: Sequence[Tensor], known: Part, scale: Tensor) -> Tensor:
        """The columns of items that came after training, shape (n, k + 1).

        Args:
            features: of the dense modalities, shape (n, D) each.
            known: the vectors of all users, and of the items that they are ranked among.
            scale: sigma, a scalar.
        """
        content = self.content_of(features)
        n = len(content)
        share = n / (len(known.on_items) - 1 + n) if self.share == "auto" else float(self.share)
        on_items = known.on_items[: len(self.are_cold)]
        return self._columns(
            content, lambda users: on_items @ known.on_users[users].T, scale, share
        )

    def _columns(
        self, content: Tensor, scores: Callable[[Tensor], Tensor], scale: Tensor, share: float
    ) -> Tensor:
        own = content * (scale / self.own_spread)
        return torch.cat([own, self._bias(own, scores, share).expand(len(own), 1)], dim=1)

    def _bias(self, own: Tensor, scores: Callable[[Tensor], Tensor], share: float) -> Tensor:
        """b, by which a share of the places is that of the cold items ``own``."""
        users = self._some_users(len(self.are_cold))
        warm = scores(users).T
        warm[self.block.on_users.pairs(users)] = -torch.inf
        warm[:, self.block.item_degrees == 0] = -torch.inf
        best = top_k(warm, min(_PLACES, warm.shape[1]))[0]
        best = F.pad(best, (0, _PLACES - best.shape[1]), value=-torch.inf)
        cold = (self.on_users[users] @ own.T).topk(min(_PLACES, len(own)), dim=1).values
        # The j-th best cold item is among the first once it is above the j-th last of the others.
        needed = best.flip(1)[:, : cold.shape[1]] - cold
        n_places = round(share * _PLACES * len(users))
        needed = needed[needed > -torch.inf]
        if not len(needed):
            return needed.new_zeros(1)
        return needed.kthvalue(min(max(n_places, 1), len(needed))).values

    def _some_users(self, n_items: int) -> Tensor:
        """Users with interactions, spread over all."""
        users = (self.block.user_degrees > 0).nonzero().squeeze(1)
        n = min(len(users), _USERS, max(_SCORES // n_items, 1))
        return users[torch.linspace(0, len(users) - 1, n).long().to(users.device)]

    def _standard(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Deviations of columns from their means; zero rows, which have no features, stay."""
        return [
            (table - mean) / deviation * table.any(1, keepdim=True)
            for table, (mean, deviation) in zip(features, self.scales)
        ]


def check_share(share: float | str) -> None:
    """Raises ValueError unless ``cold_share`` is ``auto`` or a number in [0, 1)."""
    if share != "auto" and (not isinstance(share, (int, float)) or not 0 <= share < 1):
        raise ValueError(
            f"cold_share [{share}] must be auto or a number from 0 to below 1: the share of the first "
            "20 places that items without interactions get; 0 ranks them as all others"
        )


def _scales(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each column over the rows that have features; of a constant one, 1."""
    present = features[features.any(1)]
    if not len(present):
        return features.new_zeros(features.shape[1]), features.new_ones(features.shape[1])
    deviation = present.std(0, correction=0)
    constant = deviation <= 1e-6 * present.abs().amax(0)
    return present.mean(0), deviation.masked_fill(constant, 1)


def _principal(rows: Tensor) -> Tensor:
    """The leading right singular vectors of ``rows``, shape (n, D): shape (D, k)."""
    if rows.shape[1] <= _WIDEST:
        return torch.eye(rows.shape[1], device=rows.device, dtype=rows.dtype)
    # A seed of its own: the same data give the same vectors, and a run's random state stays.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return torch.svd_lowrank(rows, q=min(_WIDEST, *rows.shape), niter=4)[2]
