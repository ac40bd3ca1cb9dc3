"""Statistics over seeds and users: mean, deviation, improvement, and a paired t-test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence

import numpy as np
from recbole.evaluator import smaller_metrics
from scipy.stats import ttest_rel

from recbole_slmrec.compare.runs import Outcome
from recbole_slmrec.evaluation.cold import AMONG_ALL, AMONG_COLD

COLD = {AMONG_ALL: "Test, cold items among all", AMONG_COLD: "Test, cold items among the cold"}
"""Titles of the rankings of cold items."""


@dataclass(frozen=True)
class Score:
    """A metric of a model over seeds."""

    mean: float
    """Over seeds."""
    deviation: float | None
    """The sample standard deviation; None for one seed."""
    place: int
    """1 for the best model, 2 for the second, else 0."""


@dataclass(frozen=True)
class Improvement:
    """The first model against the strongest other."""

    other: str
    """The strongest other model."""
    percent: float
    """Of the other's mean; positive where the first is better."""
    p_value: float | None
    """Of the paired t-test over users; None where there is none."""


@dataclass(frozen=True)
class Summary:
    """A comparison in numbers."""

    metrics: list[str]
    """By K, then in the order of the setting ``metrics``."""
    labels: list[str]
    """Every row, finished or not."""
    n_seeds: dict[str, int]
    """Finished runs of a row."""
    failures: dict[str, dict[int, str]]
    """Errors by row and seed; only rows with any."""
    scores: dict[str, dict[str, Score]]
    """By row and metric; only rows with a finished run."""
    improvements: dict[str, Improvement]
    """By metric; empty unless the first row and another have finished runs."""


def summarise(outcomes: Sequence[Outcome], split: str = "test") -> Summary:
    """The statistics of one split.

    Args:
        outcomes: a row each; at least one has a finished run.
        split: ``test``, ``valid`` or a ranking of cold items; only the test has metrics user by
            user, and so p-values.
    """
    finished = {outcome.label: outcome.runs for outcome in outcomes if outcome.runs}
    first = next(iter(finished.values()))[0]
    metrics = metrics_of(first, split)
    scores: dict[str, dict[str, Score]] = {label: {} for label in finished}
    improvements = {}
    for metric in metrics:
        values = {label: [run[split][metric] for run in runs] for label, runs in finished.items()}
        places = _places({label: np.mean(each) for label, each in values.items()}, metric)
        for label, each in values.items():
            scores[label][metric] = over_seeds(each, places[label])
        if outcomes[0].runs and len(finished) > 1:
            improvements[metric] = _improvement(outcomes[0].label, scores, finished, metric, split)
    return Summary(
        metrics=metrics,
        labels=[outcome.label for outcome in outcomes],
        n_seeds={outcome.label: len(outcome.runs) for outcome in outcomes},
        failures={outcome.label: outcome.failures for outcome in outcomes if outcome.failures},
        scores=scores,
        improvements=improvements,
    )


def metrics_of(run: dict[str, Any], split: str) -> list[str]:
    """The metrics of a split of a kept run: by K, then in the order of the setting ``metrics``."""
    return sorted(run[split] or {}, key=_cutoff)


def over_seeds(values: Sequence[float], place: int = 0) -> Score:
    """A metric's values, one a seed, as a score; ``place`` is that among the models."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Score(float(np.mean(values)), deviation, place)


def summarise_cold(outcomes: Sequence[Outcome]) -> dict[str, Summary]:
    """The statistics of the rankings of cold items, by name; none unless the data set has some.

    Args:
        outcomes: a row each; those without such a ranking are left out.
    """
    summaries = {}
    for split in COLD:
        rows = [
            Outcome(outcome.label, [run for run in outcome.runs if split in run])
            for outcome in outcomes
        ]
        rows = [row for row in rows if row.runs]
        if rows:
            summaries[split] = summarise(rows, split)
    return summaries


def paired_p_value(
    first: Sequence[dict[str, Any]], other: Sequence[dict[str, Any]], metric: str
) -> float | None:
    """The two-sided paired t-test over users, each user's metric averaged over seeds first.

    Args:
        first: kept runs of one model.
        other: those of another.
        metric: such as ``recall@10``.

    Returns:
        None where a metric is no mean over users, or where the two do not differ for any user.
    """
    if any(metric not in run["per_user"] for run in (*first, *other)):
        return None
    means = [_user_means(runs, metric) for runs in (first, other)]
    users = sorted(means[0])
    ours, theirs = ([mean[user] for user in users] for mean in means)
    if ours == theirs:
        return None
    return float(ttest_rel(ours, theirs).pvalue)


def _user_means(runs: Sequence[dict[str, Any]], metric: str) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for run in runs:
        for user, value in zip(run["users"], run["per_user"][metric]):
            values.setdefault(user, []).append(value)
    return {user: float(np.mean(each)) for user, each in values.items()}


def _improvement(label, scores, finished, metric, split) -> Improvement:
    means = {other: score[metric].mean for other, score in scores.items()}
    ours = means.pop(label)
    strongest = (min if _smaller_is_better(metric) else max)(means, key=means.get)
    theirs = means[strongest]
    gain = theirs - ours if _smaller_is_better(metric) else ours - theirs
    return Improvement(
        other=strongest,
        percent=float(np.divide(100 * gain, theirs)) if theirs else float("nan"),
        p_value=(
            paired_p_value(finished[label], finished[strongest], metric)
            if split == "test"
            else None
        ),
    )


def _places(means: dict[str, float], metric: str) -> dict[str, int]:
    order = sorted(set(means.values()), reverse=not _smaller_is_better(metric))
    places = {mean: place for place, mean in enumerate(order[:2], start=1)}
    return {label: places.get(mean, 0) for label, mean in means.items()}


def _smaller_is_better(metric: str) -> bool:
    return metric.partition("@")[0] in smaller_metrics


def _cutoff(metric: str) -> int:
    return int(metric.partition("@")[2] or 0)
