"""Log-odds of many categories: right where rows are many, near zero where they are few, blind to a row's own label."""

import numpy as np
import pytest

from mothernet.settings import DEFAULT_SETTINGS
from mothernet.tables.category_odds import Labels, category_log_odds


def odds(code, n_categories, y, n_classes=2):
    return category_log_odds(code, n_categories, Labels(y, n_classes, np.random.default_rng(0)), DEFAULT_SETTINGS)


def test_categories_are_ordered_as_their_class_shares_are():
    rng = np.random.default_rng(0)
    share = np.linspace(0.05, 0.95, 30)
    code = rng.integers(0, 30, 6000)
    y = (rng.random(6000) < share[code]).astype(np.int64)
    table, values = odds(code, 30, y)
    assert table.shape == (31, 1) and values.shape == (6000, 1)
    ranks = table[:30, 0].argsort().argsort()  # of the less frequent class
    assert abs(np.corrcoef(ranks, share.argsort().argsort())[0, 1]) > 0.95
    assert abs(values.mean()) < 0.2


def test_categories_without_meaning_stay_near_zero_odds_and_leak_no_labels():
    rng = np.random.default_rng(0)
    code, y = rng.integers(0, 400, 1200), rng.integers(0, 2, 1200)
    _, values = odds(code, 400, y)
    assert abs(np.corrcoef(values[:, 0], y)[0, 1]) < 0.12


def test_of_many_classes_the_most_frequent_are_told_of():
    rng = np.random.default_rng(0)
    code, y = rng.integers(0, 40, 3000), rng.integers(0, 14, 3000)
    table, values = odds(code, 40, y, 14)
    assert table.shape == (41, DEFAULT_SETTINGS.max_odds_classes) and np.isfinite(table).all()
    assert np.isfinite(values).all()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_an_unknown_text_has_the_odds_of_all_rows(n_classes):
    code, y = np.arange(120) % 20, np.arange(120) % n_classes
    table, _ = odds(code, 20, y, n_classes)
    smallest, largest = table.min(0), table.max(0)
    assert ((smallest <= table[-1]) & (table[-1] <= largest)).all()
