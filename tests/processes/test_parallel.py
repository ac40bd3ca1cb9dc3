"""Two processes against one: gradients of the joint batch, metrics, one checkpoint, clean ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from recbole_slmrec import quick_start
from recbole_slmrec.evaluation.metrics import OF_RANKINGS
from recbole_slmrec.processes import parallel
from recbole_slmrec.training.trainer import get_trainer
from tests.model import test_bm3, test_freedom, test_lattice, test_lgmrec, test_mgcn, test_smore
from tests.model.dense import random_problem
from tests.model.fast import batch, fast_model
from tests.processes.group import in_processes, join

USERS = torch.tensor([1, 3, 2, 1, 7, 6, 5, 4])
ITEMS = torch.tensor([2, 5, 2, 9, 1, 10, 3, 4])
NEGATIVES = torch.tensor([[3, 1, 4, 10, 5, 9, 6, 1]])
QUICK = {"train_batch_size": 64, "show_progress": False, "state": "ERROR", "epochs": 2}


def gradients(model, rows, seed: int = 7) -> dict[str, torch.Tensor]:
    negatives = NEGATIVES[:, rows] if model.n_negatives else None
    torch.manual_seed(seed)
    losses = model.calculate_loss(batch(USERS[rows], ITEMS[rows], negatives))
    sum(losses).backward() if isinstance(losses, tuple) else losses.backward()
    return {name: p.grad for name, p in model.named_parameters()}


def model_for(settings: dict):
    return fast_model(random_problem(0, 9, 12, 25, {"v": 5, "a": 3}), **settings)


SETTINGS = [
    {"ssl_task": "FAC"},
    {"ssl_task": "FM+FD"},
    {"ssl_task": "ND", "drop_ratio": 0.3},
    {"ssl_task": "RW", "drop_ratio": 0.3},
    {"ssl_task": "none", "exclude_positives": True},
    {"ssl_task": "none", "negatives": "all", "negative_popularity": 0.5, "item_graph": "users"},
    {"ssl_task": "none", "negatives": "uniform", "n_negatives": 4, "exclude_positives": True},
    {"ssl_task": "FM", "main_loss": "sampled", "train_neg_sample_args": {"sample_num": 1}},
]


def own_negatives(rank: int, folder: str) -> None:
    model = model_for({"ssl_task": "FAC", "gather_negatives": False})
    losses = model.calculate_loss(batch(*own_rows(rank)))
    torch.save(torch.stack(losses), f"{folder}/{rank}.pth")


def own_rows(rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    rows = slice(4 * rank, 4 * rank + 4)
    return USERS[rows], ITEMS[rows]


def test_without_gathering_each_process_contrasts_its_own_batch(tmp_path):
    in_processes(own_negatives, 2, tmp_path, str(tmp_path))
    model = model_for({"ssl_task": "FAC"})
    for rank in (0, 1):
        alone = torch.stack(model.calculate_loss(batch(*own_rows(rank))))
        there = torch.load(tmp_path / f"{rank}.pth", weights_only=True)
        torch.testing.assert_close(there, alone, rtol=1e-12, atol=0)


def keep_mean_gradients(models, rank: int, folder: str) -> None:
    """Keeps the gradients that processes agree on, of models each with the seed of what it draws."""
    for number, (model, seed) in enumerate(models):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        parallel.synchronise(model, optimizer)
        gradients(model, slice(4 * rank, 4 * rank + 4), seed)
        optimizer.step()
        means = {name: p.grad for name, p in model.named_parameters()}
        torch.save(means, f"{folder}/{number}-{rank}.pth")


def half_batches(rank: int, folder: str) -> None:
    # Drawn items are the first process's, whatever another one would have drawn.
    seeds = (7 + rank if each.get("negatives") == "uniform" else 7 for each in SETTINGS)
    keep_mean_gradients(zip(map(model_for, SETTINGS), seeds), rank, folder)


def test_gradients_equal_those_of_one_process_on_the_joint_batch(tmp_path):
    in_processes(half_batches, 2, tmp_path, str(tmp_path))
    for number, settings in enumerate(SETTINGS):
        expected = gradients(model_for(settings), slice(0, 8))
        for rank in (0, 1):
            actual = torch.load(tmp_path / f"{number}-{rank}.pth", weights_only=True)
            for name, gradient in expected.items():
                if gradient is not None:
                    torch.testing.assert_close(actual[name], gradient, rtol=1e-9, atol=1e-11)


# Without dropout, which is drawn for the rows of a batch.
GRAPH_MODELS = [
    (test_freedom, {}),
    (test_bm3, {"dropout_rate": 0.0}),
    (test_bm3, {"dropout_rate": 0.0, "regularisation": "batch"}),
    (test_lattice, {}),
    (test_mgcn, {}),
    (test_smore, {"dropout_rate": 0.0}),
    (test_lgmrec, {}),
]


def graph_model(number: int):
    room, settings = GRAPH_MODELS[number]
    return room.built(room.problem_of(), **settings)


def half_batches_of_graph_models(rank: int, folder: str) -> None:
    # The interactions that stay are those of the first process's draw.
    seeds = (7 + rank if room is test_freedom else 7 for room, _ in GRAPH_MODELS)
    models = map(graph_model, range(len(GRAPH_MODELS)))
    keep_mean_gradients(zip(models, seeds), rank, folder)


def test_so_do_those_of_models_with_graphs_of_items(tmp_path):
    in_processes(half_batches_of_graph_models, 2, tmp_path, str(tmp_path))
    for number in range(len(GRAPH_MODELS)):
        expected = gradients(graph_model(number), slice(0, 8))
        for rank in (0, 1):
            actual = torch.load(tmp_path / f"{number}-{rank}.pth", weights_only=True)
            for name, gradient in expected.items():
                message = f"{GRAPH_MODELS[number]}: {name}"
                torch.testing.assert_close(
                    actual[name], gradient, rtol=1e-8, atol=1e-10, msg=message
                )


def test_two_processes_train_evaluate_and_save_as_one(made):
    settings = {**QUICK, "metrics": OF_RANKINGS}
    result = quick_start.run("SLMRec", "made", config_dict=settings, nproc=2)
    config, model, _, train_data, _, test_data = quick_start.load_data_and_model(
        result["checkpoint"]
    )
    trainer = get_trainer(config["MODEL_TYPE"], "SLMRec")(config, model)
    trainer.eval_collector.data_collect(train_data)
    assert trainer.evaluate(test_data, load_best_model=False) == result["test_result"]
    assert len(os.listdir("saved")) == 1


def test_single_scores_are_compared_with_the_labels_of_all_processes(rated):
    settings = {
        **QUICK,
        **{"metrics": ["AUC", "MAE"], "valid_metric": "AUC", "threshold": {"rating": 3}},
        "eval_args": {"split": {"RS": [0.6, 0.2, 0.2]}, "order": "RO", "mode": "labeled"},
    }
    result = quick_start.run("BPR", "rated", config_dict=settings, nproc=2)
    assert quick_start.evaluate(result["checkpoint"]) == pytest.approx(result["test_result"])


def leave_the_group(rank: int, folder: str) -> None:
    join(rank, 2, f"{folder}/meeting")
    group = weakref.ref(dist.group.WORLD)
    torch.optim.Adam([torch.nn.Parameter(torch.ones(1))])
    dist.all_reduce(torch.ones(1))
    dist.destroy_process_group()
    Path(folder, f"{rank}-{'kept' if group() else 'gone'}").touch()


def test_a_group_that_is_left_is_gone_before_python_ends(tmp_path):
    """The threads of one that stays may abort the process at its end (PyTorch's issue 190489)."""
    mp.spawn(leave_the_group, args=(str(tmp_path),), nprocs=2)
    assert sorted(path.name for path in tmp_path.glob("*-*")) == ["0-gone", "1-gone"]


def test_bad_input_in_two_processes_is_one_sentence(made):
    with pytest.raises(ValueError, match=r"^tau \[0\] must be a number above 0"):
        settings = {**QUICK, "tau": 0}
        quick_start.run("SLMRec", "made", config_dict=settings, nproc=2)


def die_in_one(rank: int) -> None:
    if rank == 1:
        os._exit(3)
    dist.barrier()


def test_when_one_process_dies_the_others_end(tmp_path):
    with pytest.raises((mp.ProcessExitedException, mp.ProcessRaisedException)):
        in_processes(die_in_one, 2, tmp_path)


def test_runs_on_one_machine_need_no_port(made):
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        settings = {"epochs": 1, "show_progress": False, "state": "ERROR", "train_batch_size": 64}
        result = quick_start.run("Pop", "made", config_dict=settings, nproc=2, port=port)
        assert 0 < result["test_result"]["recall@20"] <= 1
        with pytest.raises(ValueError, match=rf"cannot meet at localhost, port {port} .*--port"):
            quick_start.run("Pop", "made", config_dict=settings, world_size=2, port=port)


def test_processes_end_with_the_one_that_started_them(made, tmp_path):
    code = (
        "from recbole_slmrec import quick_start\n"
        "settings = {'epochs': 10**6, 'show_progress': False, 'stopping_step': 10**6,"
        " 'train_batch_size': 64}\n"
        "if __name__ == '__main__':\n"
        "    quick_start.run('SLMRec', 'made', config_dict=settings, nproc=2)\n"
    )
    (tmp_path / "train.py").write_text(code)
    with open(tmp_path / "said.txt", "w") as said:
        parent = subprocess.Popen(
            [sys.executable, "train.py"], stdout=said, stderr=said, start_new_session=True
        )
    try:
        while "epoch 0 training" not in (tmp_path / "said.txt").read_text():
            assert parent.poll() is None, (tmp_path / "said.txt").read_text()
            time.sleep(0.1)
        children = [int(pid) for pid in _children(parent.pid)]
        assert len(children) >= 2
        parent.kill()
        parent.wait()
        while any(Path(f"/proc/{child}").exists() for child in children):
            time.sleep(0.1)
    finally:
        if _in_session(parent.pid):
            os.killpg(parent.pid, signal.SIGKILL)


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _in_session(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
