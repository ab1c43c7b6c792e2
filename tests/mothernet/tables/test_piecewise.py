"""One rule for NumPy and torch."""

import numpy as np
import pytest
import torch

from mothernet.tables.piecewise import mid_ranks_below, ramp_levels, soft_clip


def test_soft_clipping_is_the_same_for_numpy_and_torch():
    z = np.linspace(-40, 40, 201)
    assert np.allclose(soft_clip(torch.from_numpy(z), torch).numpy(), soft_clip(z, np), rtol=1e-15)


def test_soft_clipping_is_the_identity_up_to_two_then_odd_increasing_and_logarithmic():
    z = np.linspace(0, 1e6, 10_001)
    clipped = soft_clip(z, np)
    assert np.array_equal(clipped[z <= 2], z[z <= 2])
    assert (np.diff(clipped) > 0).all() and clipped[-1] == pytest.approx(2 + np.log(1e6 - 1))
    assert np.array_equal(soft_clip(-z, np), -clipped)


def test_quantile_ranks_are_the_same_for_numpy_and_torch():
    weight = np.random.default_rng(0).random(50)
    expected = mid_ranks_below(weight)
    assert np.allclose(mid_ranks_below(torch.from_numpy(weight)[None])[0].numpy(), expected, rtol=1e-14)
    assert (np.diff(expected) > 0).all() and expected[0] > 0 and expected[-1] < 1


def test_the_median_is_where_half_of_the_weight_lies_below():
    below = mid_ranks_below(np.array([1.0, 1.0, 1.0]))
    assert below.tolist() == pytest.approx([1 / 6, 1 / 2, 5 / 6])
    assert np.allclose(ramp_levels(4), [0.25, 0.5, 0.75], atol=1e-8) and len(ramp_levels(0)) == 0
