"""Tables held by columns in several processes against whole ones in one: losses, gradients, steps,
checkpoints, and what is sent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from benchmarks.processes import counted_messages
from recbole_slmrec import quick_start
from recbole_slmrec.model.mmlightgcn import MMLightGCN
from recbole_slmrec.model.slmrec import SLMRec
from recbole_slmrec.processes import group, parallel, sharding
from recbole_slmrec.processes.columns import Columns
from recbole_slmrec.processes.whole_state import WholeState
from recbole_slmrec.training.checkpoint import load_checkpoint
from tests.model.dense import random_problem
from tests.model.fast import batch, config_of, dataset_of, float64
from tests.processes.group import in_processes

D = 8
USERS = torch.tensor([1, 3, 2, 1, 7, 6, 5, 4, 1])
ITEMS = torch.tensor([2, 5, 2, 9, 1, 10, 3, 4, 6])
NEGATIVES = torch.tensor([[3, 1, 4, 10, 5, 9, 6, 1, 2], [7, 7, 1, 2, 3, 4, 5, 6, 8]])
_SAMPLED = {"train_neg_sample_args": {"sample_num": 2}}

# Settings of the problem, those of the model on top, and its class, if it is not SLMRec.
CASES = [
    ({}, {"ssl_task": "FAC"}),
    ({"n_layers": 2, "fusion": "mean"}, {"ssl_task": "FAC", "fac_similarity": "cosine"}),
    ({"adjacency": "norm"}, {"ssl_task": "FM"}),
    ({"adjacency": "gcmc", "n_layers": 4}, {"ssl_task": "FD"}),
    ({"adjacency": "mean", "fusion": "mean"}, {"ssl_task": "FM+FD"}),
    ({"adjacency": "plain", "n_layers": 1}, {"ssl_task": "FD", "fd_level": "layer"}),
    ({}, {"ssl_task": "ED", "drop_ratio": 0.3, "main_loss": "none"}),
    ({}, {"ssl_task": "ND", "drop_ratio": 0.3}),
    ({"n_layers": 0}, {"ssl_task": "FM", "exclude_positives": True}),
    ({}, {"ssl_task": "RW", "drop_ratio": 0.3}),
    (
        {},
        {"ssl_task": "none", "negatives": "all", "exclude_positives": True, "item_graph": "users"},
    ),
    ({}, {"ssl_task": "FAC", "negatives": "uniform", "n_negatives": 4}),
    ({}, {"ssl_task": "FM", "main_loss": "sampled", **_SAMPLED}),
    ({}, {"ssl_task": "none", "main_loss": "bpr", **_SAMPLED}),
    ({"n_modalities": 0}, {"ssl_task": "none"}),
    ({"n_modalities": 1}, {"ssl_task": "FAC"}),
    ({"n_modalities": 4}, {"ssl_task": "FAC"}),
    ({}, _SAMPLED, MMLightGCN),
]
WIDTHS = {"v": 5, "a": 3, "sound.of items": 6, "t": 4}


def problem_of(n_modalities: int = 2, **settings):
    """A random problem of 8 users, 11 items and 8 columns; the last modality of several is of words."""
    widths = dict(list(WIDTHS.items())[:n_modalities])
    vocabulary = {list(widths)[-1]: 7} if n_modalities > 1 else {}
    return random_problem(0, 9, 12, 25, widths, vocabulary, d=D, **settings)


def model_of(problem_settings: dict, settings: dict, model_class=SLMRec):
    """The model of a case, with parameters that are drawn from one seed."""
    problem = problem_of(**problem_settings)
    torch.manual_seed(5)
    with float64():
        return model_class(config_of(problem, **settings), dataset_of(problem))


def stepped(model) -> dict:
    """The losses of the batch, and the state of model and optimiser after a step of Adam on it."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=0.1)
    whole_state = None
    if parallel.one_batch():
        whole_state = WholeState(model, model.columns_held, dist.get_rank() == 0)
        parallel.keep_alike(whole_state.uncut, optimizer)
    torch.manual_seed(7)
    losses = model.calculate_loss(batch(USERS, ITEMS, NEGATIVES if model.n_negatives else None))
    losses = losses if isinstance(losses, tuple) else (losses,)
    sum(losses).backward()
    optimizer.step()
    state = {"state_dict": dict(model.state_dict()), "optimizers": {"adam": optimizer.state_dict()}}
    if whole_state is not None:
        state = whole_state.gathered(state)
    with torch.no_grad():
        vectors = model.forward()
    return state and {**state, "losses": [loss.item() for loss in losses], "vectors": list(vectors)}


def keep_steps(rank: int, folder: str) -> None:
    parallel.share_one_batch(True)
    for number, case in enumerate(CASES):
        state = stepped(model_of(*case))
        if rank == 0:
            torch.save(state, f"{folder}/{number}.pth")


def same(actual, expected, path: str = "") -> None:
    """Compares nested values, tensors to 1e-9; Adam makes 1e-11 of gradients that are zero but for rounding."""
    if torch.is_tensor(expected):
        torch.testing.assert_close(
            actual, expected, rtol=1e-9, atol=1e-10, msg=lambda m: f"{path}: {m}"
        )
    elif isinstance(expected, dict):
        assert actual.keys() == expected.keys(), path
        for key, value in expected.items():
            same(actual[key], value, f"{path}.{key}")
    elif isinstance(expected, (list, tuple)):
        assert len(actual) == len(expected), path
        for number, value in enumerate(expected):
            same(actual[number], value, f"{path}[{number}]")
    elif isinstance(expected, float):
        assert actual == pytest.approx(expected, rel=1e-9), path
    else:
        assert actual == expected, path


# 3 does not divide 8.
@pytest.mark.parametrize("n", [2, 3])
def test_losses_steps_and_vectors_are_those_of_one_process(tmp_path, n):
    in_processes(keep_steps, n, tmp_path, str(tmp_path))
    for number, case in enumerate(CASES):
        actual = torch.load(tmp_path / f"{number}.pth", weights_only=True)
        same(actual, stepped(model_of(*case)), f"{case}")


def keep_counts(rank: int, folder: str) -> None:
    """Numbers held by parameters, gradients and Adam, and sent in a step, of two sizes of a catalogue."""
    parallel.share_one_batch(True)
    counts = []
    for size in (1, 3):
        problem = random_problem(0, 9 * size, 12 * size, 25 * size, {"v": 5, "a": 3}, d=D)
        with float64():
            model = SLMRec(config_of(problem, ssl_task="FAC"), dataset_of(problem))
        optimizer = torch.optim.Adam(model.parameters())
        parallel.keep_alike(WholeState(model, model.columns_held, True).uncut, optimizer)
        with counted_messages() as sent:
            sum(model.calculate_loss(batch(USERS, ITEMS))).backward()
            optimizer.step()
        cuts = [cut.parameter for cut in model.columns_held.cuts]
        held = {
            "tables": sum(p.numel() for p in cuts),
            "gradients": sum(p.grad.numel() for p in cuts),
            "adam": sum(optimizer.state[p][key].numel() for p in cuts for key in ("exp_avg", "exp_avg_sq")),
        }  # fmt: skip
        counts.append({"sent": sum(sent) // 8, **held})
    torch.save(counts, f"{folder}/counts-{rank}.pth")


def test_a_process_holds_its_share_and_sends_as_much_whatever_the_catalogue(tmp_path):
    in_processes(keep_counts, 3, tmp_path, str(tmp_path))
    by_rank = [torch.load(tmp_path / f"counts-{rank}.pth", weights_only=True) for rank in range(3)]
    for counts, n_columns in zip(by_rank, (3, 3, 2)):
        for held, (n_users, n_items) in zip(counts, ((9, 12), (27, 36))):
            # Two tables; projections of 5 and 3 features; fusion of 3 modalities, twice; 3 FAC maps.
            tables = n_columns * (n_users + n_items + (5 + 1) + (3 + 1) + 2 * 3 * D + 3 * D)
            assert held["tables"] == held["gradients"] == tables
            assert held["adam"] == 2 * tables
        assert counts[0]["sent"] == counts[1]["sent"]
        n_users, n_items = len(USERS.unique()), len(ITEMS.unique())
        vectors = n_users + n_items + 3 * n_items
        gradients = n_users + n_items + 2 * 2 * n_items
        biases = 2 * D + 3 * D + (D * D + D)
        assert counts[0]["sent"] == D * (vectors + gradients) + 3 + biases


def test_columns_are_dealt_out_whole():
    for width, n in ((8, 3), (5, 5), (64, 7), (1, 1)):
        whole = torch.arange(2 * 3 * width).view(2, 3 * width)
        parts = [Columns(width, rank, n) for rank in range(n)]
        assert [part.n for part in parts] == parts[0].sizes and sum(parts[0].sizes) == width
        owned = torch.cat([part.own(whole, 1) for part in parts], dim=1)
        assert sorted(owned[0].tolist()) == whole[0].tolist()
        assert max(parts[0].sizes) - min(parts[0].sizes) <= 1


def keep_drawn(rank: int, folder: str) -> None:
    parallel.share_one_batch(True)
    problem = problem_of()
    torch.manual_seed(3)
    model = SLMRec(config_of(problem), dataset_of(problem))
    # As on three machines, each of which writes a checkpoint.
    state = WholeState(model, model.columns_held, first_here=True)
    state = state.gathered({"state_dict": dict(model.state_dict())})
    torch.save({**state["state_dict"], "next": torch.rand(3)}, f"{folder}/drawn-{rank}.pth")


def test_tables_begin_as_in_one_process(tmp_path):
    in_processes(keep_drawn, 3, tmp_path, str(tmp_path))
    problem = problem_of()
    torch.manual_seed(3)
    model = SLMRec(config_of(problem), dataset_of(problem))
    expected = {**model.state_dict(), "next": torch.rand(3)}
    for rank in range(3):
        actual = torch.load(tmp_path / f"drawn-{rank}.pth", weights_only=True)
        assert actual.keys() == expected.keys()
        assert all(torch.equal(actual[name], value) for name, value in expected.items())


RUN = {
    **{"train_batch_size": 64, "show_progress": False, "state": "ERROR", "embedding_size": D},
    **{"ssl_task": "FM+FD", "ema_decay": 0.9, "lr_decay": 0.5, "learning_rate": 0.01},
    **{"score": "cosine", "popularity_weight": "auto"},
}


def train(config_dict, **arguments) -> dict:
    """A run in double precision, in this process or in one of several."""
    with float64():
        return quick_start._run("SLMRec", "made", None, config_dict, True)


def run(n: int, **settings) -> dict:
    settings = {**RUN, **settings}
    if n == 1:
        return train(settings)
    processes = {"nproc": n, "world_size": n, "ip": "localhost", "port": "0", "offset": 0}
    return group.spawn(train, {"config_dict": settings}, processes)


def learnt(result: dict) -> dict:
    """What a checkpoint holds of training: parameters, optimiser, average, random states, loaders."""
    checkpoint = load_checkpoint(result["checkpoint"])
    keys = ("epoch", "cur_step", "best_valid_score", "state_dict", "optimizers", "average")
    random = {key: checkpoint["random"][key] for key in ("python", "torch", "loaders")}
    return {**{key: checkpoint[key] for key in keys}, "random": random}


@pytest.mark.parametrize("first, then", [(1, 3), (3, 2)])
def test_any_number_of_processes_goes_on_from_a_checkpoint(made, first, then):
    whole = run(1, epochs=3)
    begun = run(first, epochs=1)
    resumed = run(then, epochs=3, resume=begun["checkpoint"])
    same(learnt(resumed), learnt(whole))
    assert resumed["test_result"] == whole["test_result"]
    assert resumed["best_valid_result"] == whole["best_valid_result"]


def test_a_checkpoint_of_another_width_is_told_in_a_sentence(made):
    begun = run(1, epochs=1)
    with pytest.raises(ValueError, match=r"embedding_size was 8 and is 16"):
        run(2, epochs=2, embedding_size=16, resume=begun["checkpoint"])


def test_a_checkpoint_of_another_model_is_refused(made):
    settings = {"epochs": 1, "show_progress": False, "state": "ERROR", "train_batch_size": 64}
    other = quick_start.run("FREEDOM", "made", config_dict=settings)["checkpoint"]
    with pytest.raises(ValueError, match=r"is a checkpoint of the model \[FREEDOM\]"):
        run(2, epochs=2, resume=other)


@pytest.mark.parametrize(
    "model, told",
    [
        ("MMLightGCN", "sharded by columns over 3 processes, 21 or 22 of 64 in each"),
        ("MMGCN", "replicated in 3 processes: MMGCN is not made of columns"),
    ],
)
def test_the_log_says_who_holds_the_tables(made, model, told):
    settings = {"epochs": 1, "show_progress": False, "train_batch_size": 64}
    quick_start.run(model, "made", config_dict=settings, nproc=3)
    logs = [path.read_text() for path in Path("log", model).iterdir()]
    assert [told in log for log in logs].count(True) == 1


@pytest.mark.parametrize(
    "settings, told",
    [
        ({}, None),
        ({"model": "BPR"}, "BPR is not made of columns that are propagated each by itself"),
        ({"model": "FREEDOM"}, "FREEDOM is not made of columns"),
        ({"ssl_task": "half.WithoutId"}, "half.WithoutId is from outside"),
        ({"embedding_size": 2}, "embedding_size 2 is less than the number of processes"),
        ({"gather_negatives": False}, "contrasts each process's batch by itself"),
        ({"clip_grad_norm": {"max_norm": 1}}, "clips the gradient of whole tables"),
        ({"enable_scaler": True}, "scales the gradient of whole tables"),
        (
            {"eval_args": {"mode": {"valid": "uni5", "test": "full"}}},
            "draws the items that it ranks",
        ),
    ],
)
def test_what_cannot_be_cut_is_said(settings, told):
    config = {
        **{"model": "SLMRec", "ssl_task": "auto", "embedding_size": 3, "world_size": 3},
        **{"gather_negatives": True, "clip_grad_norm": None, "enable_scaler": False},
        **{"eval_args": {"mode": {"valid": "full", "test": "labeled"}}, **settings},
    }
    obstacle = sharding.obstacle(config)
    assert obstacle is None if told is None else told in obstacle


def test_when_a_process_is_killed_the_run_ends_with_a_sentence(made, tmp_path):
    command = [sys.executable, "-m", "recbole_slmrec", "run", "--model=SLMRec", "--dataset=made"]
    flags = ["--nproc=2", "--epochs=100000", "--stopping_step=100000", "--show_progress=False"]
    said = tmp_path / "said.txt"
    with open(said, "w") as stream:
        parent = subprocess.Popen(
            [*command, *flags], stdout=stream, stderr=stream, start_new_session=True
        )
    try:
        while "epoch 1 training" not in said.read_text():
            assert parent.poll() is None, said.read_text()
            time.sleep(0.1)
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        workers = [
            pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        os.kill(int(workers[1]), signal.SIGKILL)
        assert parent.wait(timeout=120) == 2
    finally:
        if parent.poll() is None:
            os.killpg(parent.pid, signal.SIGKILL)
    assert "error: process 1 of 2 died (SIGKILL), so the run has ended" in said.read_text()
    assert "Traceback" not in said.read_text()
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
