"""Every kind of file that is read, damaged: refused with a sentence that names it, or read to what a
plain reader finds in it; no code run, no memory without bound.
"""

from __future__ import annotations

import csv
import json
import os
import pickle
import random
import re
import resource
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Callable, Iterator

import numpy as np
import pandas as pd
import torch
import yaml

from recbole_slmrec import quick_start
from recbole_slmrec.compare.names import parse_models
from recbole_slmrec.compare.runs import Comparison, run_all
from recbole_slmrec.compare.statistics import summarise
from recbole_slmrec.config import Config
from recbole_slmrec.data.layouts import LAYOUTS, Reading, recognise
from recbole_slmrec.data.pickles import load_sparse_matrix
from recbole_slmrec.data.tensors import read_tensor
from recbole_slmrec.model.kept import KeptArray
from recbole_slmrec.recommend.read import read_ids, read_pairs
from recbole_slmrec.training.checkpoint import load_checkpoint
from recbole_slmrec.tune.space import read_space
from recbole_slmrec.tune.trials import TrialLog
from tests.campaigns.commands import scratch
from tests.campaigns.mutations import CANARY, MUTATIONS
from tests.data.published import INTERACTIONS, LISTS, MATRICES, N_USERS, publish, write_lists
from tests.made import NAME, make, make_rated

CASES = 2000
_CHUNK = 50
# Of addresses, beyond those that a process has; and of memory that it may have used at most.
_ROOM, _RSS_KIB = 4 * 2**30, 2 * 2**20
REFUSED, EQUAL, READ = "refused", "read, equal", "read"
GOOD = (REFUSED, EQUAL, READ)
_QUICK = {"epochs": 1, "show_progress": False, "state": "CRITICAL", "train_batch_size": 64}


@dataclass(frozen=True)
class Kind:
    """A kind of file."""

    name: str
    file: Path
    """The file that is damaged."""
    read: Callable[[], Any]
    """Reads it as the program does."""
    plain: Callable[[], Any] | None = None
    """Reads it plainly; None where nothing is to be compared."""


def campaign(n_cases: int, rng: random.Random) -> dict[str, Any]:
    """Damages files ``n_cases`` times, kind by kind in turn.

    Returns:
        The figures: outcomes by kind of file, and the faults.
    """
    with scratch() as folder:
        kinds = _prepared(folder)
        seeds = [rng.getrandbits(32) for _ in range(n_cases)]
        chunks = [range(start, min(start + _CHUNK, n_cases)) for start in range(0, n_cases, _CHUNK)]
        results = [result for chunk in chunks for result in _in_a_process(kinds, seeds, chunk)]
    counts = {kind.name: Counter() for kind in kinds}
    for name, _, _, outcome, _ in results:
        counts[name][outcome] += 1
    return {
        "cases": len(results),
        "outcomes": dict(sum(counts.values(), Counter())),
        "by kind": {name: dict(counter) for name, counter in counts.items()},
        "faults": [result for result in results if result[3] not in GOOD],
    }


def _in_a_process(kinds: list[Kind], seeds: list[int], cases: range) -> Iterator[list]:
    """In one of its own, so that a crash is an outcome too; one by one where there was one."""
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=lambda: sender.send(_tried(kinds, seeds, cases)))
    worker.start()
    sender.close()
    try:
        yield from receiver.recv()
    except EOFError:
        if len(cases) == 1:
            yield [kinds[cases[0] % len(kinds)].name, "", cases[0], "crash", ""]
        else:
            for case in cases:
                yield from _in_a_process(kinds, seeds, range(case, case + 1))
    finally:
        worker.join()


def _tried(kinds: list[Kind], seeds: list[int], cases: range) -> list[list]:
    addresses = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (addresses + _ROOM, resource.RLIM_INFINITY))
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        return [_case(kinds[case % len(kinds)], case, random.Random(seeds[case])) for case in cases]


def _case(kind: Kind, case: int, rng: random.Random) -> list:
    mutation = rng.choice(MUTATIONS)
    original = kind.file.read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kind.file.write_bytes(mutation(original, rng))
    try:
        outcome, said = _outcome(kind)
    finally:
        kind.file.write_bytes(original)
    if Path(CANARY).exists():
        Path(CANARY).unlink()
        outcome = "code run"
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > max(before, _RSS_KIB):
        outcome = "memory"
    return [kind.name, mutation.__name__, case, outcome, said]


def _outcome(kind: Kind) -> tuple[str, str]:
    try:
        found = kind.read()
    except (ValueError, OSError) as error:
        named = kind.file.suffix == ".yaml" or kind.file.name.split(".")[0] in str(error)
        return (REFUSED if named else "file not named"), str(error)[:300]
    except Exception as error:
        return "traceback", f"{type(error).__name__}: {error}"[:300]
    if kind.plain is None:
        return READ, ""
    try:
        plain = kind.plain()
    except Exception as error:
        return "read, though it is damaged", f"{type(error).__name__}: {error}"[:300]
    return (EQUAL, "") if same(found, plain) else ("other values", f"{found!r:.200} {plain!r:.200}")


def same(one: Any, other: Any) -> bool:
    """Whether two results are equal, value by value."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if torch.is_tensor(one) and torch.is_tensor(other):
        one, other = one.numpy(), other.numpy()
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.shape != other.shape or one.dtype.kind != other.dtype.kind:
            return False
        return np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    return one == other or (one != one and other != other)


def _prepared(folder: Path) -> list[Kind]:
    return [
        *_data_sets(make_rated(folder / "dataset"), make(folder / "dataset")),
        *_published(folder),
        *_tables(folder),
        *_runs(folder),
        *_small_files(folder),
    ]


def _data_sets(rated: Path, made: Path) -> Iterator[Kind]:
    def loaded(name: str) -> Any:
        config = Config("SLMRec", name, config_dict=_QUICK)
        return quick_start.load_data(config)[0]._dataset

    def interactions() -> list[tuple]:
        data = Config("BPR", "rated", config_dict={**_QUICK, "eval_args": _ALL_FOR_TRAINING})
        dataset = quick_start.load_everything(data)._dataset
        frame = dataset.inter_feat
        users = dataset.id2token("user_id", frame["user_id"].numpy())
        items = dataset.id2token("item_id", frame["item_id"].numpy())
        return sorted(zip(users.tolist(), items.tolist(), frame["rating"].tolist()))

    def plain_interactions() -> list[tuple]:
        lines = _lines((rated / "rated.inter").read_bytes().decode("utf-8-sig"))
        head, *rows = [line.split("\t") for line in lines if line]
        names = [field.split(":")[0] for field in head]
        places = [names.index(name) for name in ("user_id", "item_id", "rating")]
        # Of users and items that are in no file of theirs the program says that it leaves them out.
        known = {f"u{user}" for user in range(24)}, {f"i{item}" for item in range(20)}
        picked = [[row[place] for place in places] for row in rows]
        picked = [row for row in picked if row[0] in known[0] and row[1] in known[1]]
        # Of a missing one the program says that it takes the mean.
        mean = np.mean([float(rating) for *_, rating in picked if rating])
        return sorted(
            (user, item, float(np.float32(rating or mean))) for user, item, rating in picked
        )

    yield Kind("atomic .inter", rated / "rated.inter", interactions, plain_interactions)
    for suffix in ("item", "user"):
        yield Kind(f"atomic .{suffix}", rated / f"rated.{suffix}", lambda: loaded("rated"))
    yield Kind("data set .yaml", rated / "rated.yaml", lambda: loaded("rated"))
    matrix = made / "v.npy"

    def features() -> np.ndarray:
        return np.sort(loaded(NAME).item_modalities[0].features[1:], axis=0)

    def plain_features() -> np.ndarray:
        rows = np.load(matrix, allow_pickle=False).astype(np.float64)
        rows = np.where(np.isfinite(rows).all(1, keepdims=True), rows, 0)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.sort((rows / np.where(lengths, lengths, 1)).astype(np.float32), axis=0)

    yield Kind("features .npy", matrix, features, plain_features)


_ALL_FOR_TRAINING = {"order": "RO"}


def _published(folder: Path) -> Iterator[Kind]:
    matrices, lists = publish(folder / "matrices"), publish(folder / "lists")
    for split, file in MATRICES.items():
        (lists / file).unlink()
        write_lists(lists / LISTS[split], INTERACTIONS[split], N_USERS)
    file = matrices / MATRICES["train"]

    def matrix() -> dict:
        found = load_sparse_matrix(file)
        return {"row": found.row, "col": found.col, "data": found.data, "shape": found.shape}

    def plain_matrix() -> dict:
        with open(file, "rb") as opened:
            found = _SparseOnly(opened).load().tocoo()
        return {"row": found.row, "col": found.col, "data": found.data, "shape": found.shape}

    yield Kind("pickled matrix", file, matrix, plain_matrix)
    yield Kind("published .pkl", file, lambda: _source(matrices))
    json_file = lists / LISTS["train"]

    def pairs() -> list[tuple]:
        frame = _source(lists).interactions["train"]
        return sorted(zip(frame["user"].tolist(), frame["item"].tolist()))

    def plain_pairs() -> list[tuple]:
        found = json.loads(json_file.read_text(encoding="utf-8-sig"))
        return sorted((int(user), item) for user, items in found.items() for item in items)

    yield Kind("published .json", json_file, pairs, plain_pairs)
    tensor = folder / "features.pt"
    torch.save(torch.randn(20, 6, generator=torch.Generator().manual_seed(0)), tensor)
    yield Kind(
        "tensor .pt", tensor, lambda: np.array(read_tensor(tensor)),
        lambda: torch.load(tensor, weights_only=True).numpy(),
    )  # fmt: skip


class _SparseOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str):
        if module.split(".")[0] not in ("numpy", "scipy"):
            raise pickle.UnpicklingError(f"{module}.{name}")
        return super().find_class(module, name)


def _source(path: Path):
    return LAYOUTS[recognise(path)].read(path, Reading())


def _tables(folder: Path) -> Iterator[Kind]:
    frame = pd.DataFrame(
        [(f"u{user}", f"i{user * 3 % 20 + place}", 1 + place % 5, 1000 * user + place)
         for user in range(20) for place in range(8)],
        columns=["user_id", "item_id", "rating", "timestamp"],
    )  # fmt: skip
    for name, separator in (("csv", ","), ("tsv", "\t")):
        path = folder / f"shop_{name}.{name}"
        frame.to_csv(path, sep=separator, index=False)
        yield Kind(
            f"table .{name}", path, lambda path=path: _named(_source(path)),
            lambda path=path: _plain_table(path),
        )  # fmt: skip
    path = folder / "shop_parquet.parquet"
    frame.to_parquet(path)
    yield Kind("table .parquet", path, lambda: _named(_source(path)))


def _named(source) -> list[tuple]:
    pairs = source.interactions["all"]
    users, items = source.users[pairs["user"]], source.items[pairs["item"]]
    return sorted(zip(map(str, users.tolist()), map(str, items.tolist())))


def _plain_table(path: Path) -> list[tuple]:
    content = path.read_bytes()
    encoding = "utf-16" if content[:2] == b"\xff\xfe" else "utf-8-sig"
    encoding = "utf-32" if content[:4] == b"\xff\xfe\0\0" else encoding
    text = content.decode(encoding)
    lines = _lines(text)
    rows = csv.DictReader(lines, delimiter=max("\t,;|", key=lines[0].count))
    return sorted((row["user_id"], row["item_id"]) for row in rows)


def _lines(text: str) -> list[str]:
    """Those that line feeds and carriage returns end, and nothing else that Unicode knows."""
    return re.split("\r\n|\r|\n", text)


def _runs(folder: Path) -> Iterator[Kind]:
    result = quick_start.run("SLMRec", NAME, config_dict=_QUICK)
    checkpoint = Path(result["checkpoint"]).rename("checkpoint.pth")
    whole = load_checkpoint(checkpoint)
    yield Kind("checkpoint", checkpoint, lambda: load_checkpoint(checkpoint), lambda: whole)
    yield Kind(
        "checkpoint's model", checkpoint, lambda: quick_start.load_data_and_model(checkpoint)
    )
    comparison = Comparison(parse_models("BPR,Pop"), NAME, [1], folder / "out", _QUICK)

    def silent(line: str) -> None:
        pass

    run_all(comparison, silent)
    (run,) = (folder / "out").glob("BPR-*.json")

    def compared() -> dict:
        outcomes = run_all(comparison, silent)
        if outcomes[0].failures:
            raise ValueError(outcomes[0].failures[1])
        summarise(outcomes)
        return outcomes[0].runs[0]

    def plain_run() -> dict:
        content = json.loads(run.read_text(encoding="utf-8"))
        return {key: value for key, value in content.items() if key != "digest"}

    yield Kind("kept run", run, compared, plain_run)
    table = torch.ones(3, 2)
    values = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    (folder / "propagated").mkdir()
    array = KeptArray(folder / "propagated", "v", "settings", table)
    array.write("features", values)
    (path,) = (folder / "propagated").iterdir()

    def propagated() -> np.ndarray:
        found = array.read(values.shape, values.dtype)
        if found is None:
            raise ValueError(f"{path} is made anew")
        return np.array(found)

    yield Kind("kept features", path, propagated, lambda: values)


def _small_files(folder: Path) -> Iterator[Kind]:
    trials = folder / "trials.jsonl"
    trial = {"parameters": {"tau": 0.5}, "score": 0.25, "valid_result": {"recall@20": 0.25}}
    lines = [{**trial, "parameters": {"tau": n / 8}, "epochs": 3, "seconds": 1.5} for n in range(4)]
    trials.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    yield Kind("trials", trials, lambda: TrialLog(trials).best(True))
    space = folder / "space.hyper"
    space.write_text("tau choice [0.1,0.5]\nalpha uniform 0,1\nepochs quniform 1,9,2\n")
    yield Kind(
        ".hyper", space, lambda: [p.draw(np.random.default_rng(0)) for p in read_space(space)]
    )
    settings = folder / "settings.yaml"
    settings.write_text(
        "alpha: 0.25\ntau: 0.5\ntopk: [5, 10]\nmetrics: [Recall]\nvalid_metric: Recall@5\n"
    )
    yield Kind(
        "settings .yaml", settings,
        lambda: Config("SLMRec", NAME, [str(settings)], _QUICK).file_config_dict,
        lambda: yaml.safe_load(settings.read_text(encoding="utf-8")) or {},
    )  # fmt: skip
    ids, pairs = folder / "ids.txt", folder / "pairs.csv"
    ids.write_text("i1\ni2\ni3\n")
    pairs.write_text("user,item\nu1,i1\nu2,i3\n")
    yield Kind("ids .txt", ids, lambda: read_ids(ids), lambda: _plain_ids(ids))
    yield Kind("pairs .csv", pairs, lambda: read_pairs(pairs))


def _plain_ids(path: Path) -> list[str]:
    lines = path.read_bytes().decode("utf-8-sig").split("\n")
    return [line.removesuffix("\r") for line in lines if line.removesuffix("\r")]
