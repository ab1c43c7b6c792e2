"""Pretraining in two processes: the losses of one, and a state that goes on with another number of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mothernet.network.config import HypernetworkConfig
from mothernet.pretraining import PretrainingConfig, pretrain
from mothernet.pretraining.processes import Processes


def run(script: Path, folder: Path, tasks: int, processes: int) -> None:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    subprocess.run(
        [sys.executable, *(launcher if processes > 1 else []), str(script), str(folder), str(tasks)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=300,
    )


def losses(folder: Path) -> list[float]:
    rows = [line.split(",") for line in (folder / "losses.csv").read_text().splitlines()[1:]]
    assert [int(step) for _, step, *_ in rows] == list(range(len(rows)))  # one process writes
    return [float(loss) for _, _, loss, _ in rows]


def test_two_processes_take_the_steps_of_one_and_one_goes_on(tmp_path, script):
    path = script(PretrainingConfig(tasks=4, warmup_steps=10, accumulate=2))
    run(path, tmp_path / "one", 96, processes=1)
    run(path, tmp_path / "two", 48, processes=2)
    run(path, tmp_path / "two", 48, processes=1)
    assert len(losses(tmp_path / "one")) == 12
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-4)  # sums in another order
    steps = [line.split('"step": ')[1].split(",")[0] for line in (tmp_path / "two" / "log.jsonl").open()]
    assert steps == ["5", "6", "10", "12"]  # every five steps and at each end, by one process


def test_batches_that_cannot_be_shared_out_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("mothernet.pretraining.processes.dist.init_process_group", lambda backend: None)
    monkeypatch.setattr("mothernet.pretraining.processes.dist.destroy_process_group", lambda: None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="accumulate must be a multiple of the number of processes, 2"):
        pretrain(tmp_path, 1, model=HypernetworkConfig(blocks=1), config=PretrainingConfig(accumulate=3))


def test_one_process_alone_needs_no_launcher(monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    with Processes("cpu") as processes:
        assert (processes.rank, processes.count) == (0, 1)
        assert processes.max(0.5, True) == [0.5, True]
        tensor = torch.ones(2)
        processes.sum_in_place(tensor)
        assert tensor.tolist() == [1, 1]
