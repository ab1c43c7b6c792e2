"""All weights of a child trained where rows are many."""

from dataclasses import replace

import numpy as np
import pytest

from mothernet.fitting import refinement
from mothernet.fitting.child import ChildWeights
from mothernet.fitting.refinement import deciding_rows, refined
from mothernet.settings import DEFAULT_SETTINGS

N, D, H, C = 6_000, 5, 32, 3


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def start(rng):
    """A child that says nothing yet: its output layer is zero."""
    return ChildWeights(
        np.concatenate([rng.normal(size=(D, H)), np.zeros((D, C))], axis=1),
        np.concatenate([np.full(H, 0.5), np.zeros(C)]),
        np.zeros((H, C)),
    )


@pytest.fixture
def trained_rows(monkeypatch):
    """How many rows each step has seen."""
    seen = []
    differentiate = refinement._differentiate
    monkeypatch.setattr(
        refinement, "_differentiate", lambda w, b, g: (seen.append(len(b.y)), differentiate(w, b, g))[1]
    )
    return seen


def loss(weights, x, y):
    logits = weights.logits(x)
    return float((np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]).mean())


def interacting(rng, n):
    """A class that is a product of two inputs, which no direct output can say."""
    x = rng.normal(size=(n, D)).astype(np.float32)
    return x, (x[:, 0] * x[:, 1] > 0).astype(np.int64) + (x[:, 2] > 1)


def test_a_child_learns_what_columns_do_together(rng, start):
    x, y = interacting(rng, N)
    better = refined(x, y, start, deciding_rows(y, rng, DEFAULT_SETTINGS), rng, DEFAULT_SETTINGS)
    assert loss(better, *interacting(rng, 2_000)) < 0.65 < 1 < loss(start, x, y)


def test_nothing_is_learned_from_labels_that_are_chance(rng, start):
    x, _ = interacting(rng, N)
    y = rng.integers(C, size=N)
    assert refined(x, y, start, deciding_rows(y, rng, DEFAULT_SETTINGS), rng, DEFAULT_SETTINGS) is None


def test_inputs_without_weights_are_learned_too(rng, start):
    x, y = interacting(rng, N)
    told = np.concatenate([x, y[:, None] == 2], axis=1).astype(np.float32)
    decides = deciding_rows(y, rng, DEFAULT_SETTINGS)
    better = refined(told, y, start, decides, rng, DEFAULT_SETTINGS)
    assert better.first_weight.shape == (D + 1, H + C)
    assert better.first_weight[D, H + 2] > 1


def test_rows_that_decide_are_never_trained_on(rng, start):
    x, y = interacting(rng, N)
    decides = deciding_rows(y, rng, DEFAULT_SETTINGS)
    wrong = np.where(decides, (y + 1) % C, y)
    assert refined(x, wrong, start, decides, rng, DEFAULT_SETTINGS) is None


def test_rows_without_weight_do_not_count(rng, start):
    x, y = interacting(rng, N)
    wrong = rng.random(N) < 0.3
    y_wrong = np.where(wrong, (y + 1) % C, y)
    decides = deciding_rows(y, rng, DEFAULT_SETTINGS)
    weight = np.where(wrong, 1e-6, 1.0)
    better = refined(x, y_wrong, start, decides, rng, DEFAULT_SETTINGS, weight)
    assert loss(better, *interacting(rng, 2_000)) < 0.65


def test_small_tables_are_not_refined_and_every_class_keeps_rows_to_learn_from(rng):
    assert deciding_rows(np.zeros(1_000, np.int64), rng, DEFAULT_SETTINGS) is None
    y = np.repeat([0, 1, 2], [5_998, 1, 1])
    decides = deciding_rows(y, rng, DEFAULT_SETTINGS)
    assert set(y[~decides]) == {0, 1, 2}
    assert decides.sum() >= DEFAULT_SETTINGS.min_deciding_rows - 2


def test_many_rows_and_inputs_are_passed_over_less_often(rng, start, trained_rows):
    x, y = interacting(rng, N)
    settings = replace(DEFAULT_SETTINGS, max_refining_products=6.0 * 5_000 * D * (H + C))
    refined(x, y, start, deciding_rows(y, rng, settings), rng, settings)
    assert sum(trained_rows) == pytest.approx(6 * 5_000, rel=0.05)


@pytest.mark.parametrize(("share", "passes"), [(0.4, (12, 14)), (1.0, (31, 33))])
def test_a_cycle_ends_where_it_does_not_help(rng, start, trained_rows, share, passes):
    x, y = interacting(rng, N)
    decides = deciding_rows(y, rng, DEFAULT_SETTINGS)
    wrong = np.where(decides, (y + 1) % C, y)  # the more is learned, the worse
    settings = replace(DEFAULT_SETTINGS, refining_passes=(32, 32), patient_share=share)
    assert refined(x, wrong, start, decides, rng, settings) is None
    assert passes[0] < sum(trained_rows) / 5_000 < passes[1]


@pytest.mark.parametrize(("share", "passes"), [(0.05, 6), (1.5, 2)])
def test_a_cycle_that_hardly_helps_is_the_last(rng, start, trained_rows, share, passes):
    x, y = interacting(rng, N)
    settings = replace(DEFAULT_SETTINGS, refining_passes=(2, 4), min_refinement_share=share)
    assert refined(x, y, start, deciding_rows(y, rng, settings), rng, settings) is not None
    assert sum(trained_rows) == pytest.approx(passes * 5_000, rel=0.05)


def test_gradient_is_that_of_the_loss(rng):
    x, y = interacting(rng, 50)
    child = ChildWeights(rng.normal(size=(D, H + C)) / 4, rng.normal(size=H + C), rng.normal(size=(H, C)))
    shape = refinement._Shape(D, H, C)
    flat, weight = shape.flat(child).astype(np.float64), rng.random(50)
    rows = refinement._Rows(x.astype(np.float64), y, weight)
    gradient = np.zeros_like(flat)
    refinement._differentiate(shape.views(flat), rows, shape.views(gradient))
    for k in rng.choice(len(flat), 20):
        step = np.eye(1, len(flat), k)[0] * 1e-6
        ahead, behind = (refinement._losses(shape.views(flat + sign * step), rows).mean() for sign in (1, -1))
        assert gradient[k] == pytest.approx((ahead - behind) / 2e-6, abs=1e-5)
