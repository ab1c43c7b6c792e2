"""Pretraining: it learns, and a run killed at any moment goes on as if nothing had been."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from sklearn.metrics import roc_auc_score

from mothernet import training_run
from mothernet.checkpoint import load_checkpoint
from mothernet.hypernetwork import HypernetworkConfig
from mothernet.pretraining import PretrainingConfig, pretrain
from mothernet.prior import PriorConfig, TaskShape, sample_tasks
from mothernet.training_run import Run, _plan
from mothernet.validation import VALIDATION_SEED, one_vs_one_auc, validation_scores

MODEL = HypernetworkConfig(embedding=16, blocks=1, heads=2, units=16)
PRIOR = PriorConfig(max_support=60, max_features=6, max_classes=3, query=32)
QUIET = {"progress": False, "validation_groups": 2}


@pytest.fixture
def new_run():
    return lambda: Run(MODEL, PRIOR, PretrainingConfig(tasks=4, warmup_steps=10), "cpu")


def test_loss_falls():
    smooth = PriorConfig(
        max_support=60,
        max_features=3,
        max_classes=2,
        query=32,
        causal_model=0,
        trees=0,
        scores=0,
        clusters=0,
        anticausal=0,
        rules=0,
    )
    config = PretrainingConfig(tasks=4, warmup_steps=10, moving_average=0.9, learning_rate=3e-3)
    run = Run(replace(MODEL, ramps=0), smooth, config, "cpu")  # with ramps little is left to the units here
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
        assert one_vs_one_auc(probability, y).tolist() == pytest.approx(expected, abs=1e-9)
    assert one_vs_one_auc(probability, torch.zeros_like(y)).isnan().all()


def test_a_resumed_run_takes_the_same_steps(new_run, tmp_path):
    straight = new_run()
    expected = [straight.step(1.0).tolist() for _ in range(8)]
    first = new_run()
    got = [first.step(1.0).tolist() for _ in range(4)]
    first.save(tmp_path / "state.safetensors")
    second = new_run()
    second.load(tmp_path / "state.safetensors")
    got += [second.step(1.0).tolist() for _ in range(4)]
    assert got == expected
    assert all(torch.equal(average, second.average[name]) for name, average in straight.average.items())


def test_minutes_state_log_and_checkpoint(tmp_path):
    line = pretrain(tmp_path, 0.02, cool_down_minutes=0.02, model=MODEL, prior=PRIOR, **QUIET)
    log = [json.loads(text) for text in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1] == line
    assert [entry["phase"] for entry in log][-2:] == ["constant", "cool-down"]
    assert {"tasks", "seconds", "validation_loss", "validation_auc", "validation_accuracy"} <= set(line)
    again = pretrain(tmp_path, 0.02, model=MODEL, prior=PRIOR, **QUIET)
    assert again["step"] > log[-2]["step"]  # the constant phase goes on from where it stood, not from the cool-down
    checkpoint = load_checkpoint(tmp_path / "checkpoint.safetensors")
    assert checkpoint.network.config == MODEL
    assert checkpoint.info["tasks"] == pytest.approx(again["tasks"])


def test_a_budget_in_tasks_ends_both_phases(tmp_path):
    line = pretrain(tmp_path, tasks=40, cool_down_tasks=16, model=MODEL, prior=PRIOR, **QUIET)
    assert (line["tasks"], line["phase"]) == (56, "cool-down")  # 8 tasks per step
    assert pretrain(tmp_path, tasks=8, **QUIET)["tasks"] == 48
    with pytest.raises(ValueError, match="a budget must be given"):
        pretrain(tmp_path)


def test_a_fresh_run_starts_from_a_checkpoint(tmp_path):
    pretrain(tmp_path / "first", tasks=16, model=MODEL, prior=PRIOR, **QUIET)
    checkpoint = tmp_path / "first" / "checkpoint.safetensors"
    pretrain(tmp_path / "second", tasks=0, start=checkpoint, **QUIET)
    first, second = load_checkpoint(checkpoint), load_checkpoint(tmp_path / "second" / "checkpoint.safetensors")
    assert second.info["start"] == first.fingerprint and second.info["tasks"] == 0
    weights = second.network.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in first.network.state_dict().items())
    with pytest.raises(ValueError, match="only a fresh run starts from a checkpoint"):
        pretrain(tmp_path / "second", tasks=8, start=checkpoint, **QUIET)
    with pytest.raises(ValueError, match="must have the sizes of the checkpoint"):
        pretrain(tmp_path / "third", tasks=8, start=checkpoint, model=HypernetworkConfig(blocks=1), **QUIET)


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
        pretrain(tmp_path, 0.01, model=HypernetworkConfig(embedding=32, blocks=1), **QUIET)


def test_validation_seed_is_refused(tmp_path):
    with pytest.raises(ValueError, match="reserved for the validation tasks"):
        pretrain(tmp_path, 0.01, config=PretrainingConfig(seed=VALIDATION_SEED), **QUIET)


def test_a_run_goes_on_with_its_own_seed_and_prior(tmp_path):
    pretrain(tmp_path, 0.01, model=MODEL, prior=PRIOR, config=PretrainingConfig(seed=3), **QUIET)
    assert pretrain(tmp_path, 0.01, **QUIET)["step"] > 0
    assert load_checkpoint(tmp_path / "checkpoint.safetensors").info["pretraining"]["seed"] == 3
    with pytest.raises(ValueError, match="goes on with config"):
        pretrain(tmp_path, 0.01, config=PretrainingConfig(seed=4), **QUIET)


def test_a_large_state_is_written_in_several_files(new_run, tmp_path, monkeypatch):
    path = tmp_path / "state.safetensors"
    whole, parts = new_run(), new_run()
    whole.step(1.0)
    whole.save(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    monkeypatch.setattr(training_run, "_FILE_BYTES", 10_000)
    for _ in range(2):
        parts.step(1.0)
        parts.save(path)  # the second time, shards of the first are removed
    shards = sorted(file.name for file in tmp_path.glob("state-*"))
    assert len(shards) > 3 and all(name.startswith("state-2-") for name in shards)
    assert all(file.stat().st_size < 20_000 for file in tmp_path.iterdir())
    again = new_run()
    again.load(path)
    assert again.step(1.0).tolist() == parts.step(1.0).tolist()
    (tmp_path / shards[0]).unlink()
    with pytest.raises(ValueError, match="is not a whole state"):
        new_run().load(path)


def test_a_model_whose_state_would_be_too_large_is_refused(tmp_path):
    with pytest.raises(ValueError, match="state of a run must stay below 60 MB"):
        pretrain(tmp_path, 1, model=HypernetworkConfig(embedding=320, blocks=6), **QUIET)


def test_batches_drawn_ahead_are_the_same(new_run):
    plain, ahead = new_run(), new_run()
    ahead.pool = ThreadPoolExecutor(1)
    assert [ahead.step(1.0).tolist() for _ in range(4)] == [plain.step(1.0).tolist() for _ in range(4)]


def test_shapes_in_buckets_are_few():
    config = PretrainingConfig.suited("cuda", seed=1)
    plans = [_plan(PriorConfig(), config, 256, index) for index in range(500)]
    assert len({plan.shape.support for plan in plans}) <= 11 and len({plan.shape.features for plan in plans}) <= 13
    assert all((plan.shape.support + plan.width) % 16 == 0 for plan in plans)


def test_a_gradient_that_is_not_finite_counts_as_zero(new_run, monkeypatch):
    run = new_run()
    run.step(1.0)
    monkeypatch.setattr(training_run, "cross_entropy", lambda logits, y: logits.sum((1, 2)) * torch.nan)
    assert run.step(1.0)[0].isnan()
    assert all(p.isfinite().all() for p in run.network.parameters())


@pytest.mark.parametrize("content", [b"", b"not a state", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_damaged_state_is_an_error_that_says_so(tmp_path, content):
    (tmp_path / "state.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="is not a whole state"):
        pretrain(tmp_path, 0.01, **QUIET)


_RUN = """
import sys, torch
from mothernet.hypernetwork import HypernetworkConfig
from mothernet.pretraining import pretrain
from mothernet.prior import PriorConfig
torch.use_deterministic_algorithms(True)
pretrain(sys.argv[1], tasks=int(sys.argv[2]), model=HypernetworkConfig(embedding=16, blocks=1, heads=2, units=16),
         prior=PriorConfig(max_support=60, max_features=6, max_classes=3, query=32),
         evaluate_every=5, save_seconds=0, validation_groups=1, progress=False)
"""


def test_a_run_killed_at_random_moments_takes_the_same_steps(tmp_path):
    killed, straight = tmp_path / "killed", tmp_path / "straight"
    state = killed / "state.safetensors"
    for _ in range(2):
        process = start(killed, 10**6)
        wait_for(process, state, newer_than=time.time())
        time.sleep(random.uniform(0.2, 1))  # every step saves: the kill comes somewhere in or between writes
        process.send_signal(signal.SIGKILL)
        process.wait()
        if (killed / "checkpoint.safetensors").exists():
            load_checkpoint(killed / "checkpoint.safetensors")
    with safe_open(state, "pt") as file:
        counters = json.loads(file.metadata()["state"])["counters"]
    assert start(straight, int(counters["tasks"])).wait() == 0
    expected = (straight / "losses.csv").read_text().splitlines()
    assert len(expected) == counters["step"] + 1
    got = (killed / "losses.csv").read_text().splitlines()
    assert set(expected) == {
        line for line in got if line in set(expected) or int(line.split(",")[1]) < counters["step"]
    }


def start(folder: Path, tasks: int) -> subprocess.Popen:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", _RUN, str(folder), str(tasks)], env=environment)


def wait_for(process: subprocess.Popen, path: Path, newer_than: float, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not (path.exists() and path.stat().st_mtime >= newer_than):
        assert process.poll() is None, "the run ended by itself"
        assert time.monotonic() < deadline, f"{path} was not written in {seconds} s"
        time.sleep(0.02)
