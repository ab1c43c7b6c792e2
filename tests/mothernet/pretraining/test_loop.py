"""Pretraining: budgets and files, and a run killed at any moment goes on as if nothing had been."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mothernet.network.checkpoint import load_checkpoint
from mothernet.network.config import HypernetworkConfig
from mothernet.pretraining import PretrainingConfig, pretrain
from mothernet.pretraining.state import read_state, write_state
from mothernet.pretraining.validation import VALIDATION_SEED

QUIET = {"progress": False, "validation_groups": 2}


def test_minutes_state_log_and_checkpoint(tmp_path, model, prior):
    line = pretrain(tmp_path, 0.02, cool_down_minutes=0.02, model=model, prior=prior, **QUIET)
    log = [json.loads(text) for text in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1] == line
    assert [entry["phase"] for entry in log][-2:] == ["constant", "cool-down"]
    assert {"tasks", "seconds", "validation_loss", "validation_auc", "validation_accuracy"} <= set(line)
    again = pretrain(tmp_path, 0.02, model=model, prior=prior, **QUIET)
    assert again["step"] > log[-2]["step"]  # the constant phase goes on from where it stood, not from the cool-down
    checkpoint = load_checkpoint(tmp_path / "checkpoint.safetensors")
    assert checkpoint.config == model
    assert checkpoint.info["tasks"] == pytest.approx(again["tasks"])


def test_a_budget_in_tasks_ends_both_phases(tmp_path, model, prior):
    line = pretrain(tmp_path, tasks=40, cool_down_tasks=16, model=model, prior=prior, **QUIET)
    assert (line["tasks"], line["phase"]) == (56, "cool-down")  # 8 tasks per step
    assert pretrain(tmp_path, tasks=8, **QUIET)["tasks"] == 48
    with pytest.raises(ValueError, match="a budget must be given"):
        pretrain(tmp_path)


def test_losses_have_a_line_per_step(tmp_path, model, prior):
    line = pretrain(tmp_path, tasks=40, cool_down_tasks=16, model=model, prior=prior, **QUIET)
    header, *rows = ((tmp_path / "losses.csv").read_text()).splitlines()
    assert header == "phase,step,loss,base"
    assert [row.split(",")[:2] for row in rows] == [
        ["constant" if step < 5 else "cool-down", str(step)] for step in range(7)
    ]
    last = [float(row.split(",")[2]) for row in rows[5:]]
    assert line["training_loss"] == pytest.approx(sum(last) / 2, abs=1e-5)


def test_a_fresh_run_starts_from_a_checkpoint(tmp_path, model, prior):
    pretrain(tmp_path / "first", tasks=16, model=model, prior=prior, **QUIET)
    checkpoint = tmp_path / "first" / "checkpoint.safetensors"
    pretrain(tmp_path / "second", tasks=0, start=checkpoint, **QUIET)
    first, second = load_checkpoint(checkpoint), load_checkpoint(tmp_path / "second" / "checkpoint.safetensors")
    assert second.info["start"] == first.fingerprint and second.info["tasks"] == 0
    assert all(np.array_equal(array, second.weights[name]) for name, array in first.weights.items())
    with pytest.raises(ValueError, match="only a fresh run starts from a checkpoint"):
        pretrain(tmp_path / "second", tasks=8, start=checkpoint, **QUIET)
    with pytest.raises(ValueError, match="must have the sizes of the checkpoint"):
        pretrain(tmp_path / "third", tasks=8, start=checkpoint, model=HypernetworkConfig(blocks=1), **QUIET)


def test_other_sizes_in_the_state_are_an_error(new_run, tmp_path):
    write_state(tmp_path / "state.safetensors", new_run().state())
    with pytest.raises(ValueError, match="goes on with its own model"):
        pretrain(tmp_path, 0.01, model=HypernetworkConfig(embedding=32, blocks=1), **QUIET)


def test_validation_seed_is_refused(tmp_path):
    with pytest.raises(ValueError, match="reserved for the validation tasks"):
        pretrain(tmp_path, 0.01, config=PretrainingConfig(seed=VALIDATION_SEED), **QUIET)


def test_a_run_goes_on_with_its_own_seed_and_prior(tmp_path, model, prior):
    pretrain(tmp_path, tasks=8, model=model, prior=prior, config=PretrainingConfig(seed=3), **QUIET)
    assert pretrain(tmp_path, tasks=8, **QUIET)["tasks"] == 16
    assert load_checkpoint(tmp_path / "checkpoint.safetensors").info["pretraining"]["seed"] == 3
    with pytest.raises(ValueError, match="goes on with its own config"):
        pretrain(tmp_path, 0.01, config=PretrainingConfig(seed=4), **QUIET)


def test_a_damaged_state_is_refused(tmp_path):
    (tmp_path / "state.safetensors").write_bytes(b"not a state")
    with pytest.raises(ValueError, match="must be a whole state"):
        pretrain(tmp_path, 0.01, **QUIET)


def test_a_run_killed_at_random_moments_takes_the_same_steps(tmp_path, script):
    path = script(PretrainingConfig())
    killed, straight = tmp_path / "killed", tmp_path / "straight"
    state = killed / "state.safetensors"
    for _ in range(2):
        process = start(path, killed, 10**6)
        wait_for(process, state, newer_than=time.time())
        time.sleep(random.uniform(0.2, 1))  # every step saves: the kill comes somewhere in or between writes
        process.send_signal(signal.SIGKILL)
        process.wait()
        if (killed / "checkpoint.safetensors").exists():
            load_checkpoint(killed / "checkpoint.safetensors")
    counters = read_state(state).counters
    assert start(path, straight, int(counters["tasks"])).wait() == 0
    expected = (straight / "losses.csv").read_text().splitlines()
    assert len(expected) == counters["step"] + 1
    got = (killed / "losses.csv").read_text().splitlines()
    assert set(expected) == {
        line for line in got if line in set(expected) or int(line.split(",")[1]) < counters["step"]
    }


def test_a_signal_saves_the_state_and_skips_the_cool_down(tmp_path, script):
    folder = tmp_path / "stopped"
    process = start(script(PretrainingConfig()), folder, 10**6)
    wait_for(process, folder / "state.safetensors", newer_than=0)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    last = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    assert last["phase"] == "constant" and last["step"] == read_state(folder / "state.safetensors").counters["step"]


def start(script: Path, folder: Path, tasks: int) -> subprocess.Popen:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, str(script), str(folder), str(tasks)], env=environment)


def wait_for(process: subprocess.Popen, path: Path, newer_than: float, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not (path.exists() and path.stat().st_mtime >= newer_than):
        assert process.poll() is None, "the run ended by itself"
        assert time.monotonic() < deadline, f"{path} was not written in {seconds} s"
        time.sleep(0.02)
