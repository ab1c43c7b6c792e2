"""Knots where the labels of a column change."""

import numpy as np
import pytest

from mothernet.settings import DEFAULT_SETTINGS
from mothernet.tables.label_knots import label_knots


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_knots_stand_where_the_labels_change(rng):
    x = rng.uniform(size=20_000)
    knots = label_knots(x, (x > 0.3).astype(np.int64) + (x > 0.8), 3, DEFAULT_SETTINGS)
    assert knots[[0, -1]].tolist() == [x.min(), x.max()]
    assert all(np.abs(knots - change).min() < 0.005 for change in (0.3, 0.8))
    assert len(knots) <= 6  # bins that hold both sides of a change are told apart as well


def test_labels_that_are_chance_call_for_no_knots(rng):
    x = rng.uniform(size=20_000)
    assert len(label_knots(x, rng.integers(2, size=20_000), 2, DEFAULT_SETTINGS)) < 4


def test_a_spike_gets_knots_on_both_of_its_sides(rng):
    x = np.where(rng.random(20_000) < 0.9, 0.0, rng.uniform(-5, 5, size=20_000))
    y = ((x == 0) ^ (rng.random(20_000) < 0.1)).astype(np.int64)
    knots = label_knots(x, y, 2, DEFAULT_SETTINGS)
    beside = [x[x < 0].max(), 0.0, x[x > 0].min()]
    assert np.isin(beside, knots).all()


def test_few_distinct_values_are_all_knots(rng):
    x = rng.integers(6, size=1_000).astype(float)
    assert label_knots(x, rng.integers(2, size=1_000), 2, DEFAULT_SETTINGS).tolist() == [0, 1, 2, 3, 4, 5]
