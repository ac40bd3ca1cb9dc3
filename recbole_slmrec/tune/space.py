"""The values to try: RecBole's .hyper files, read without running a word of them."""

from __future__ import annotations

import ast
import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import numpy as np
from hyperopt import hp
from hyperopt.pyll import scope

from recbole_slmrec.names import did_you_mean

# What follows the name and the kind on a line.
_FORMS = {
    "choice": "[value, value, ...]",
    "uniform": "low,high",
    "quniform": "low,high,step",
    "loguniform": "low,high (natural logarithms)",
}


@dataclass(frozen=True)
class Parameter:
    """A setting to tune.

    Attributes:
        name: the setting.
        kind: ``choice``, ``uniform``, ``quniform`` or ``loguniform``.
        values: all values of a choice; the bounds (and step) of the others. Where those of a
            ``quniform`` are whole numbers, it gives whole numbers.
    """

    name: str
    kind: str
    values: tuple

    def for_hyperopt(self):
        if self.kind == "choice":
            return hp.choice(self.name, list(self.values))
        value = getattr(hp, self.kind)(self.name, *self.values)
        return scope.int(value) if self._whole else value

    def draw(self, rng: np.random.Generator) -> Any:
        """A value at random, spread as Hyperopt spreads it."""
        if self.kind == "choice":
            return self.values[rng.integers(len(self.values))]
        value = rng.uniform(*self.values[:2])
        if self.kind == "loguniform":
            return math.exp(value)
        if self.kind == "quniform":
            step = self.values[2]
            value = round(value / step) * step
        return int(value) if self._whole else value

    @property
    def _whole(self) -> bool:
        return self.kind == "quniform" and all(value.is_integer() for value in self.values)


def read_space(path: Path) -> list[Parameter]:
    """Reads a file of lines ``name kind values``, such as ``tau choice [0.1,0.2]``.

    Empty lines and those that start with # are passed over.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a line that does not follow the form; the message names file and line.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no hyper file [{path}]")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8: {error}") from None
    space: dict[str, Parameter] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            parameter = _parameter(line)
            if parameter.name in space:
                raise ValueError(f"{parameter.name} is there twice")
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        space[parameter.name] = parameter
    if not space:
        raise ValueError(f"{path} names no parameter: a line reads `tau choice [0.1,0.2]`")
    return list(space.values())


def n_combinations(space: list[Parameter]) -> int | None:
    """How many trials try everything; None where a parameter takes any value of a range."""
    if any(parameter.kind != "choice" for parameter in space):
        return None
    return math.prod(len(parameter.values) for parameter in space)


def draw_all(space: list[Parameter], n: int, seed: int) -> list[dict[str, Any]]:
    """``n`` different combinations at random, or all where there are no more than ``n``.

    A larger ``n`` with the same seed begins with those of a smaller one.
    """
    size = n_combinations(space)
    rng = np.random.default_rng(seed)
    if size is not None:
        everything = list(_grid(space))
        return [everything[k] for k in rng.permutation(size)[:n]]
    return [{p.name: p.draw(rng) for p in space} for _ in range(n)]


def _grid(space: list[Parameter]) -> Iterator[dict[str, Any]]:
    names = [parameter.name for parameter in space]
    for values in itertools.product(*(parameter.values for parameter in space)):
        yield dict(zip(names, values))


def _parameter(line: str) -> Parameter:
    words = line.split(maxsplit=2)
    if len(words) < 3:
        raise ValueError(f"[{line.strip()}] is not of the form `name kind values`")
    name, kind, text = words
    if kind not in _FORMS:
        raise ValueError(
            f"there is no kind [{kind}] among {', '.join(_FORMS)}{did_you_mean(kind, _FORMS)}"
        )
    values = _choices(text) if kind == "choice" else _bounds(kind, text)
    return Parameter(name, kind, values)


def _choices(text: str) -> tuple:
    try:
        values = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        values = None
    if not isinstance(values, (list, tuple)) or not values:
        raise ValueError(
            f"[{text}] is not a list of values: choice {_FORMS['choice']}, with text in quotes"
        )
    # Not by equality: 1 and True are different values of a setting.
    if len(set(map(repr, values))) < len(values):
        raise ValueError(f"{text} has a value twice")
    return tuple(values)


def _bounds(kind: str, text: str) -> tuple:
    n_expected = _FORMS[kind].count(",") + 1
    try:
        bounds = tuple(float(word) for word in text.split(","))
    except ValueError:
        bounds = ()
    if len(bounds) != n_expected or not all(map(math.isfinite, bounds)):
        raise ValueError(f"[{text}] is not of the form {kind} {_FORMS[kind]}")
    if bounds[0] >= bounds[1] or (kind == "quniform" and bounds[2] <= 0):
        raise ValueError(f"{text}: low must be below high, and a step above 0")
    return bounds
