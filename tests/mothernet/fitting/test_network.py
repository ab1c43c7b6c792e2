"""What a fit makes of its settings."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mothernet import MotherNetClassifier
from mothernet.fitting import network
from mothernet.settings import DEFAULT_SETTINGS
from mothernet.tables.encoding import Encoding


def test_of_many_columns_that_are_kept_none_has_ramps(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(0).normal(size=(200, 3))
    y = np.abs(X[:, 0]) > 0.7
    n_ramps: list[int] = []
    fit_encoding = network.fit_encoding

    def counted(*arguments: Any) -> Encoding:
        encoding = fit_encoding(*arguments)
        n_ramps.append(len(encoding.ramp_index))
        return encoding

    monkeypatch.setattr(network, "fit_encoding", counted)
    for limit in (3, 2):
        MotherNetClassifier(settings=replace(DEFAULT_SETTINGS, max_ramped_columns=limit)).fit(X, y)
    assert n_ramps == [24, 0]
