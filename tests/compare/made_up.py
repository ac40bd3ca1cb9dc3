"""Made-up outcomes of runs, with numbers that are easy to follow by hand."""

from __future__ import annotations

from recbole.utils import ModelType

from recbole_slmrec.compare.runs import Outcome

USERS = ["u1", "u2", "u3", "u4"]
_EVALUATION = {
    "MODEL_TYPE": ModelType.GENERAL.value,
    "eval_args": {"mode": {"valid": "full", "test": "full"}},
    "test_mask": "seen",
}


def kept_run(label: str, seed: int, recall: list[float], precision: float = 0.1, **other) -> dict:
    """A kept run with Recall@10 user by user and a Precision@10 that is known as a mean only."""
    mean = sum(recall) / len(recall)
    return {
        "label": label,
        "dataset": "made",
        "seed": seed,
        "valid": {"recall@10": mean / 2, "precision@10": precision / 2},
        "test": {"recall@10": mean, "precision@10": precision},
        "users": USERS,
        "per_user": {"recall@10": recall},
        "loss": [4.0, 2.0],
        "valid_score": [[1, 0.1], [2, 0.2]],
        "seconds": [1.0, 3.0],
        "valid_metric": "recall@10",
        "data": {"users": 4, "items": 9, "training": 20, "validation": 4, "test": 8},
        "settings": {"epochs": 2, "learning_rate": 0.01, **_EVALUATION},
        "changed": {"epochs": 2, "seed": seed},
        "versions": {"python": "3.11", "torch": "2.13"},
        "command": f"python run_recbole.py --model={label} --seed={seed}",
        **other,
    }


def outcomes() -> list[Outcome]:
    """``A_1`` is best; ``B`` is the strongest other; ``C`` has one run of two; ``D`` none."""
    return [
        Outcome(
            "A_1",
            [
                kept_run("A_1", 1, [0.8, 0.6, 1.0, 0.4], precision=0.3),
                kept_run("A_1", 2, [0.6, 0.6, 0.8, 0.4], precision=0.5),
            ],
        ),
        Outcome(
            "B",
            [
                kept_run("B", 1, [0.4, 0.4, 0.6, 0.2], precision=0.2),
                kept_run("B", 2, [0.6, 0.2, 0.8, 0.0], precision=0.2),
            ],
        ),
        Outcome(
            "C", [kept_run("C", 1, [0.1, 0.1, 0.1, 0.1], precision=0.6)], {2: "it <broke> & 5%"}
        ),
        Outcome("D", [], {1: "no_luck", 2: "no_luck"}),
    ]
