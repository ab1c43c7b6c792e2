"""How models are compared over tables."""

import numpy as np
import pytest
from common.statistics import compared, mean_interval
from scipy.stats import norm


def rows(**scores):
    """Rows of two models' AUC by table; the loss is 1 minus it."""
    return [
        {"table": f"t{i}", "split": split, "model": model, "auc": auc, "log_loss": 1 - auc}
        for model, values in scores.items()
        for i, auc in enumerate(values)
        for split in range(2)
        if auc is not None
    ]


def test_interval_of_many_tables_is_the_normal_one():
    differences = np.random.default_rng(1).normal(0.01, 0.02, 400)
    half = norm.ppf(0.975) * differences.std() / 20
    low, high = mean_interval(differences)
    assert (low, high) == pytest.approx((differences.mean() - half, differences.mean() + half), abs=2e-4)
    assert mean_interval(differences) == (low, high)


def test_wins_ties_and_losses_are_counted_by_table_and_a_smaller_loss_is_a_win():
    found = compared(rows(mothernet=[0.9, 0.8, 0.7, 0.6], other=[0.8, 0.8005, 0.75, 0.5]), "mothernet")["other"]
    for score, sign in (("auc", 1), ("log_loss", -1)):
        assert (found[score]["wins"], found[score]["ties"], found[score]["losses"]) == (2, 1, 1)
        assert found[score]["difference"] == pytest.approx(sign * 0.0374, abs=1e-4)
        assert found[score]["low"] <= found[score]["difference"] <= found[score]["high"]


def test_tables_where_one_of_two_failed_do_not_count():
    found = compared(rows(mothernet=[0.9, 0.8], other=[None, 0.7], third=[0.5, 0.5]), "mothernet")
    assert found["other"]["auc"]["tables"] == 1 and found["third"]["auc"]["tables"] == 2
    assert compared(rows(other=[0.5]), "mothernet") == {}
