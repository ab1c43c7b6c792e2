"""Which rows and features the hypernetwork reads."""

import numpy as np

from mothernet.fitting.hidden_layer import screened_features, stratified_rows


def test_a_sample_holds_every_class_in_proportion():
    y = np.repeat([0, 1, 2], [9_000, 990, 10])
    rows = stratified_rows(y, 1_000, np.random.default_rng(0))
    assert len(rows) == len(set(rows)) == 1_000 and (np.diff(rows) > 0).all()
    assert np.abs(np.bincount(y[rows]) - [900, 99, 1]).max() <= 1


def test_all_rows_are_read_if_they_fit():
    assert stratified_rows(np.zeros(5, np.int64), 5, np.random.default_rng(0)).tolist() == [0, 1, 2, 3, 4]


def test_features_whose_class_means_differ_most_are_kept_in_order():
    y = np.arange(200) % 2
    x = np.random.default_rng(0).normal(size=(200, 30)).astype(np.float32)
    x[:, [3, 17]] += 2.0 * y[:, None]
    assert screened_features(x, y, 2, 2).tolist() == [3, 17]
    assert screened_features(x, y, 2, 30).tolist() == list(range(30))
