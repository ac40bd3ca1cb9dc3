"""Which metrics a run computes, settled before anything is trained, and what RecBole's lack."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np
from recbole.evaluator import metrics as recbole_metrics
from recbole.evaluator.base_metric import LossMetric
from recbole.evaluator.register import metrics_dict

from recbole_slmrec.names import did_you_mean

NAMES: dict[str, str] = {key: metric.__name__ for key, metric in metrics_dict.items()}
"""RecBole's metrics as their classes are called, by the name that results have."""

OF_SCORES = [name for key, name in NAMES.items() if issubclass(metrics_dict[key], LossMetric)]
OF_RANKINGS = [name for name in NAMES.values() if name not in OF_SCORES]
_WITHOUT_K = {*OF_SCORES, "GAUC"}


class ShannonEntropy(recbole_metrics.ShannonEntropy):
    """The entropy of the recommended items, -sum p log p.

    RecBole's divides it by the number of different items, which its definition does not.
    """

    def get_entropy(self, item_matrix: np.ndarray) -> float:
        """Of the items in ``item_matrix``, shape (users, K)."""
        return super().get_entropy(item_matrix) * len(np.unique(item_matrix))


def correct(evaluator) -> None:
    """Puts this module's metrics in the place of RecBole's in its ``evaluator``."""
    if "shannonentropy" in evaluator.metric_class:
        evaluator.metric_class["shannonentropy"] = ShannonEntropy(evaluator.config)


def settle(settings: dict[str, Any]) -> list[str]:
    """Checks ``metrics``, ``topk`` and ``valid_metric``, and adds what validation needs to the others.

    Args:
        settings: those of a run, with checked ``eval_args``; changed in place.

    Returns:
        A sentence for each addition.

    Raises:
        ValueError: for a metric that does not exist or does not fit what is ranked.
    """
    metrics, ks = _metrics(settings["metrics"]), _ks(settings["topk"])
    name, k = _valid_metric(settings["valid_metric"])
    _check_kinds(metrics, name, settings["eval_args"])
    sentences = []
    if name not in metrics:
        metrics = [*metrics, name]
        sentences.append(
            f"metrics: {name} is added, for valid_metric is {settings['valid_metric']}"
        )
    if k and k not in ks:
        ks = [*ks, k]
        sentences.append(f"topk: {k} is added, for valid_metric is {settings['valid_metric']}")
    settings.update(metrics=metrics, topk=ks)
    return sentences


def cut_to_catalogue(config, n_items: int) -> list[str]:
    """Lets no K be larger than the number of items.

    Args:
        config: the run's configuration, whose ``topk`` and ``valid_metric`` are changed.
        n_items: how many items there are.

    Returns:
        A sentence if a K was larger.
    """
    ks = list(dict.fromkeys(min(k, n_items) for k in config["topk"]))
    if ks == config["topk"]:
        return []
    sentences = [f"topk: {config['topk']} becomes {ks}, for there are {n_items:,} items"]
    config["topk"] = ks
    name, k = _valid_metric(config["valid_metric"])
    if k and k > n_items:
        config["valid_metric"] = f"{name}@{n_items}"
        sentences.append(f"valid_metric becomes {config['valid_metric']}")
    return sentences


def check_labels(config, **loaders) -> None:
    """Raises ValueError unless the interactions have the labels that ``mode: labeled`` compares with.

    Args:
        config: the run's configuration.
        loaders: ``valid`` and ``test``.
    """
    field = config["LABEL_FIELD"]
    for split, loader in loaders.items():
        if config["eval_args"]["mode"][split] != "labeled":
            continue
        interactions = loader._dataset.inter_feat
        if field not in interactions.columns:
            raise ValueError(
                f"mode: labeled in eval_args needs labels, but the interactions have no [{field}]: "
                "add it to load_col, or make it of another field with threshold: {rating: 4}"
            )
        n_positive, n = int((interactions[field] == 1).sum()), len(interactions)
        if "AUC" in config["metrics"] and n_positive in (0, n):
            raise ValueError(
                f"AUC compares interactions of label 1 with others, but of the {n:,} of {split} "
                f"{n_positive:,} have label 1: change the split in eval_args, or the threshold"
            )


def _metrics(given: Any) -> list[str]:
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, (list, tuple)) or not names:
        raise ValueError(f"metrics [{given}] must be a list of metrics, such as [Recall, NDCG]")
    return [_named("metrics", name) for name in names]


def _named(key: str, name: Any) -> str:
    if str(name).lower() in NAMES:
        return NAMES[str(name).lower()]
    raise ValueError(
        f"{key}: there is no metric [{name}]{did_you_mean(name, NAMES.values()) or '.'} A ranking "
        f"has {', '.join(OF_RANKINGS)}; single scores have {', '.join(OF_SCORES)}"
    )


def _ks(given: Any) -> list[int]:
    ks = list(given) if isinstance(given, (list, tuple)) else [given]
    if not ks or not all(type(k) is int and k > 0 for k in ks):
        raise ValueError(
            f"topk [{given}] must be a list of whole numbers above 0, such as [10, 20]"
        )
    return ks


def _valid_metric(given: Any) -> tuple[str, int | None]:
    name, at, k = str(given).partition("@")
    name = _named("valid_metric", name)
    if name in _WITHOUT_K:
        if at:
            raise ValueError(f"valid_metric [{given}]: {name} has no K, write {name}")
        return name, None
    if not k.isdecimal() or int(k) == 0:
        raise ValueError(f"valid_metric [{given}] needs a K, write {name}@20, say")
    return name, int(k)


def _check_kinds(metrics: Sequence[str], valid_metric: str, eval_args: dict[str, Any]) -> None:
    of_scores = [name for name in metrics if name in OF_SCORES]
    of_rankings = [name for name in metrics if name not in OF_SCORES]
    mode = eval_args.get("mode", "full")
    modes = [mode] if isinstance(mode, str) else mode.values()
    if of_scores and "full" in modes:
        raise ValueError(
            f"metrics: {', '.join(of_scores)} of single scores with their labels, but a full ranking "
            f"has no labels. A ranking has {', '.join(OF_RANKINGS)}, of which GAUC is AUC user by "
            "user; the others need mode: labeled or uni100 in eval_args"
        )
    if of_rankings and "labeled" in modes:
        raise ValueError(
            f"metrics: {', '.join(of_rankings)} of a ranking, but mode: labeled in eval_args ranks "
            f"nothing. Set metrics and valid_metric to some of {', '.join(OF_SCORES)}, or mode to "
            "full or uni100"
        )
    if of_scores and of_rankings:
        raise ValueError(
            f"metrics: {', '.join(of_rankings)} of a ranking and {', '.join(of_scores)} of single "
            "scores, but a run is judged by one kind: leave the others out"
        )
    if (valid_metric in OF_SCORES) != bool(of_scores):
        raise ValueError(
            f"valid_metric [{valid_metric}] is of another kind than metrics [{', '.join(metrics)}], "
            "one of a ranking, the other of single scores: set valid_metric to one of metrics"
        )
