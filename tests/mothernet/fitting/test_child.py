"""From encoded inputs to a child: its parts agree, and every constant can be varied without patching."""

import numpy as np
import pytest
import torch

from mothernet.fitting.child import fit_child_weights
from mothernet.network.checkpoint import Checkpoint
from mothernet.network.config import HypernetworkConfig
from mothernet.network.forward import ForwardPass
from mothernet.network.hypernetwork import Hypernetwork, weights_of
from mothernet.settings import FitSettings


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Hypernetwork(HypernetworkConfig(embedding=16, attention_heads=2, blocks=1, units=16))
    return ForwardPass(Checkpoint(network.config, weights_of(network.state_dict()), {}, ""))


def fit(network, n=200, penalty="cross-validated", **settings):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] ** 2 > 1).astype(np.int64)
    no_ramps = np.empty((0, 2), np.int64)
    config = {"width": 12, "penalty": penalty, "rng": np.random.default_rng(1), "settings": FitSettings(**settings)}
    return fit_child_weights(network, x, no_ramps, y, 2, **config), x, y


def test_logits_are_what_the_record_of_weights_defines(network):
    child, x, _ = fit(network)
    pre, H = x.astype(np.float64) @ child.first_weight + child.first_bias, len(child.output_weight)
    assert H > 12  # rules beside the generated units
    expected = np.clip(pre[:, :H], 0, 1) @ child.output_weight + pre[:, H:]
    np.testing.assert_allclose(child.logits(x), expected, atol=1e-12)


@pytest.mark.parametrize("penalty", ["cross-validated", "predicted"])
def test_a_child_learns_more_than_the_class_frequencies(network, penalty):
    child, x, y = fit(network, penalty=penalty)
    assert (child.logits(x).argmax(1) == y).mean() > 0.75


@pytest.mark.parametrize(
    "changed",
    [
        {"max_context_rows": 40, "min_context_rows": 20},
        {"max_context_features": 2},
        {"penalty_factors": (1.0,), "penalty_ratios": ()},
        {"folds": 3},
        {"max_learned_share": 0.0},
        {"scale_floor": 0.3},
    ],
)
def test_settings_change_the_child_without_patching(network, changed):
    assert not np.array_equal(fit(network)[0].output_weight, fit(network, **changed)[0].output_weight)


def test_without_inputs_the_class_frequencies_are_predicted(network):
    y = np.repeat([0, 1, 2], [10, 20, 70])
    none, no_ramps = np.empty((100, 0), np.float32), np.empty((0, 2), np.int64)
    options = {"width": 4, "penalty": "cross-validated", "rng": np.random.default_rng(0)}
    logits = fit_child_weights(network, none, no_ramps, y, 3, **options).logits(none[:1])[0]
    assert np.allclose(np.exp(logits) / np.exp(logits).sum(), [0.1, 0.2, 0.7], atol=1e-3)
