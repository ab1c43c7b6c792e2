"""Pretraining: it learns, it resumes, and a kill at any moment leaves whole files."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from sklearn.metrics import roc_auc_score

from mothernet import pretraining
from mothernet.checkpoint import load_checkpoint
from mothernet.hypernetwork import HypernetworkConfig
from mothernet.pretraining import (
    VALIDATION_SEED,
    PretrainingConfig,
    _one_vs_one_auc,
    _Run,
    pretrain,
    validation_scores,
    validation_tasks,
)
from mothernet.prior import PriorConfig, TaskShape, sample_tasks

MODEL = HypernetworkConfig(embedding=16, blocks=1, heads=2, units=16)
PRIOR = PriorConfig(max_support=60, max_features=6, max_classes=3, query=32)


@pytest.fixture
def new_run():
    return lambda: _Run(MODEL, PRIOR, PretrainingConfig(tasks=4, warmup_steps=10), "cpu")


def test_loss_falls():
    smooth = PriorConfig(
        max_support=60, max_features=3, max_classes=2, query=32, causal_model=0, trees=0, scores=0, clusters=0, rules=0
    )
    run = _Run(
        MODEL, smooth, PretrainingConfig(tasks=4, warmup_steps=10, moving_average=0.9, learning_rate=3e-3), "cpu"
    )
    tasks = [sample_tasks(smooth, 4, TaskShape(60, 64, 3, 2), seed=VALIDATION_SEED, index=i) for i in range(12)]
    before = validation_scores(run.averaged(), tasks)
    for _ in range(60):
        run.step(1.0)
    after = validation_scores(run.averaged(), tasks)
    assert after.loss < before.loss - 0.01 and after.auc > before.auc


def test_auc_is_that_of_scikit_learn():
    generator = torch.Generator().manual_seed(0)
    for classes, present in ((2, 2), (5, 5), (5, 3)):
        y = torch.arange(60).remainder(present)[torch.randperm(60, generator=generator)].expand(3, -1)
        probability = torch.randn(3, 60, classes, generator=generator).mul(2).round().softmax(-1).double()  # with ties
        expected = []
        for p in probability.numpy():
            if classes == 2:
                expected.append(roc_auc_score(y[0], p[:, 1]))
                continue
            pairs = [(a, b) for a in range(present) for b in range(present) if a != b]
            rows = {(a, b): ((y[0] == a) | (y[0] == b)).numpy() for a, b in pairs}
            scores = [roc_auc_score((y[0].numpy() == a)[rows[a, b]], p[rows[a, b], a]) for a, b in pairs]
            expected.append(sum(scores) / len(scores))
        assert _one_vs_one_auc(probability, y).tolist() == pytest.approx(expected, abs=1e-9)
    assert _one_vs_one_auc(probability, torch.zeros_like(y)).isnan().all()


def test_a_resumed_run_takes_the_same_steps(new_run, tmp_path):
    straight = new_run()
    expected = [straight.step(1.0) for _ in range(8)]
    first = new_run()
    got = [first.step(1.0) for _ in range(4)]
    first.save(tmp_path / "state.safetensors")
    second = new_run()
    second.load(tmp_path / "state.safetensors")
    got += [second.step(1.0) for _ in range(4)]
    assert got == expected
    assert all(torch.equal(average, second.average[name]) for name, average in straight.average.items())


@pytest.fixture
def few_validation_tasks(monkeypatch):
    monkeypatch.setattr(pretraining, "validation_tasks", partial(validation_tasks, groups=2))


def test_minutes_state_log_and_checkpoint(tmp_path, few_validation_tasks):
    line = pretrain(tmp_path, 0.02, cool_down_minutes=0.02, model=MODEL, prior=PRIOR, progress=False)
    log = [json.loads(text) for text in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1] == line
    assert [entry["phase"] for entry in log][-2:] == ["constant", "cool-down"]
    assert {"tasks", "seconds", "validation_loss", "validation_auc", "validation_accuracy"} <= set(line)
    again = pretrain(tmp_path, 0.02, model=MODEL, prior=PRIOR, progress=False)
    assert again["step"] > log[-2]["step"]  # the constant phase goes on from where it stood, not from the cool-down
    checkpoint = load_checkpoint(tmp_path / "checkpoint.safetensors")
    assert checkpoint.network.config == MODEL
    assert checkpoint.info["tasks"] == pytest.approx(again["tasks"])


def test_a_budget_in_tasks_ends_both_phases(tmp_path, few_validation_tasks):
    line = pretrain(tmp_path, tasks=40, cool_down_tasks=16, model=MODEL, prior=PRIOR, progress=False)
    assert (line["tasks"], line["phase"]) == (56, "cool-down")  # 8 tasks per step
    assert pretrain(tmp_path, tasks=8, progress=False)["tasks"] == 48
    with pytest.raises(ValueError, match="a budget must be given"):
        pretrain(tmp_path)


def test_a_fresh_run_starts_from_a_checkpoint(tmp_path, few_validation_tasks):
    pretrain(tmp_path / "first", tasks=16, model=MODEL, prior=PRIOR, progress=False)
    checkpoint = tmp_path / "first" / "checkpoint.safetensors"
    pretrain(tmp_path / "second", tasks=0, start=checkpoint, progress=False)
    first, second = load_checkpoint(checkpoint), load_checkpoint(tmp_path / "second" / "checkpoint.safetensors")
    assert second.info["start"] == first.fingerprint and second.info["tasks"] == 0
    weights = second.network.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in first.network.state_dict().items())
    with pytest.raises(ValueError, match="only a fresh run starts from a checkpoint"):
        pretrain(tmp_path / "second", tasks=8, start=checkpoint, progress=False)
    with pytest.raises(ValueError, match="must have the sizes of the checkpoint"):
        pretrain(tmp_path / "third", tasks=8, start=checkpoint, model=HypernetworkConfig(blocks=1), progress=False)


def test_a_state_without_a_newer_field_gets_its_default(new_run, tmp_path):
    new_run().save(tmp_path / "state.safetensors")
    with safe_open(tmp_path / "state.safetensors", "pt") as file:
        state = json.loads(file.metadata()["state"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    del state["config"]["clip"]
    save_file(tensors, tmp_path / "state.safetensors", {"state": json.dumps(state)})
    new_run().load(tmp_path / "state.safetensors")


def test_other_sizes_in_the_state_are_an_error(new_run, tmp_path):
    new_run().save(tmp_path / "state.safetensors")
    with pytest.raises(ValueError, match="goes on with model"):
        pretrain(tmp_path, 0.01, model=HypernetworkConfig(embedding=32, blocks=1), progress=False)


def test_validation_seed_is_refused(tmp_path):
    with pytest.raises(ValueError, match="reserved for the validation tasks"):
        pretrain(tmp_path, 0.01, config=PretrainingConfig(seed=VALIDATION_SEED), progress=False)


def test_a_run_goes_on_with_its_own_seed_and_prior(tmp_path, few_validation_tasks):
    pretrain(tmp_path, 0.01, model=MODEL, prior=PRIOR, config=PretrainingConfig(seed=3), progress=False)
    assert pretrain(tmp_path, 0.01, progress=False)["step"] > 0
    assert load_checkpoint(tmp_path / "checkpoint.safetensors").info["pretraining"]["seed"] == 3
    with pytest.raises(ValueError, match="goes on with config"):
        pretrain(tmp_path, 0.01, config=PretrainingConfig(seed=4), progress=False)


@pytest.mark.parametrize("content", [b"", b"not a state", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_damaged_state_is_an_error_that_says_so(tmp_path, content):
    (tmp_path / "state.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="is not a whole state"):
        pretrain(tmp_path, 0.01, progress=False)


_KILLED_RUN = """
import sys
from mothernet.hypernetwork import HypernetworkConfig
from mothernet.pretraining import pretrain
from mothernet.prior import PriorConfig, TaskShape, sample_tasks
pretrain(sys.argv[1], 5, model=HypernetworkConfig(embedding=16, blocks=1, heads=2, units=16),
         prior=PriorConfig(max_support=60, max_features=6, max_classes=3, query=32),
         evaluate_every=5, save_seconds=0, progress=False)
"""


def test_kill_in_the_middle_leaves_whole_files(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    steps = []
    for attempt in range(3):
        process = subprocess.Popen([sys.executable, "-c", _KILLED_RUN, str(tmp_path)], env=environment)
        wait_for(tmp_path / "state.safetensors", newer_than=time.time())
        time.sleep(0.13 + 0.37 * attempt)  # every step saves: the kill comes somewhere in or between writes
        process.send_signal(signal.SIGKILL)
        process.wait()
        with safe_open(tmp_path / "state.safetensors", "pt") as file:
            steps.append(json.loads(file.metadata()["state"])["counters"]["step"])
            assert all(file.get_tensor(name).isfinite().all() for name in file.keys())  # noqa: SIM118
        if (tmp_path / "checkpoint.safetensors").exists():
            load_checkpoint(tmp_path / "checkpoint.safetensors")
    assert steps == sorted(set(steps))  # each run went on from the last


def wait_for(path: Path, newer_than: float, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not (path.exists() and path.stat().st_mtime >= newer_than):
        assert time.monotonic() < deadline, f"{path} was not written in {seconds} s"
        time.sleep(0.02)
