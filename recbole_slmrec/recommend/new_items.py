"""Items that came after training, known by their features: their files and their vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from recbole.model.abstract_recommender import GeneralRecommender
from torch import Tensor

from recbole_slmrec.data.layouts.table_features import ARRAY_SUFFIXES, TABLE_SUFFIXES, read_keyed
from recbole_slmrec.data.modality import MatrixSource, Source, unit_rows
from recbole_slmrec.data.packed import bare
from recbole_slmrec.model.backbone import MultimodalLightGCN
from recbole_slmrec.model.freedom import FREEDOM
from recbole_slmrec.model.graph_recommender import GraphRecommender
from recbole_slmrec.model.lattice import LATTICE
from recbole_slmrec.model.lgmrec import LGMRec
from recbole_slmrec.model.mmbpr import MMBPR
from recbole_slmrec.model.rows import Part
from recbole_slmrec.model.vbpr import VBPR
from recbole_slmrec.model.view_recommender import ViewRecommender
from recbole_slmrec.names import did_you_mean

MODELS = (MultimodalLightGCN, VBPR, MMBPR, FREEDOM, LATTICE, ViewRecommender, LGMRec)


@torch.no_grad()
def new_item_vectors(model: GeneralRecommender, features: dict[str, Tensor], known: Part) -> Tensor:
    r"""The vectors of items that stand in the graph without edges and have a zero ID embedding.

    SLMRec and MMLightGCN: a power of the adjacency matrix leaves nothing of an isolated item but
    what a self loop brings back, so that with the row :math:`x_m` of its features (Eq. 1-5)

    .. math::
        z_{i,m} = s (x_m W_m + b_m), \quad z_{i,id} = 0, \quad z_i = F_i(\ldots, z_{i,m}, \ldots)

    where s = 1 / (L + 1), the share of layer 0, or 1 with ``adjacency: norm`` and ``mean``, whose
    self loop of an isolated node is 1. SLMRec with a ``cold_share`` ranks them by
    :class:`~recbole_slmrec.model.cold.ColdItems` in place of that. VBPR and MMBPR: what their equations
    leave if the ID embedding, and VBPR's item bias, are zero. FREEDOM, LATTICE, MGCN and SMORE: what
    the graph of items brings it from its nearest among the old ones, whose neighbours and vectors stay as
    they are. LGMRec: what the hyperedges of its features hold.

    Args:
        model: one of ``MODELS``, with at least one content modality.
        features: every modality of the model in its order, normalised as at training, shape (n, D)
            each; zero rows where an item has no features.
        known: the vectors of the users and items that were there before.

    Returns:
        Shape (n, k).
    """
    if isinstance(model, MultimodalLightGCN):
        return model.of_new_items(_isolated(model, features), features, known)
    parts = list(features.values())
    if isinstance(model, GraphRecommender):
        return model.vectors_of_new_items(parts)
    if isinstance(model, VBPR):
        weight = torch.cat([model.E.weight, model.beta_feature.weight])
        content = [F.linear(torch.cat(parts, dim=1), weight)]
        n_id_columns = model.gamma_item.embedding_dim + 1
    else:
        content = [W(x) for W, x in zip(model.W, parts)]
        n_id_columns = model.item_embedding.embedding_dim
    return torch.cat([parts[0].new_zeros(len(parts[0]), n_id_columns), *content], dim=1)


def read_new_items(
    path: Path, model: GeneralRecommender, sources: dict[str, Source]
) -> tuple[list[str], dict[str, Tensor]]:
    """Reads the features of new items, and normalises them as at training.

    Args:
        path: a file that is called by its modality, or a folder of such: an array with its ids
            beside it, or a table with a column of items.
        model: the model, in evaluation mode.
        sources: of the modalities that it was trained with, in its order.

    Returns:
        The ids, and for every modality of the model a table of shape (n, D), on the model's device.

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: if the model needs an ID embedding for each item, or a file is not as it must
            be; the message names it.
    """
    if not isinstance(model, MODELS) or not sources:
        raise ValueError(
            f"new items: this {type(model).__name__} makes no vector of an item from features "
            "alone; SLMRec, MMLightGCN, VBPR, MMBPR, FREEDOM, LATTICE, MGCN, LGMRec and SMORE with a "
            "content modality do"
        )
    widths = dict(zip(sources, _widths(model)))
    found = {
        modality: _read(modality, file, sources, widths)
        for modality, file in _files(path, list(sources)).items()
    }
    ids = list(dict.fromkeys(each for _, named in found.values() for each in named))
    places = {each: place for place, each in enumerate(ids)}
    like = next(model.parameters())
    features = {name: like.new_zeros(len(ids), width) for name, width in widths.items()}
    for modality, (values, named) in found.items():
        rows = torch.tensor([places[each] for each in named], device=like.device)
        features[modality][rows] = torch.from_numpy(values).to(like)
    return ids, features


def _isolated(model: MultimodalLightGCN, features: dict[str, Tensor]) -> Tensor:
    propagation = model.encoder.propagation
    share = 1 / (propagation.n_layers + 1) if propagation.items.loop is None else 1.0
    contents = zip(features, model.encoder.content.values())
    parts = {name: share * content.projection(features[name]) for name, content in contents}
    some = next(iter(parts.values()))
    return model.fusion.items({**parts, "id": torch.zeros_like(some)})


def _widths(model: GeneralRecommender) -> list[int]:
    if isinstance(model, MultimodalLightGCN):
        return [content.projection.in_features for content in model.encoder.content.values()]
    if isinstance(model, GraphRecommender):
        return [features.width for features in model.features.values()]
    return model.widths


def _files(path: Path, modalities: list[str]) -> dict[str, Path]:
    suffixes = (*ARRAY_SUFFIXES, *TABLE_SUFFIXES)
    if path.is_file():
        files = [path]
    elif path.is_dir():
        files = [each for each in sorted(path.iterdir()) if bare(each).suffix.lower() in suffixes]
        files = [each for each in files if not bare(each).stem.endswith(".ids")]
    else:
        raise FileNotFoundError(f"there is no file or folder of new items [{path}]")
    if not files:
        raise ValueError(f"{path} holds no file of features: {', '.join(suffixes)} are read")
    named: dict[str, Path] = {}
    for file in files:
        modality = bare(file).stem
        if bare(file).suffix.lower() not in suffixes:
            raise ValueError(f"{file} is no file of features: {', '.join(suffixes)} are read")
        if modality not in modalities:
            raise ValueError(
                f"{file} is called by no modality of the checkpoint"
                f"{did_you_mean(modality, modalities)}; they are {', '.join(modalities)}"
            )
        if modality in named:
            raise ValueError(f"{named[modality]} and {file} are one modality; keep one of them")
        named[modality] = file
    return {name: named[name] for name in modalities if name in named}


def _read(
    modality: str, path: Path, sources: dict[str, Source], widths: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(sources[modality], MatrixSource):
        raise ValueError(
            f"{path}: the modality {modality} cannot be given later: its features were made from "
            "the fields or word numbers of the data set, and only those of a matrix can be. Leave "
            "the file out; the items then have no features in it"
        )
    values, ids = read_keyed(modality, path)
    if values.ndim != 2 or values.shape[1] != widths[modality]:
        raise ValueError(
            f"{path} has values of shape {values.shape}; the checkpoint's modality {modality} has "
            f"{widths[modality]} columns"
        )
    with np.errstate(over="ignore"):
        finite = np.isfinite(values.astype(np.float32)).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"{path} has a value that is NaN or infinite in float32 for item "
            f"{str(ids[int(np.argmin(finite))])!r}; correct it, or leave the row out"
        )
    return unit_rows(values), ids
