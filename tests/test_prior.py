"""Sampled tasks: shapes, determinism, learnability, and no global random state."""

import random

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier

from mothernet.columns import Cells
from mothernet.preprocessing import fit_encoding
from mothernet.prior import PriorConfig, TaskShape, sample_shape, sample_tasks
from mothernet.prior.columns import Column
from mothernet.prior.dice import Dice
from mothernet.prior.encoding import encode
from mothernet.prior_plot import plot_tasks

KINDS = ("causal_model", "trees", "smooth", "scores", "clusters", "anticausal", "rules")


def only(kind, **changes):
    return PriorConfig(**{k: float(k == kind) for k in KINDS}, **changes)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [TaskShape(40, 20, 1, 2), TaskShape(60, 30, 9, 10), TaskShape(200, 50, 40, 3)])
def test_every_mechanism_gives_finite_tasks_of_the_shape_asked_for(kind, shape):
    batch = sample_tasks(only(kind), 3, shape, seed=0, index=1)
    assert batch.kind == kind
    assert batch.X.shape == (3, shape.support + shape.query, shape.features)
    assert batch.X.dtype == torch.float32
    assert batch.X.isfinite().all()
    assert batch.y.shape == batch.X.shape[:2]
    assert int(batch.y.min()) >= 0 and int(batch.y.max()) < shape.classes
    assert all(len(y.unique()) > 1 for y in batch.y)


@pytest.mark.parametrize("part", ["categories", "missing", "quantise", "warp", "label_noise"])
def test_every_part_of_the_realism_can_be_left_out(part):
    for kind in KINDS:
        batch = sample_tasks(only(kind, **{part: False}), 2, TaskShape(60, 20, 12, 3), seed=2, index=0)
        assert batch.X.shape == (2, 80, 12) and batch.X.isfinite().all()
        assert part != "missing" or not batch.missing.any()


def test_numbers_are_encoded_as_the_preprocessing_does():
    draws = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    table = np.stack([draws[:, 0], np.exp(draws[:, 1])], 1)
    cells = Cells(table, np.empty((300, 0), object))
    real = fit_encoding(cells, ["a", "b"], ["numeric", "numeric"], n_ramps=0).inputs
    X, codes, y = torch.from_numpy(table)[None], torch.empty(1, 300, 0, dtype=torch.long), torch.zeros(1, 300)
    plan = [Column(0, False, False), Column(0, False, True)]
    sampled, missing = encode(Dice("test", torch.device("cpu")), X, codes, plan, y, 300, 2)
    assert real.shape == (300, 2) and not missing.any()
    for column in real.T:  # the order is drawn; the preprocessing bends the soft clipping at a few knots only
        assert min(float(abs(column - other).mean()) for other in sampled[0].numpy().T) < 0.02


def test_seed_and_index_name_a_batch():
    shape = TaskShape(50, 20, 6, 3)
    one, two, other = (sample_tasks(PriorConfig(), 4, shape, seed=5, index=i) for i in (7, 7, 8))
    assert torch.equal(one.X, two.X) and torch.equal(one.y, two.y)
    assert not torch.equal(one.y, other.y)
    assert sample_shape(PriorConfig(), 5, 7) == sample_shape(PriorConfig(), 5, 7)


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


def test_picture_is_written(tmp_path):
    plot_tasks(tmp_path / "tasks.png", count=7)
    assert (tmp_path / "tasks.png").read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in tmp_path.iterdir()] == ["tasks.png"]
