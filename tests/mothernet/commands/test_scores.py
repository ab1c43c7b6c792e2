"""Scores without scikit-learn are scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from mothernet.commands.scores import calibration_error, reliability, score


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
    assert found.calibration_error == calibration_error(y, p)


def test_an_impossible_label_costs_much_and_not_everything():
    assert 30 < score(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]])).log_loss * 2 < 40


def test_bins_hold_equally_many_rows_and_tell_confidence_from_accuracy():
    p = np.linspace(0.5, 1, 101)[:, None] * [1, -1] + [0, 1]
    y = np.zeros(101, int)
    found = reliability(y, p, 5)
    assert [each.rows for each in found] == [21, 20, 20, 20, 20]
    assert [each.accuracy for each in found] == [1] * 5
    assert found[0].confidence == pytest.approx(0.55)
    assert calibration_error(y, p) == pytest.approx(0.25)
    assert calibration_error(y + 1, p) == pytest.approx(0.75)


def test_rows_of_equal_confidence_stay_together():
    p = np.tile([0.75, 0.25], (100, 1))
    found = reliability((np.arange(100) % 4 == 0).astype(int), p, 5)
    assert [(each.rows, each.confidence, each.accuracy) for each in found] == [(100, 0.75, 0.75)]
