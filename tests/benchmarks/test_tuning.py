"""The search of tuned classifiers, with a library that is always there in place of LightGBM and XGBoost."""

import json

import numpy as np
import pandas as pd
import pytest
from common import tuning
from common.tuning import FOLDS, Budget, Tuned, configurations, cross_validation, search
from sklearn.linear_model import LogisticRegression


@pytest.fixture
def searched(monkeypatch):
    """Parameters of the configurations that were tried: the loss is the learning rate, less is better."""
    tried = []

    def fit(parameters, train, held_out, after_tree):
        tried.append(parameters)
        after_tree()
        return parameters.get("learning_rate", 0.1), 30 + len(tried) % FOLDS

    monkeypatch.setattr(tuning, "FITS", {"lightgbm": fit})
    monkeypatch.setattr(tuning, "classifier", lambda library, parameters: LogisticRegression())
    monkeypatch.setattr(tuning, "version", lambda name: "1")
    return tried


X, Y = np.zeros((30, 2)), np.arange(30) % 2


def test_every_fold_trains_on_all_classes_and_holds_out_every_common_row_once():
    y = np.array([0] * 20 + [1] * 5 + [2] * 3 + [3] * 2 + [4])
    held_out = []
    for train, held in cross_validation(y):
        assert set(y[train]) == set(range(5))
        assert not set(train) & set(held)
        held_out += held.tolist()
    assert sorted(held_out) == list(range(28))


def test_classes_that_are_all_rare_leave_nothing_to_search():
    assert list(cross_validation(np.array([0, 1, 1, 2]))) == []
    found = search("lightgbm", np.zeros((4, 1)), np.array([0, 1, 1, 2]), 1.0)
    assert (found.parameters, found.trees, found.configurations) == ({}, None, 0)


def test_defaults_are_tried_first_and_the_smallest_loss_is_found(searched):
    found = search("lightgbm", X, Y, 0.2)
    assert set(searched[0]) == {"n_estimators"}
    rates = [parameters.get("learning_rate", 0.1) for parameters in searched[: found.configurations * FOLDS]]
    assert found.configurations > 1 and found.loss == pytest.approx(min(rates)) and found.trees == 31
    assert 0.2 <= found.cpu_seconds < 1


def test_budget_that_is_spent_at_once_leaves_the_defaults(searched):
    found = search("lightgbm", X, Y, 0.0)
    assert (found.parameters, found.trees, found.loss, found.configurations) == ({}, None, None, 0)


def test_draws_are_the_same_every_time_and_inside_the_space():
    first, second = ([draw for draw, _ in zip(configurations("xgboost"), range(20))] for _ in range(2))  # noqa: B905
    assert first == second and first[0] == {}
    assert all(2 <= draw["max_depth"] <= 10 and 0.5 <= draw["subsample"] <= 1 for draw in first[1:])
    assert json.loads(json.dumps(first)) == first


def test_second_fit_of_the_same_rows_takes_what_the_first_found(searched, tmp_path):
    frame, y = pd.DataFrame({"x": np.arange(30.0), "word": ["a", "b"] * 15}), Y
    first = Tuned("lightgbm", Budget(0.05, tmp_path)).fit(frame, y)
    n_tried = len(searched)
    second = Tuned("lightgbm", Budget(0.05, tmp_path)).fit(frame, y)
    assert len(searched) == n_tried and second.found == first.found
    assert second.fit_seconds >= first.found.cpu_seconds
    np.testing.assert_array_equal(second.predict_proba(frame), first.predict_proba(frame))
    for other in (Budget(0.06, tmp_path), Budget(0.05, tmp_path / "elsewhere")):
        Tuned("lightgbm", other).fit(frame, y)
        assert len(searched) > n_tried
        n_tried = len(searched)
    Tuned("lightgbm", Budget(0.05, tmp_path)).fit(frame, 1 - y)
    assert len(searched) > n_tried


@pytest.mark.optional
@pytest.mark.parametrize("library", tuning.LIBRARIES)
def test_library_finds_more_than_the_defaults_on_classes_of_one_row(library):
    pytest.importorskip(library)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    y = np.r_[(X[:118, 0] > 0).astype(int), 2, 3]
    found = search(library, X, y, 1.0)
    assert found.configurations >= 1 and 0 < found.loss < 0.7 and found.trees >= 1
    tuned = Tuned(library, Budget(1.0)).fit(pd.DataFrame(X, columns=list("abc")), y)
    assert tuned.predict_proba(pd.DataFrame(X, columns=list("abc"))).shape == (120, 4)
