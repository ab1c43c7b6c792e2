"""Steps of a run: it learns, and one that is restored takes the steps it would have taken."""

import time
from dataclasses import replace

import pytest
import torch

from mothernet.network.config import HypernetworkConfig
from mothernet.pretraining import PretrainingConfig
from mothernet.pretraining import run as run_module
from mothernet.pretraining.batches import Batches, BatchPlan
from mothernet.pretraining.run import Run
from mothernet.pretraining.timing import PartTimer
from mothernet.pretraining.validation import VALIDATION_SEED, validation_scores
from mothernet.prior import MECHANISMS, PriorConfig, TaskShape, sample_tasks


def test_loss_falls(model):
    only_smooth = {name: float(name == "smooth") for name in MECHANISMS}
    smooth = PriorConfig(max_support=60, max_features=3, max_classes=2, query=32, **only_smooth)
    config = PretrainingConfig(tasks=4, warmup_steps=10, moving_average=0.9, learning_rate=3e-3)
    run = Run(replace(model, ramps=0), smooth, config, "cpu")  # with ramps little is left to the units here
    tasks = [sample_tasks(smooth, 4, TaskShape(60, 64, 3, 2), seed=VALIDATION_SEED, index=i) for i in range(12)]
    before = validation_scores(run.averaged(), tasks)
    for _ in range(60):
        run.step(1.0)
    after = validation_scores(run.averaged(), tasks)
    assert after.loss < before.loss - 0.01 and after.auc > before.auc


def test_a_restored_run_takes_the_same_steps(new_run):
    straight = new_run()
    expected = [straight.step(1.0).tolist() for _ in range(8)]
    first, second = new_run(), new_run()
    got = [first.step(1.0).tolist() for _ in range(4)]
    second.restore(first.state())
    got += [second.step(1.0).tolist() for _ in range(4)]
    assert got == expected
    assert all(torch.equal(average, second.average[name]) for name, average in straight.average.items())


def test_a_step_drawn_ahead_or_timed_is_the_same(new_run):
    plain, ahead, timed = new_run(), new_run(), new_run()
    ahead.batches = Batches(ahead.plan, ahead.prior, ahead.config.seed, "cpu", ahead=True)
    timer = PartTimer("cpu")
    expected = [plain.step(1.0).tolist() for _ in range(4)]
    assert [ahead.step(1.0).tolist() for _ in range(4)] == expected
    start = time.perf_counter()
    assert [timed.step(1.0, timed=timer).tolist() for _ in range(4)] == expected
    assert list(timer.seconds) == ["prior", "hypernetwork", "output layer", "backward", "AdamW", "Muon"]
    assert 0 < sum(timer.seconds.values()) < time.perf_counter() - start


def test_a_step_averages_the_gradients_of_its_batches(new_run):
    """Two batches per step: the loss and the tasks are those of both."""
    one, two = new_run(), new_run(accumulate=2)
    plans = [two.plan(index) for index in range(2)]
    one.plan = lambda index: plans[0]
    first = one.step(0.0)  # a rate of zero: the weights stay
    one.plan = lambda index: plans[1]
    second = one.step(0.0)
    assert torch.allclose(two.step(0.0), (first + second) / 2, atol=1e-6)
    assert two.counters["tasks"] == sum(plan.tasks for plan in plans) and two.counters["step"] == 1


def test_a_given_plan_is_followed(model, prior):
    def plan(index):
        return BatchPlan(index, TaskShape(20, 10, 3, 2), width=8, tasks=3)

    run = Run(model, prior, PretrainingConfig(), "cpu", plan=plan)
    run.step(1.0)
    assert run.counters["tasks"] == 3 and run.plan(7).index == 7


def test_a_gradient_that_is_not_finite_counts_as_zero(new_run, monkeypatch):
    run = new_run()
    run.step(1.0)
    monkeypatch.setattr(run_module, "cross_entropy", lambda logits, y: logits.sum((1, 2)) * torch.nan)
    assert run.step(1.0)[0].isnan()
    assert all(p.isfinite().all() for p in run.network.parameters())


def test_a_model_whose_state_would_be_too_large_is_refused(prior):
    with pytest.raises(ValueError, match="state of a run must stay below 60 MB"):
        Run(HypernetworkConfig(embedding=320, blocks=6), prior, PretrainingConfig(), "cpu")


@pytest.mark.parametrize("name", ["model", "prior", "config"])
def test_a_state_of_another_run_is_refused(new_run, name):
    run = new_run()
    other = {"model": replace(run.model, ramps=4), "prior": replace(run.prior, query=16)}
    other["config"] = replace(run.config, seed=4)
    with pytest.raises(ValueError, match=f"goes on with its own {name}"):
        run.restore(run.state()._replace(**{name: other[name]}))
