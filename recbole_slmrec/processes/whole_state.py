"""A run's state whose tables processes hold by columns: put together for a checkpoint, taken apart from
one."""

from __future__ import annotations

from typing import Any, Callable

import torch
from torch import Tensor, nn

from recbole_slmrec.processes import parallel
from recbole_slmrec.processes.columns import Columns

# What is done with a table of the parameter at this place; parameters that are not cut have no place.
Change = Callable[[Tensor, "_Place"], "Tensor | None"]


class WholeState:
    """What of a checkpoint is cut by columns: parameters, their optimiser's state and their averages.

    A checkpoint is the one that a single process writes, so that any number of processes reads it.

    Args:
        model: of which this process holds ``columns``.
        columns: that have cut its parameters.
        first_here: whether this is the first process of its machine, which writes checkpoints.
    """

    def __init__(self, model: nn.Module, columns: Columns, first_here: bool):
        self.columns = columns
        dims = {id(cut.parameter): cut.dim for cut in columns.cuts}
        self.places = {
            name: _Place(dims[id(parameter)], parameter, columns)
            for name, parameter in model.named_parameters()
            if id(parameter) in dims
        }
        # As an optimiser and an average number them.
        self.numbered = [self.places.get(name) for name, _ in model.named_parameters()]
        self.uncut = [p for p in model.parameters() if id(p) not in dims]
        self.roots = parallel.ranks_where(first_here)
        self.is_root = first_here

    def gathered(self, state: dict[str, Any]) -> dict[str, Any] | None:
        """The state of a single process, in those that write it; None in the others. All call it."""

        def gather(own: Tensor, place: _Place) -> Tensor | None:
            # Every process takes part in what each root puts together.
            parts = [self.columns.gathered(own, place.dim, root) for root in self.roots]
            return next((whole for whole in parts if whole is not None), None)

        whole = self._changed(state, gather)
        return whole if self.is_root else None

    def own(self, checkpoint: dict[str, Any]) -> dict[str, Any]:
        """A checkpoint with the own columns of its tables; one of another size is left as it is."""
        return self._changed(checkpoint, lambda table, place: place.own(table, self.columns))

    def _changed(self, state: dict[str, Any], change: Change) -> dict[str, Any]:
        state = dict(state)
        state["state_dict"] = {
            name: change(value, self.places[name]) if name in self.places else value
            for name, value in state["state_dict"].items()
        }
        if "optimizers" in state:
            state["optimizers"] = {
                name: {**each, "state": self._of_parameters(each["state"], change)}
                for name, each in state["optimizers"].items()
            }
        if state.get("average"):
            tables = zip(state["average"]["trained"], self.numbered)
            trained = [table if place is None else change(table, place) for table, place in tables]
            state["average"] = {**state["average"], "trained": trained}
        return state

    def _of_parameters(self, states: dict[int, dict], change: Change) -> dict[int, dict]:
        changed = {}
        for number, values in states.items():
            # Another model's checkpoint, which is refused later, may have more of them.
            place = self.numbered[number] if number < len(self.numbered) else None
            changed[number] = {
                # Beside tables of the parameter's shape an optimiser counts its steps.
                key: change(value, place) if place is not None and _is_table(value) else value
                for key, value in values.items()
            }
        return changed


class _Place:
    """Where a parameter is cut, and how large it is in a single process."""

    def __init__(self, dim: int, parameter: nn.Parameter, columns: Columns):
        self.dim, self.device = dim, parameter.device
        self.size = parameter.shape[dim] // columns.n * columns.width

    def own(self, whole: Tensor, columns: Columns) -> Tensor:
        if whole.dim() <= self.dim or whole.shape[self.dim] != self.size:
            return whole
        return columns.own(whole, self.dim).to(self.device)


def _is_table(value: Any) -> bool:
    return torch.is_tensor(value) and value.dim() > 0
