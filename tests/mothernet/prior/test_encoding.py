"""Sampled tables are encoded as real ones are."""

import numpy as np
import pytest
import torch
from mothernet_runtime.cells import NumberRule

from mothernet.prior.columns import Column
from mothernet.prior.encoding import encode
from mothernet.prior.rng import Rng
from mothernet.tables.category_odds import Labels
from mothernet.tables.encoding import fit_encoding
from mothernet.tables.raw_inputs import raw_columns

NUMERIC = Column(0, False, False)


def encode_one(X, plan, *, codes=None, n_support=None, n_inputs):
    """Encode one table (n, D): inputs (n, F) and which of them are indicators (F,)."""
    n = len(X)
    codes = torch.empty(n, 0, dtype=torch.long) if codes is None else codes
    rng, y = Rng("test", torch.device("cpu")), torch.arange(n)[None] % 2
    inputs, missing = encode(rng, X[None].clone(), codes[None], plan, y, n_support or n, n_inputs)
    return inputs[0], missing[0]


def test_numbers_are_encoded_as_those_of_real_tables():
    draws = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    table = np.stack([draws[:, 0], np.exp(draws[:, 1])], 1)
    raw = raw_columns((name, NumberRule(), table[:, i].astype(float)) for i, name in enumerate("ab"))
    real = fit_encoding(raw, 0, Labels(np.arange(300) % 2, 2, np.random.default_rng(0))).inputs
    sampled, missing = encode_one(torch.from_numpy(table), [NUMERIC, Column(0, False, True)], n_inputs=2)
    assert real.shape == (300, 2) and not missing.any()
    for column in real.T:  # the order is drawn; the encoding of real tables bends the soft clipping at a few knots only
        assert min(float(abs(column - other).mean()) for other in sampled.numpy().T) < 0.02


def test_an_outlier_counts_as_the_outer_bound():
    x = torch.linspace(0, 1, 100)
    x[-1] = 1e6  # in a support set of 100 rows; so are the query rows beyond it
    far = encode_one(torch.cat([x, torch.tensor([2e6])])[:, None], [NUMERIC], n_support=100, n_inputs=1)[0]
    assert far[-1] == far[-2] and far[-1] < 20


def test_categories_get_an_input_each_and_two_share_one():
    codes = torch.stack([torch.arange(60) % 3, torch.arange(60) % 2], 1)
    plan = [Column(3, False, False), Column(2, False, False)]
    inputs, missing = encode_one(torch.zeros(60, 2), plan, codes=codes, n_inputs=4)
    expected = {tuple((codes[:, 0] == k).float().tolist()) for k in range(3)} | {
        tuple((codes[:, 1] == 0).float().tolist())
    }
    assert {tuple(column) for column in inputs.T.tolist()} == expected and not missing.any()


def test_lost_cells_get_an_indicator_and_the_median():
    X = torch.randn(400, 1, generator=torch.Generator().manual_seed(0))
    inputs, missing = encode_one(X, [Column(0, True, False)], n_inputs=2)
    assert missing.tolist().count(True) == 1
    indicator, value = inputs[:, missing][:, 0], inputs[:, ~missing][:, 0]
    assert 0 < indicator.mean() < 1
    assert len(value[indicator == 1].unique()) == 1
    assert value[indicator == 1][0] == pytest.approx(float(value[indicator == 0].median()), abs=0.02)


def test_inputs_that_are_constant_on_the_support_rows_are_cut_off_first():
    X = torch.stack([torch.ones(50), torch.linspace(0, 1, 50)], 1)
    X[40:, 0] = 2  # query rows only
    inputs, _ = encode_one(X, [NUMERIC, NUMERIC], n_support=40, n_inputs=1)
    assert inputs[:40].std() > 0.5
