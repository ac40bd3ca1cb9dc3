"""What the project set out to reach, beside what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from benchmarks import growth
from benchmarks.baselines import BM3, FREEDOM, PLAIN
from benchmarks.processes import TWO_THREADS
from benchmarks.steps import FAC, FD, FM, LIGHTGCN, STRAIGHTFORWARD

PUBLIC, PAPER = "tiktok", "tiktok-paper"
_CALLED = {PAPER: "paper-size TikTok", PUBLIC: "public TikTok"}

Results = dict
Value = Callable[[Results], float]


def decimal(value: float) -> str:
    return f"{value:.2f}"


def fraction(value: float) -> str:
    return f"1/{1 / value:.3g}"


def seconds(value: float) -> str:
    return f"{value:.1f} s"


def mebibytes(value: float) -> str:
    return f"{value / 2**20:,.0f} MiB"


def precise(value: float) -> str:
    return f"{value:.1g}"


@dataclass(frozen=True)
class Target:
    """One bound.

    Attributes:
        what: is bounded.
        at_most: the bound.
        value: finds it in the results; a KeyError says that it was not measured.
        shown: how to write it.
        with_loader: the same with the loader's time, where there is one.
    """

    what: str
    at_most: float
    value: Value
    shown: Callable[[float], str] = decimal
    with_loader: Value | None = None

    def row(self, results: Results) -> list[str]:
        """What, at most, measured, with the loader, reached."""
        written = "" if self.with_loader is None else self._written(self.with_loader, results)
        measured = self._written(self.value, results)
        reached = "" if not measured else "yes" if self.reached(results) else "no"
        bound = self.shown(self.at_most)
        return [self.what, bound, measured or "not measured", written, reached]

    def reached(self, results: Results) -> bool:
        return self.value(results) <= self.at_most

    def _written(self, value: Value, results: Results) -> str:
        try:
            return self.shown(value(results))
        except KeyError:
            return ""


def _steps(
    what: str, at_most: float, data_set: str, ours: str, theirs: str, shown=decimal, part="steps"
) -> Target:
    def bare(results: Results) -> float:
        taken = results[part][data_set]["step"]
        return taken[ours] / taken[theirs]

    def with_loader(results: Results) -> float:
        measured = results[part][data_set]
        whole = [measured["step"][model] + measured["fetch"][model] for model in (ours, theirs)]
        return whole[0] / whole[1]

    return Target(what, at_most, bare, shown, with_loader)


def _baseline(model: str, data_set: str) -> tuple[Target, Target]:
    """A model's step beside its equations as they read, and beside LightGCN's."""
    plain, where = PLAIN[model][0], _CALLED[data_set]
    return (
        _steps(
            f"{model} step / straightforward {model} step, {where}",
            1 / 3, data_set, model, plain, fraction, "baselines",
        ),
        _steps(
            f"{model} step / LightGCN step, {where}",
            1, data_set, model, LIGHTGCN, part="baselines",
        ),
    )  # fmt: skip


def over_floor(measured: dict[str, dict[str, float]], model: str) -> float:
    """A model's step over the sum of the kernels."""
    return measured["step"][model] / sum(measured["floor"].values())


def over_distinct_floor(measured: dict[str, dict[str, float]], model: str) -> float:
    """As :func:`over_floor`, with the similarities of a batch's distinct rows in the sum."""
    return measured["step"][model] / sum({**measured["floor"], **measured["distinct"]}.values())


def memory_ratio(memory: dict[str, dict[str, int]]) -> float:
    """SLMRec-FAC's peak, propagated features not counted, over LightGCN's."""
    return (memory[FAC]["peak"] - memory[FAC]["propagated"]) / memory[LIGHTGCN]["peak"]


def _slope(results: Results) -> float:
    points = results["growth"]
    return growth.slope(points["interactions"], growth.graph_part(points))


def _beside_product(evaluation: dict[str, float]) -> float:
    return (evaluation["ours"] - evaluation["vectors"]) / evaluation["product"]


def _of_processes(results: Results, one: str, other: str, kind: str = "step") -> float:
    return results["processes"][one][kind] / results["processes"][other][kind]


TARGETS = (
    _steps("SLMRec-FAC step / LightGCN step, paper-size TikTok", 0.2, PAPER, FAC, LIGHTGCN),
    _steps(
        "SLMRec-FAC step / straightforward SLMRec-FAC step, paper-size TikTok",
        1 / 15, PAPER, FAC, STRAIGHTFORWARD, fraction,
    ),
    _steps("SLMRec-FAC step / LightGCN step, public TikTok", 1.1, PUBLIC, FAC, LIGHTGCN),
    _steps("SLMRec-FM step / SLMRec-FAC step, paper-size TikTok", 1.2, PAPER, FM, FAC),
    _steps("SLMRec-FD step / SLMRec-FAC step, paper-size TikTok", 3, PAPER, FD, FAC),
    Target(
        "SLMRec-FAC step / floor, paper-size TikTok",
        1.5,
        lambda results: over_floor(results["steps"][PAPER], FAC),
    ),
    Target(
        "the same, with the similarities of a batch's distinct rows alone in the floor",
        1.5,
        lambda results: over_distinct_floor(results["steps"][PAPER], FAC),
    ),
    *(each for name in _CALLED for model in (FREEDOM, BM3) for each in _baseline(model, name)),
    Target(
        "a hop by torch / by DGL, paper-size TikTok",
        1.5,
        lambda results: results["hops"][PAPER]["torch"] / results["hops"][PAPER]["dgl"],
    ),
    Target("growth of the step's graph part, slope of the logarithms", 1.1, _slope),
    Target(
        "peak memory, SLMRec-FAC without propagated features / LightGCN, paper-size TikTok",
        1.5,
        lambda results: memory_ratio(results["memory"]),
    ),
    Target(
        "2 processes of one thread / 1 process of one thread, a step, paper-size TikTok",
        0.6,
        lambda results: _of_processes(results, "2", "1"),
    ),
    Target(
        "the same by the time of the processor",
        0.6,
        lambda results: _of_processes(results, "2", "1", "worked"),
    ),
    Target(
        "2 processes of one thread / 1 process of two threads, a step, paper-size TikTok",
        1.15,
        lambda results: _of_processes(results, "2", TWO_THREADS),
    ),
    Target(
        "nearest items of 71,494 by 256 columns",
        60,
        lambda results: results["neighbours"]["first"],
        seconds,
    ),
    Target(
        "the same, memory beside the features",
        2**30,
        lambda results: results["neighbours"]["memory"],
        mebibytes,
    ),
    Target(
        "full-sort evaluation / the same with RecBole's default batches, paper-size TikTok",
        1 / 20,
        lambda results: results["evaluation"]["ours"] / results["evaluation"]["default"],
        fraction,
    ),
    Target(
        "the same less the vectors, which are made once / the bare product of users and items",
        1.3,
        lambda results: _beside_product(results["evaluation"]),
    ),
    Target(
        "largest difference of a metric between the two",
        1e-6,
        lambda results: results["evaluation"]["difference"],
        precise,
    ),
    Target(
        "start-up at MovieLens' size, second run, imports included",
        10,
        lambda results: results["start_up"]["second"]["whole"],
        seconds,
    ),
)  # fmt: skip
