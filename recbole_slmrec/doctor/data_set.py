"""Checks of a data set: settings, atomic files, ids, features; where all is well, it is loaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Sequence

# Everything else is imported where it is needed: the installation may be broken.
from recbole_slmrec.data.atomic import AtomicFile, examine
from recbole_slmrec.data.id_forms import in_two_forms, told
from recbole_slmrec.doctor.finding import Finding, Findings, guarded, said
from recbole_slmrec.names import did_you_mean

# RecBole's own defaults, for a data set whose settings cannot be read.
_DEFAULTS = {
    "USER_ID_FIELD": "user_id",
    "ITEM_ID_FIELD": "item_id",
    "TIME_FIELD": "timestamp",
    "field_separator": "\t",
    "seq_separator": " ",
}


def check_data_set(name: str, data_path: Path) -> Findings:
    """Checks the settings, files, ids and features of a data set; where all is well, loads it.

    Args:
        name: name of the data set.
        data_path: where data sets lie.
    """
    yield from guarded(f"data set {name}", _data_set, name, data_path)


def _data_set(name: str, data_path: Path) -> Findings:
    config, problem = _config(name, data_path)
    settings = _readable_settings(name, data_path) if problem else config.final_config_dict
    folder = data_path / name if problem else Path(os.path.normpath(settings["data_path"]))
    if not folder.is_dir():
        yield _not_there(name, folder, settings)
        return
    yield problem or Finding(True, f"{folder}: its settings are understood")
    findings = list(_check_files(name, folder, settings))
    yield from findings
    if not problem and all(finding.ok for finding in findings):
        yield from _loading(config)


def _config(name: str, data_path: Path) -> tuple[Any, Finding | None]:
    from recbole_slmrec.config import Config

    try:
        return Config("SLMRec", name, config_dict={"data_path": str(data_path)}), None
    except ValueError as error:
        return None, Finding(False, str(error))


def _readable_settings(name: str, data_path: Path) -> dict[str, Any]:
    import yaml

    from recbole_slmrec.settings import properties_path, read_yaml

    settings = dict(_DEFAULTS)
    for path in (properties_path() / "dataset" / f"{name}.yaml", data_path / name / f"{name}.yaml"):
        try:
            settings.update(read_yaml(path, yaml.SafeLoader))
        except ValueError:
            # It is the finding that led here.
            pass
    return settings


def _not_there(name: str, folder: Path, settings: dict) -> Finding:
    here = [path.name for path in folder.parent.glob("*") if path.is_dir()]
    remedy = f"`python -m recbole_slmrec prepare {name} --source DIR` makes it of files you have"
    if settings.get("download"):
        remedy = f"`python -m recbole_slmrec prepare {name}` downloads it"
    return Finding(
        False,
        f"there is no data set [{name}] in {folder.parent}{did_you_mean(name, here) or ';'} "
        f"{remedy}; or say where data sets lie with --data_path=DIR",
    )


def _check_files(name: str, folder: Path, settings: dict) -> Findings:
    user, item = settings["USER_ID_FIELD"], settings["ITEM_ID_FIELD"]
    splits = settings.get("benchmark_filename")
    load_col = settings.get("load_col") or {}
    files = [f"{name}.{split}.inter" for split in splits] if splits else [f"{name}.inter"]
    interactions = [
        examine(folder / file, [user, item], load_col.get("inter"), settings) for file in files
    ]
    for table in interactions:
        yield from _findings(table)
    declared = settings.get("item_modalities")
    if not declared:
        yield Finding(True, f"{name} declares no modalities")
        return
    items = examine(folder / f"{name}.item", [item], load_col.get("item"), settings)
    yield from _findings(items)
    yield from _check_ids(interactions, items, item)
    yield from _check_modalities(declared, items, None if items.problems else items.columns[item])


def _findings(table: AtomicFile) -> Findings:
    """One for each problem, or one that all is well."""
    for problem in table.problems:
        yield Finding(False, f"{table.path}: {problem}")
    if not table.problems:
        yield Finding(True, f"{table.path}: {table.n_rows:,} rows of {', '.join(table.types)}")


def _check_ids(interactions: Sequence[AtomicFile], items: AtomicFile, item: str) -> Findings:
    if items.problems:
        return
    known = set(items.columns[item])
    n_surplus = len(items.columns[item]) - len(known)
    if n_surplus:
        yield Finding(
            False,
            f"{items.path}: {n_surplus:,} row(s) too many, for their items have one already; keep "
            "one row for each item, and the matching row of each feature file",
        )
    forms = told(in_two_forms(sorted(known)))
    if forms:
        yield Finding(
            False,
            f"{items.path}: {forms}; write each in one form, there and in the interactions, and "
            "keep one row for it",
        )
    lacking = {cell for table in interactions for cell in table.columns.get(item, ())} - known
    if lacking:
        yield Finding(
            False,
            f"{items.path}: {len(lacking):,} item(s) of the interactions have no row there, such "
            f"as {min(lacking)!r}; add a row for each there and in each feature file, or drop "
            "their interactions",
        )
    if not n_surplus and not forms and not lacking:
        yield Finding(True, f"{items.path}: one row for each item of the interactions")


def _check_modalities(declared: Any, items: AtomicFile, tokens: list[str] | None) -> Findings:
    from recbole_slmrec.data.modality import selected_sources

    each = [{name: value} for name, value in declared.items()] if isinstance(declared, dict) else []
    for part in each or [declared]:
        try:
            for name, source in selected_sources(part, None).items():
                yield Finding(True, f"modality {name}: {_checked(name, source, items, tokens)}")
        except (ValueError, OSError) as error:
            yield Finding(False, str(error))


def _checked(name: str, source: Any, items: AtomicFile, tokens: list[str] | None) -> str:
    import numpy as np

    from recbole_slmrec.data.matrix import matrix_modality, open_npy
    from recbole_slmrec.data.modality import FieldSource, ItemRows, MatrixSource
    from recbole_slmrec.data.words import word_modality

    if isinstance(source, FieldSource):
        if source.field in items.types:
            return f"field {source.field} is there"
        raise ValueError(
            f"modality {name}: field {source.field!r} is not in {items.path}"
            f"{did_you_mean(source.field, items.types)}; correct the name in item_modalities"
        )
    path = items.path.parent / (source.file if isinstance(source, MatrixSource) else source.words)
    if tokens is None:
        shape = open_npy(name, str(path)).shape
        return f"{path} has the shape {shape}; mend {items.path} to have its rows checked"
    # No item is kept, so that the file is checked and nothing of it stays in memory.
    no_item = np.zeros(len(tokens), dtype=np.int64)
    rows = ItemRows(str(items.path), np.array(tokens, dtype=object), no_item, 1)
    if isinstance(source, MatrixSource):
        width = matrix_modality(name, str(path), rows).features.shape[1]
        return f"{path} has {len(tokens):,} finite rows of {width:,} columns"
    return f"{path} has lists of {word_modality(name, str(path), rows).n_words:,} words"


def _loading(config) -> Findings:
    from recbole_slmrec.data.dataset import MultimodalDataset
    from recbole_slmrec.describe.interactions import count_interactions

    try:
        counted = count_interactions(MultimodalDataset(config))
    except Exception as error:  # RecBole raises whatever comes
        yield Finding(
            False,
            f"{config['dataset']} cannot be loaded as a run loads it, {said(error)}; correct what "
            "that names in its files or settings",
        )
        return
    sizes = ", ".join(f"{split.n_interactions:,} {name}" for name, split in counted.splits.items())
    yield Finding(True, f"{config['dataset']} loads as in a run; interactions: {sizes}")
