"""The forward pass without torch against the hypernetwork that pretraining trains."""

import pickle

import numpy as np
import pytest
import torch

from mothernet.network.checkpoint import load_checkpoint
from mothernet.network.config import HypernetworkConfig
from mothernet.network.forward import ForwardPass
from mothernet.network.hypernetwork import Hypernetwork, hypernetwork_of, weights_of


def table(n_rows, n_features, n_classes, seed=0):
    """Standardised numbers, of which some are indicators, some have few values, one is constant; every class occurs."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features)).astype(np.float32)
    X[:, ::3] = X[:, ::3] > 0.4
    X[:, 1::5] = X[:, 1::5].round()
    X[:, -1:] = 0.5 if n_features > 3 else X[:, -1:]
    y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n_rows - n_classes)])
    return X, y


@pytest.fixture(scope="module")
def built_in():
    checkpoint = load_checkpoint()
    return ForwardPass(checkpoint), hypernetwork_of(checkpoint)


def assert_alike(forward, network, X, y, n_classes, width):
    generated = forward(X, y, n_classes, width)
    with torch.inference_mode():
        expected = network(torch.from_numpy(X)[None], torch.from_numpy(y)[None], n_classes, width)
    for ours, theirs in zip(generated, expected, strict=True):
        np.testing.assert_allclose(ours, theirs[0].numpy(), rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("n_rows", "n_features", "n_classes", "width"),
    [(320, 20, 3, 128), (40, 1, 2, 7), (128, 70, 11, 256), (30, 4, 20, 1)],
)
def test_weights_are_those_of_the_reference(built_in, n_rows, n_features, n_classes, width):
    assert_alike(*built_in, *table(n_rows, n_features, n_classes), n_classes, width)


@pytest.mark.parametrize(
    "config",
    [
        {"ramps": 0},
        {"column_codes": 0},
        {"column_codes": 3, "class_codes": 2},
        {"unit_cycle": ("projected", "learned")},
        {"unit_cycle": ("learned",), "blocks": 1},
    ],
)
def test_every_configuration_is_alike(config):
    config = HypernetworkConfig(**{"embedding": 16, "attention_heads": 2, "blocks": 2, "units": 16} | config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Hypernetwork(config).eval()
        torch.nn.init.normal_(network.setting.weight)
    checkpoint = load_checkpoint()._replace(config=config, weights=weights_of(network.state_dict()))
    assert_alike(ForwardPass(checkpoint), network, *table(50, 9, 3), 3, 12)


def test_it_can_be_sent_to_another_process(built_in):
    X, y = table(50, 5, 2)
    copy = pickle.loads(pickle.dumps(built_in[0]))
    np.testing.assert_array_equal(copy(X, y, 2, 16).weight, built_in[0](X, y, 2, 16).weight)


@pytest.mark.parametrize("width", [0, 257])
def test_a_width_that_the_checkpoint_lacks_is_refused(built_in, width):
    with pytest.raises(ValueError, match="width must be between 1 and 256, however"):
        built_in[0](*table(50, 5, 2), 2, width)
