"""Sampled tables are made to look real: classes, label noise, categories."""

import pytest
import torch

from mothernet.prior.columns import Column
from mothernet.prior.realism import cut_into_classes, flip_labels, make_realistic, random_shares, standardise
from mothernet.prior.rng import Rng


@pytest.fixture(params=range(8))
def rng(request):
    return Rng(f"realism/{request.param}", torch.device("cpu"))


def test_standardised_columns_have_mean_zero_and_variance_one(rng):
    X = 3 + 5 * rng.normal(2, 500, 4)
    X[..., 0] = 7
    z = standardise(X)
    assert z.mean(1).abs().max() < 1e-4 and (z[..., 1:].std(1) - 1).abs().max() < 0.01
    assert not z[..., 0].any()


def test_shares_are_positive_and_sum_to_one(rng):
    shares = random_shares(rng, 5, 7)
    assert shares.shape == (5, 7) and (shares > 0).all()
    assert torch.allclose(shares.sum(1), torch.ones(5))


def test_classes_of_a_continuous_target_are_intervals(rng):
    target = rng.normal(2, 300)
    y = cut_into_classes(rng, target, 4)
    assert y.shape == target.shape and 0 <= int(y.min()) <= int(y.max()) < 4
    changes = y.gather(1, target.argsort(1)).diff(dim=1).ne(0).sum(1)
    assert int(changes.max()) < 3 * 4  # at most as many as bins


def test_about_the_share_of_labels_is_replaced(rng):
    y = torch.zeros(1, 5000, dtype=torch.long)
    flipped = flip_labels(rng, y, 4, 0.2)
    assert float((flipped != y).float().mean()) == pytest.approx(0.2 * 3 / 4, abs=0.03)  # five standard errors


def test_a_number_stands_for_each_category(rng):
    plan = [Column(4, False, False), Column(0, False, True), Column(2, False, False)]
    X, codes = make_realistic(rng, rng.normal(2, 100, 3), plan, quantise=True, warp=True)
    assert X.shape == (2, 100, 3) and codes.shape == (2, 100, 2) and X.isfinite().all()
    for task in range(2):
        for column, code in ((0, 0), (2, 1)):
            pairs = set(zip(X[task, :, column].tolist(), codes[task, :, code].tolist(), strict=True))
            assert len(pairs) == len(codes[task, :, code].unique()) <= plan[column].n_categories
