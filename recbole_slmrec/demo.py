"""SLMRec beside LightGCN and EASE on the real data that RecBole carries, on the same split."""

from __future__ import annotations

from recbole_slmrec import quick_start, report

MODELS = ("SLMRec", "LightGCN", "EASE")
# Enough for all to pass their best epoch in a few minutes on two cores.
SETTINGS = {"epochs": 100, "show_progress": False}
METRICS = ("recall@10", "ndcg@10", "precision@10")


def run() -> str:
    """Trains each on MovieLens-100k, with its settings of ``properties/dataset/ml-100k.yaml``.

    Returns:
        A table of test metrics and training time, and where the checkpoints lie.
    """
    results = [quick_start.run(model, "ml-100k", config_dict=SETTINGS) for model in MODELS]
    header = ["model", "Recall@10", "NDCG@10", "Precision@10", "seconds per epoch"]
    rows = [
        [
            result["model"],
            *(result["test_result"][metric] for metric in METRICS),
            f"{result['seconds_per_epoch']:.2f}",
        ]
        for result in results
    ]
    checkpoints = [f"{result['model']} checkpoint: {result['checkpoint']}" for result in results]
    return "\n".join([report.table(header, rows), "", *checkpoints])
