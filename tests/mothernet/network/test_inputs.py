"""Scales, ramps, ranks and relevance of a support set."""

import math

import pytest
import torch

from mothernet.network.inputs import Ramps, balanced_weights, classes_by_frequency, mutual_information


def test_classes_are_renamed_by_falling_frequency():
    y = torch.tensor([[0, 1, 1, 2, 2, 2]])
    assert classes_by_frequency(torch.randn(1, 6, 2), y, 3).tolist() == [[2, 1, 1, 0, 0, 0]]


def test_a_feature_that_is_the_same_everywhere_tells_nothing():
    X = torch.stack([torch.ones(40), torch.arange(40.0), torch.arange(40.0) % 2, torch.arange(40.0) % 5], -1)[None]
    told = mutual_information(X, (torch.arange(40) % 2)[None], 2)[0]
    assert told[0] == 0 and told[2] == pytest.approx(math.log(2), abs=1e-5) and told[3] == pytest.approx(0, abs=1e-6)


def test_ramps_between_quantiles():
    X = torch.cat([torch.arange(9.0), torch.tensor([0.0] * 5 + [1.0] * 4), torch.tensor([0.0, 1, 2] * 3)]).view(1, 3, 9)
    ramps = Ramps.fit(X.mT, torch.ones(1, 9), 4)(torch.tensor([[[3.0, 1.0, 1.0]]]))[0, 0, 3:].view(3, 4)
    assert ramps[0].tolist() == [1, 0.5, 0, 0]  # quantiles 0, 2, 4, 6, 8
    assert ramps[1].tolist() == [0, 0, 0, 0]  # two values: the feature itself says all
    assert ramps[2].tolist() == [0, 1, 0, 0]  # quantiles 0, 0, 1, 2, 2


def test_quantiles_count_every_class_alike():
    X = torch.arange(100.0).view(1, 100, 1)
    weight = balanced_weights((X[..., 0] >= 90).long(), 2)  # a tenth of the rows: 0.05 + 0.25 of the weight
    assert weight[0, :90].sum() == pytest.approx(0.7) and weight[0, 90:].sum() == pytest.approx(0.3)
    ramps = Ramps.fit(X, weight, 10)
    assert (ramps.start[0, 0, 0] > 88).sum() == 3
