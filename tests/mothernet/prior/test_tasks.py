"""Sampled tasks: shapes, determinism, learnability, and no global random state."""

import random

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier

from mothernet.prior import MECHANISMS, PriorConfig, TaskShape, sample_shape, sample_tasks


def only(mechanism, **changes):
    return PriorConfig(**{name: float(name == mechanism) for name in MECHANISMS}, **changes)


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("shape", [TaskShape(40, 20, 1, 2), TaskShape(60, 30, 9, 10), TaskShape(200, 50, 40, 3)])
def test_every_mechanism_gives_finite_tasks_of_the_shape_asked_for(mechanism, shape):
    batch = sample_tasks(only(mechanism), 3, shape, seed=0, index=1)
    assert batch.mechanism == mechanism
    assert batch.X.shape == (3, shape.support + shape.query, shape.features)
    assert batch.X.dtype == torch.float32
    assert batch.X.isfinite().all()
    assert batch.y.shape == batch.X.shape[:2]
    assert batch.missing.shape == (3, shape.features)
    assert int(batch.y.min()) >= 0 and int(batch.y.max()) < shape.classes
    assert all(len(y.unique()) > 1 for y in batch.y)


@pytest.mark.parametrize("part", ["categories", "missing", "quantise", "warp", "label_noise"])
def test_every_part_of_the_realism_can_be_left_out(part):
    for mechanism in MECHANISMS:
        batch = sample_tasks(only(mechanism, **{part: False}), 2, TaskShape(60, 20, 12, 3), seed=2, index=0)
        assert batch.X.shape == (2, 80, 12) and batch.X.isfinite().all()
        assert part != "missing" or not batch.missing.any()


def test_seed_and_index_name_a_batch():
    shape = TaskShape(50, 20, 6, 3)
    one, two, other = (sample_tasks(PriorConfig(), 4, shape, seed=5, index=i) for i in (7, 7, 8))
    assert torch.equal(one.X, two.X) and torch.equal(one.y, two.y)
    assert not torch.equal(one.y, other.y)
    assert sample_shape(PriorConfig(), 5, 7) == sample_shape(PriorConfig(), 5, 7)


def test_the_first_shapes_and_mechanisms_of_a_seed_stay_what_they_were():
    """A run that goes on under a later version sees the batches it would have seen: draws keep their order."""
    shapes = [tuple(sample_shape(PriorConfig(), 3, i)) for i in range(5)]
    assert shapes == [(291, 128, 4, 2), (355, 128, 45, 5), (86, 128, 6, 2), (116, 128, 4, 2), (53, 128, 76, 2)]
    small = TaskShape(30, 10, 3, 2)
    names = [sample_tasks(PriorConfig(), 1, small, seed=3, index=i).mechanism for i in range(6)]
    assert names == ["anticausal", "anticausal", "anticausal", "causal_model", "trees", "anticausal"]


def test_global_random_state_is_left_alone():
    torch.manual_seed(0), random.seed(0), np.random.seed(0)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    for index in range(8):
        sample_tasks(PriorConfig(), 2, sample_shape(PriorConfig(max_support=60), 0, index), seed=0, index=index)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == random.getstate()
    assert before[2] == np.random.get_state()[1].tolist()


def test_shapes_stay_within_bounds_and_cover_them():
    config = PriorConfig(max_support=500, max_features=20, max_classes=6)
    shapes = [sample_shape(config, 0, i) for i in range(2000)]
    assert {s.classes for s in shapes} == set(range(2, 7))
    assert {s.features for s in shapes} >= set(range(3, 21)) and max(s.features for s in shapes) == 20
    assert min(s.support for s in shapes) >= 30 and max(s.support for s in shapes) <= 500


def test_tasks_that_nothing_can_learn_are_thrown_away():
    """A ridge on the features alone explains more of the labels with the filter than without it."""

    def explained(learnable_only):
        config, shape = PriorConfig(learnable_only=learnable_only, rules=0), TaskShape(200, 100, 4, 2)
        shares = []
        for index in range(20):
            batch = sample_tasks(config, 4, shape, seed=1, index=index)
            X = torch.cat([batch.X, torch.ones(*batch.y.shape, 1)], -1).double()
            target = batch.y.double()[..., None]
            weights = torch.linalg.solve(X.mT @ X + torch.eye(X.shape[-1]), X.mT @ target)
            error = (target - X @ weights).square().mean(1)[:, 0]
            shares += (1 - error / target.var(1)[:, 0].clamp(min=1e-6)).tolist()
        return np.mean(shares)

    assert explained(True) > explained(False) + 0.03


def test_a_forest_learns_most_tasks():
    better, total = 0, 0
    for index in range(12):
        shape = TaskShape(150, 100, 6, 3)
        batch = sample_tasks(PriorConfig(), 2, shape, seed=11, index=index)
        for X, y in zip(batch.X.numpy(), batch.y.numpy(), strict=True):
            forest = RandomForestClassifier(30, random_state=0).fit(X[:150], y[:150])
            majority = (y[150:] == np.bincount(y[:150]).argmax()).mean()
            better += forest.score(X[150:], y[150:]) > majority + 0.02
            total += 1
    assert better >= 0.7 * total
