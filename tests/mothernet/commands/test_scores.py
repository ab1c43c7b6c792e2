"""Scores without scikit-learn are scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from mothernet.commands.scores import score


@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("decimals", [1, 9])  # with ties, and without
def test_scores_are_those_of_scikit_learn(n_classes, decimals):
    rng = np.random.default_rng(n_classes)
    y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, 200)])
    p = rng.dirichlet(np.ones(n_classes), len(y)) + np.eye(n_classes)[y]
    p = (p.round(decimals) + 1e-3).astype(np.float32)
    q = p.astype(np.float64) / p.sum(axis=1, keepdims=True, dtype=np.float64)
    found = score(y, p)
    auc = roc_auc_score(y, q[:, 1]) if n_classes == 2 else roc_auc_score(y, q, multi_class="ovo")
    assert found.auc == pytest.approx(auc, abs=1e-12)
    assert found.log_loss == pytest.approx(log_loss(y, q), abs=1e-12)
    assert found.accuracy == accuracy_score(y, q.argmax(axis=1))


def test_an_impossible_label_costs_much_and_not_everything():
    assert 30 < score(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]])).log_loss * 2 < 40
