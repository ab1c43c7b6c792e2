"""Which batch comes when: a function of the seed and its index, drawn ahead or not."""

import torch

from mothernet.pretraining import PretrainingConfig
from mothernet.pretraining.batches import Batches, BatchPlan, plan_batch
from mothernet.prior import PriorConfig, TaskShape


def test_shapes_in_buckets_are_few():
    config = PretrainingConfig.suited("cuda", seed=1)
    plans = [plan_batch(PriorConfig(), config, 256, index) for index in range(500)]
    assert len({plan.shape.support for plan in plans}) <= 11 and len({plan.shape.features for plan in plans}) <= 13
    assert all((plan.shape.support + plan.width) % 16 == 0 for plan in plans)


def test_batches_stay_within_tasks_and_cells():
    config = PretrainingConfig()
    plans = [plan_batch(PriorConfig(), config, 256, index) for index in range(300)]
    assert {plan.width for plan in plans} == {16, 32, 64, 128, 256}
    assert {plan.tasks for plan in plans} == set(range(2, 9))
    for plan in plans:
        cells = (plan.shape.support + plan.width) * (plan.shape.features + 1) * plan.tasks
        assert plan.tasks == 2 or cells <= config.cells


def test_children_have_at_most_the_units_of_the_model():
    assert {plan_batch(PriorConfig(), PretrainingConfig(), 20, index).width for index in range(50)} == {16, 20}


def test_the_first_plans_of_a_seed_stay_what_they_were():
    """A run that goes on under a later version sees the batches it would have seen."""
    plans = [plan_batch(PriorConfig(), PretrainingConfig(seed=3), 256, index) for index in range(3)]
    shapes = [TaskShape(291, 128, 4, 2), TaskShape(355, 128, 45, 5), TaskShape(86, 128, 6, 2)]
    assert plans == [
        BatchPlan(0, shapes[0], width=128, tasks=6),
        BatchPlan(1, shapes[1], width=256, tasks=2),
        BatchPlan(2, shapes[2], width=64, tasks=8),
    ]


def test_batches_drawn_ahead_are_the_same(prior):
    def plan(index):
        return BatchPlan(index, TaskShape(20, 10, 3, 2), width=16, tasks=2)

    plain, ahead = (Batches(plan, prior, 0, "cpu", stride=2, ahead=flag) for flag in (False, True))
    for index in (0, 2, 4, 5, 4):  # foreseen ones, then others
        one, other = plain.take(plan(index)), ahead.take(plan(index))
        assert torch.equal(one.X, other.X) and torch.equal(one.y, other.y)
        assert torch.equal(one.X, ahead.draw(plan(index)).X)
