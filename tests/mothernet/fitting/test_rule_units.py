"""Units that are nodes of randomised trees."""

from __future__ import annotations

from functools import partial

import numpy as np

from mothernet.fitting import rule_units as module

rule_units = partial(module.rule_units, n_units=512, n_trees=30, depth=6)
rule_units_of = partial(rule_units, min_rows=3)


def drawn(n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two features with three ramps each, a category of two values; the label is a conjunction with some noise."""
    rng = np.random.default_rng(0)
    x = rng.random((n, 2))
    ramps = np.clip(3 * x[:, :, None] - np.arange(3), 0, 1).reshape(n, 6)
    category = rng.integers(2, size=n)
    inputs = np.concatenate([x - 0.5, 4 * category[:, None] - 1.5, ramps], axis=1)
    ramp_index = np.array([(f, m) for f in range(2) for m in range(3)])
    y = ((x[:, 0] > 0.5) & (category == 1) ^ (rng.random(n) < 0.1)).astype(int)
    return inputs, ramp_index, y


def test_a_unit_is_the_conjunction_of_its_literals():
    inputs, ramp_index, y = drawn()
    weight, bias = rule_units_of(inputs, ramp_index, y, np.random.default_rng(0))
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    literals = (inputs - low) / (high - low)  # as the training rows scale them
    for w, b in zip(weight.T, bias, strict=True):
        used = np.flatnonzero(w)
        truth = [literals[:, k] if w[k] > 0 else 1 - literals[:, k] for k in used]
        np.testing.assert_allclose(inputs @ w + b, np.sum(truth, axis=0) - len(used) + 1, atol=1e-12)
        assert len(used) >= 2


def test_features_that_have_ramps_are_no_conditions():
    inputs, ramp_index, y = drawn()
    weight, _ = rule_units_of(inputs, ramp_index, y, np.random.default_rng(0))
    assert not weight[:2].any()
    assert weight[2:].any(axis=1).all()


def test_units_differ_and_hold_enough_rows():
    inputs, ramp_index, y = drawn()
    weight, bias = rule_units(inputs, ramp_index, y, np.random.default_rng(0), min_rows=10)
    assert len(np.unique(np.concatenate([weight, bias[None]]), axis=1).T) == len(bias)
    assert ((inputs @ weight + bias > 0).sum(axis=0) >= 10).all()


def test_one_unit_finds_the_conjunction():
    inputs, ramp_index, y = drawn()
    weight, bias = rule_units_of(inputs, ramp_index, y, np.random.default_rng(0))
    units = np.clip(inputs @ weight + bias, 0, 1)
    assert np.abs(np.corrcoef(units.T, y)[-1, :-1]).max() > 0.7


def test_without_conditions_there_are_no_units():
    weight, bias = rule_units_of(np.zeros((5, 2)), np.empty((0, 2), int), np.arange(5) % 2, np.random.default_rng(0))
    assert weight.shape == (2, 0)
    assert bias.shape == (0,)
