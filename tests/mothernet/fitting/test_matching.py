"""A child whose weights have moved is nearer to its teacher."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from mothernet.fitting.child import ChildWeights
from mothernet.fitting.matching import matched


@pytest.fixture
def problem() -> tuple[np.ndarray, np.ndarray, ChildWeights]:
    """Inputs far from zero, what a child of four units says of them, and that child with noise on all weights."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 5)) + 10
    first, output = rng.normal(size=(5, 4 + 3)), 3 * rng.normal(size=(4, 3))
    bias = -10 * first.sum(axis=0) + 0.5
    p = softmax(ChildWeights(first, bias, output).logits(x), axis=1)
    noisy = first + 0.2 * rng.normal(size=first.shape)
    return x, p, ChildWeights(noisy, -10 * noisy.sum(axis=0) + 0.5, output + 0.5 * rng.normal(size=output.shape))


def test_divergence_falls_to_a_hundredth_in_a_dozen_steps(problem):
    x, p, start = problem
    share = np.full(len(x), 1 / len(x))

    def divergence(weights: ChildWeights) -> float:
        return float((p * (np.log(p) - log_softmax(weights.logits(x), axis=1))).sum(axis=1).mean())

    assert divergence(matched(x, p, share, start, steps=12, scale_floor=0.03)) < 0.01 * divergence(start)


def test_a_child_that_says_it_already_is_left_alone(problem):
    x, _, start = problem
    said = softmax(start.logits(x), axis=1)
    exact = matched(x, said, np.full(len(x), 1 / len(x)), start, steps=40, scale_floor=0.03)
    np.testing.assert_allclose(softmax(exact.logits(x), axis=1), said, atol=1e-4)


@pytest.mark.parametrize("probability", [1.0, 1 - 1e-9, 0.999])
def test_a_teacher_that_is_sure_of_all_rows_is_followed(probability):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 3))
    p = np.where((x[:, :1] > 0) == [False, True], probability, 1 - probability)
    start = ChildWeights(rng.normal(size=(3, 4 + 2)) / 4, np.full(6, 0.5), np.zeros((4, 2)))
    taught = matched(x, p, np.full(500, 1 / 500), start, steps=12, scale_floor=0.03)
    assert -(p * log_softmax(taught.logits(x), axis=1)).sum(axis=1).mean() < 0.15


def test_very_many_inputs_are_matched_too(problem):
    x, p, start = problem
    many = np.concatenate([x, np.zeros((len(x), 1_000))], axis=1)
    wide = start._replace(first_weight=np.pad(start.first_weight, ((0, 1_000), (0, 0))))
    share = np.full(len(x), 1 / len(x))
    moved = matched(many, p, share, wide, steps=12, scale_floor=0.03)
    before, after = (-(p * log_softmax(child.logits(many), axis=1)).sum(axis=1).mean() for child in (wide, moved))
    assert after < before - 0.05
