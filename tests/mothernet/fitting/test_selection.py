"""Units that a smaller layer can do without, in batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from mothernet.fitting.selection import heaviest_units, surviving_units

rng = np.random.default_rng(0)
INPUTS, UNITS = rng.normal(size=(500, 3)), rng.random((500, 80))
WEIGHT = rng.normal(size=(3, 2))


def chosen(logits: np.ndarray, **changes: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    options = {"price": 1e-4, "budget": 1.0, "max_units": 80, "scale_floor": 0.03} | changes
    return surviving_units(INPUTS, UNITS, logits, np.full(500, 1 / 1000), **options)


def test_units_that_the_logits_are_made_of_are_found():
    made = np.array([7, 30, 71])
    logits = INPUTS @ WEIGHT + 3 * UNITS[:, made] @ rng.normal(size=(3, 2))
    kept, direct, output, bias = chosen(logits)
    assert kept.tolist() == made.tolist()
    np.testing.assert_allclose(INPUTS @ direct + UNITS[:, kept] @ output + bias, logits, atol=1e-2)


def test_the_layer_is_the_ridge_regression_on_what_is_left():
    logits = rng.normal(size=(500, 2))
    kept, direct, output, bias = chosen(logits, price=2e-4, max_units=40)
    assert 0 < len(kept) <= 40
    phi = np.concatenate([INPUTS, UNITS[:, kept], np.ones((500, 1))], axis=1)
    exact = np.linalg.lstsq(phi, logits, rcond=None)[0]
    np.testing.assert_allclose(np.concatenate([direct, output, bias[None]]), exact, atol=1e-3)


def test_budget_ends_the_removal_and_the_most_units_do_not_care():
    logits = rng.normal(size=(500, 2))
    assert len(chosen(logits, price=1.0, budget=0.0)[0]) == 80
    assert len(chosen(logits, price=0.0, budget=0.0, max_units=10)[0]) == 10


def test_heaviest_units_are_those_that_move_the_logits_most():
    units = np.array([[0.0, 0.0, 1.0], [1.0, 0.1, 1.0]])
    assert heaviest_units(units, np.array([[0.1], [5.0], [9.0]]), np.full(2, 0.5), 1).tolist() == [1]
