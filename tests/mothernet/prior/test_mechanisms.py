"""Where tables come from: the labels depend on the features in the way that the mechanism says."""

import pytest
import torch

from mothernet.prior import mechanisms
from mothernet.prior.rng import Rng

B, N, D = 3, 80, 5


@pytest.fixture(params=range(12))
def rng(request):
    return Rng(f"mechanism/{request.param}", torch.device("cpu"))


@pytest.mark.parametrize("name", ["anticausal", "clusters"])
@pytest.mark.parametrize("d", [1, 5, 30])
def test_features_and_labels_come_together(rng, name, d):
    X, y = getattr(mechanisms, name)(rng, B, N, d, 4)
    assert X.shape == (B, N, d) and X.isfinite().all()
    assert y.shape == (B, N) and 0 <= int(y.min()) <= int(y.max()) < 4


@pytest.mark.parametrize("d", [1, 5, 30])
def test_a_causal_model_has_as_many_features_and_targets_as_asked_for(rng, d):
    X, targets = mechanisms.causal_model(rng, B, N, d, 3)
    assert X.shape == (B, N, d) and targets.shape == (B, N, 3)
    assert X.isfinite().all() and targets.isfinite().all()


@pytest.mark.parametrize("name", ["trees", "smooth"])
def test_equal_rows_have_equal_targets(rng, name):
    X = mechanisms.features(rng, B, N, D)
    X[:, 1] = X[:, 0]
    target = getattr(mechanisms, name)(rng, X)
    assert target.shape == (B, N) and target.std() > 0
    assert torch.allclose(target[:, 0], target[:, 1], atol=1e-5)  # products of floats, summed in another order


def test_rules_give_equal_rows_the_same_label(rng):
    X = mechanisms.features(rng, B, N, D)
    X[:, : N // 2] = X[:, N // 2 :]
    y = mechanisms.rules(rng, X, 3)
    assert 0 <= int(y.min()) <= int(y.max()) < 3
    same = (y[:, : N // 2] == y[:, N // 2 :]).float().mean()
    assert same > 0.9  # bits cut by rank may fall between two equal rows


def test_scores_name_a_class_for_each_row(rng):
    y = mechanisms.scores(rng, mechanisms.features(rng, B, N, D), 3)
    assert y.shape == (B, N) and 0 <= int(y.min()) <= int(y.max()) < 3
