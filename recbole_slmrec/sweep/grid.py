"""What is swept, as typed: models, the setting that varies, and its values."""

from __future__ import annotations

from dataclasses import dataclass

from recbole_slmrec.compare.names import Entry, check_of_a_row, split_at_commas


@dataclass(frozen=True)
class Sweep:
    """Every model at every value of one setting."""

    models: list[Entry]
    """The lines of the chart."""
    key: str
    """The setting that varies."""
    values: list[str]
    """Its values as typed, in the order of the chart."""

    def at(self, model: Entry, value: str) -> Entry:
        """The row of a comparison that is ``model`` with one of the values."""
        overrides = {**model.overrides, self.key: value}
        inner = ",".join(f"{key}={text}" for key, text in overrides.items())
        return Entry(f"{model.model}[{inner}]", model.model, overrides)

    def entries(self) -> list[Entry]:
        """The rows of the comparison: a model's values one after the other."""
        return [self.at(model, value) for model in self.models for value in self.values]


def parse_sweep(models: list[Entry], key: str, values: str) -> Sweep:
    """Puts together what ``--models``, ``--vary`` and ``--values`` say.

    Raises:
        ValueError: for a setting that all rows must share or that a model's brackets set too, and
            for values that are missing or named twice.
    """
    check_of_a_row(key, f"--vary [{key}]", "VALUE")
    for model in models:
        if key in model.overrides:
            raise ValueError(
                f"models: [{key}] in {model.label} is what --vary={key} varies: leave it out there"
            )
    each = split_at_commas(values)
    if len(each) < 2:
        raise ValueError(f"--values [{values}]: name two or more, as in --values=0.01,0.1,1")
    twice = sorted({value for value in each if each.count(value) > 1})
    if twice:
        raise ValueError(f"--values: {', '.join(twice)} is named more than once")
    return Sweep(models, key, each)
