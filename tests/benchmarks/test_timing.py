"""Timing in turn, and what it does on a busy machine."""

from __future__ import annotations

import re
from collections import namedtuple
from itertools import count
from types import SimpleNamespace

import pytest

from benchmarks import timing
from benchmarks.timing import Disturbance


@pytest.fixture(autouse=True)
def unmet(monkeypatch):
    monkeypatch.setattr(timing, "met", [])


def test_every_task_runs_once_a_round_in_turn(monkeypatch):
    monkeypatch.setattr(timing, "ATTEMPTS", 1)
    ran = []
    tasks = {name: (lambda name=name: ran.append(name)) for name in "ab"}
    seconds = timing.medians_in_turn(tasks, rounds=3)
    assert list(seconds) == ["a", "b"] and min(seconds.values()) > 0
    assert ran == ["a", "b"] * (timing.WARM_UP + 3)


def test_a_busy_machine_is_told_and_the_quietest_attempt_counts(monkeypatch, capsys):
    attempts = iter([(0.9, 0.0, "first"), (0.3, 0.0, "second"), (0.5, 0.0, "third")])
    monkeypatch.setattr(
        timing,
        "_attempt",
        lambda *_: (lambda o, d, name: (Disturbance(o, d), name))(*next(attempts)),
    )
    assert timing.medians_in_turn({}, 1) == "second"
    assert timing.met == [Disturbance(0.3, 0.0)]
    assert re.findall(
        r"attempt (\d) of 3: other programs took (0.\d+) cores", capsys.readouterr().out
    ) == [
        ("1", "0.90"),
        ("2", "0.30"),
        ("3", "0.50"),
    ]
    assert timing.quietness().startswith(
        "BUSY, the times are not for quoting: other programs took 0.30"
    )


def test_a_quiet_one_is_measured_once(monkeypatch, capsys):
    numbers = count()
    monkeypatch.setattr(timing, "_attempt", lambda *_: (Disturbance(0.02, 0.05), next(numbers)))
    assert timing.medians_in_turn({}, 1) == 0
    assert capsys.readouterr().out == ""
    assert timing.quietness().startswith(
        "at most other programs took 0.02 cores, and the same work 5% "
    )


def test_a_steady_load_of_others_is_seen_though_nothing_drifts(monkeypatch):
    clock, load = count(), count(step=0.7)
    monkeypatch.setattr(timing, "perf_counter", lambda: next(clock) / 100)
    monkeypatch.setattr(timing, "_others", lambda: next(load))
    disturbance, _ = timing._attempt({"a": lambda: None}, 3)
    assert disturbance.others > 0.1 and disturbance.drift == pytest.approx(0)
    assert disturbance.is_large


def test_own_work_and_that_of_children_is_not_that_of_others(monkeypatch):
    machine = namedtuple("Machine", "user system idle iowait guest")
    process = namedtuple("Process", "user system")

    def others(user: float, own: float, child: float) -> float:
        # The guest's 8 seconds are among the user's too.
        monkeypatch.setattr(timing.psutil, "cpu_times", lambda: machine(user, 20, 50, 3, 8))
        children = [SimpleNamespace(cpu_times=lambda: process(child, 1))]
        running = SimpleNamespace(
            cpu_times=lambda: process(own, 2), children=lambda recursive: children
        )
        monkeypatch.setattr(timing.psutil, "Process", lambda: running)
        return timing._others()

    assert others(user=100, own=10, child=4) == 100 + 20 - (10 + 2) - (4 + 1)
    assert others(user=103, own=12, child=4.5) - others(user=100, own=10, child=4) == 0.5
