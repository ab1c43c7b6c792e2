"""Pretraining in two processes: the losses of one, and a state that goes on with another number of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mothernet.hypernetwork import HypernetworkConfig
from mothernet.pretraining import PretrainingConfig, pretrain

_RUN = """
import sys
from mothernet.hypernetwork import HypernetworkConfig
from mothernet.pretraining import PretrainingConfig, pretrain
from mothernet.prior import PriorConfig
pretrain(sys.argv[1], tasks=int(sys.argv[2]), model=HypernetworkConfig(embedding=16, blocks=1, heads=2, units=16),
         prior=PriorConfig(max_support=60, max_features=6, max_classes=3, query=32), validation_groups=1,
         config=PretrainingConfig(tasks=4, warmup_steps=10, accumulate=2), progress=False)
"""


def run(folder: Path, tasks: int, processes: int) -> None:
    script = folder.parent / "run.py"
    script.write_text(_RUN)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, *(launcher if processes > 1 else []), str(script), str(folder), str(tasks)],
        env=environment,
        check=True,
        timeout=300,
    )


def losses(folder: Path) -> list[float]:
    rows = [line.split(",") for line in (folder / "losses.csv").read_text().splitlines()[1:]]
    assert [int(step) for _, step, *_ in rows] == list(range(len(rows)))  # one process writes
    return [float(loss) for _, _, loss, _ in rows]


def test_two_processes_take_the_steps_of_one_and_one_goes_on(tmp_path):
    run(tmp_path / "one", 96, processes=1)
    run(tmp_path / "two", 48, processes=2)
    run(tmp_path / "two", 48, processes=1)
    assert len(losses(tmp_path / "one")) == 12
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-4)
    assert len((tmp_path / "two" / "log.jsonl").read_text().splitlines()) == 2


def test_batches_that_cannot_be_shared_out_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("mothernet.processes.dist.init_process_group", lambda backend: None)
    monkeypatch.setattr("mothernet.processes.dist.destroy_process_group", lambda: None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="accumulate must be a multiple of the number of processes, 2"):
        pretrain(tmp_path, 1, model=HypernetworkConfig(blocks=1), config=PretrainingConfig(accumulate=3))
