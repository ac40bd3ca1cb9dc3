"""What each model can do beside ranking, for the table in README.md: it follows from the classes."""

from __future__ import annotations

from recbole_slmrec.model.backbone import MultimodalLightGCN
from recbole_slmrec.model.recommender import VectorRecommender
from recbole_slmrec.recommend import new_items
from recbole_slmrec.registry import MODELS


def abilities(model_class: type) -> dict[str, str]:
    """What a model of ours can do, or one made from ours: a cell by the heading of its column."""
    encodes = issubclass(model_class, MultimodalLightGCN)
    return {
        "modalities": "1 or more"
        if getattr(model_class, "needs_modality", False)
        else "any number",
        "new items": _cell(issubclass(model_class, new_items.MODELS)),
        "new users": _cell(encodes),
        "`--why`": _cell(encodes),
        "`export`": _cell(issubclass(model_class, VectorRecommender)),
    }


def matrix() -> str:
    """The table of all models of the registry, in Markdown."""
    rows = [{"model": name, **abilities(model)} for name, model in MODELS.items()]
    header = list(rows[0])
    lines = [header, ["---"] * len(header), *(list(row.values()) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(able: bool) -> str:
    return "yes" if able else ""


if __name__ == "__main__":
    print(matrix(), end="")
