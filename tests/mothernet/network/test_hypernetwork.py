"""Symmetries and shapes of the hypernetwork."""

import pytest
import torch

from mothernet.network.config import HypernetworkConfig
from mothernet.network.hypernetwork import Hypernetwork
from mothernet.network.inputs import Ramps, Standardiser, balanced_weights
from mothernet.network.units import hidden_units
from mothernet.pretraining.validation import predicted_penalty_logits
from mothernet.prior import TaskBatch, TaskShape

TOLERANCE = 1e-4  # float32 sums in another order


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Hypernetwork(HypernetworkConfig(embedding=32, blocks=2, units=48))
        for parameter in network.parameters():  # weights that start at zero would hide a broken symmetry
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.1)
        torch.nn.init.normal_(network.weight.weight[1:], std=0.1)  # the ramps' rows are zero at first
    return network.eval().requires_grad_(False)


@pytest.fixture
def support():
    generator = torch.Generator().manual_seed(1)
    X = torch.randn(2, 60, 7, generator=generator)
    y = torch.arange(60).remainder(4).expand(2, -1)  # 15 rows of each class: frequencies tie
    y = y.gather(1, torch.rand(2, 60, generator=generator).argsort(1))
    return Standardiser.fit(X)(X), y


def generated(network, X, y, n_classes=4, width=24):
    return network(X, y, n_classes, width)


def test_row_order_changes_nothing(network, support):
    X, y = support
    order = torch.randperm(60, generator=torch.Generator().manual_seed(2))
    for one, two in zip(generated(network, X, y), generated(network, X[:, order], y[:, order]), strict=True):
        assert torch.allclose(one, two, atol=TOLERANCE)


def test_feature_order_permutes_the_weights_and_nothing_else(network, support):
    X, y = support
    order = torch.tensor([3, 1, 6, 0, 5, 2, 4])
    one, two = generated(network, X, y), generated(network, X[..., order], y)
    ramps = 7 + 8 * order[:, None] + torch.arange(8)
    assert torch.allclose(one.weight[:, torch.cat([order, ramps.flatten()])], two.weight, atol=TOLERANCE)
    for a, b in zip(one[1:], two[1:], strict=True):
        assert torch.allclose(a, b, atol=TOLERANCE)


def test_class_names_change_nothing(network, support):
    X, y = support
    rename = torch.tensor([2, 0, 3, 1])
    for one, two in zip(generated(network, X, y), generated(network, X, rename[y]), strict=True):
        assert torch.allclose(one, two, atol=TOLERANCE)


@pytest.mark.parametrize("permuted", ["rows", "features", "classes"])
def test_probabilities_do_not_change_when_rows_features_or_classes_are_permuted(network, permuted):
    generator = torch.Generator().manual_seed(4)
    X = torch.randn(1, 90, 5, generator=generator)
    y = (X[..., :3].argmax(-1) + 1) % 3  # three classes in about equal numbers
    shape = TaskShape(support=60, query=30, features=5, classes=3)
    expected = predicted_penalty_logits(network, TaskBatch(X, y, shape, "test"), 24).softmax(-1)
    if permuted == "rows":
        X = torch.cat([X[:, torch.randperm(60, generator=generator)], X[:, 60:]], 1)
        y = torch.cat([(X[:, :60, :3].argmax(-1) + 1) % 3, y[:, 60:]], 1)
    elif permuted == "features":
        X = X[..., [4, 2, 0, 1, 3]]
    else:
        y = torch.tensor([2, 0, 1])[y]
        expected = expected[..., [1, 2, 0]]
    got = predicted_penalty_logits(network, TaskBatch(X, y, shape, "test"), 24).softmax(-1)
    assert (got - expected).abs().max() < TOLERANCE


def test_a_narrow_child_is_the_beginning_of_a_wide_one(network, support):
    X, y = support
    wide, narrow = generated(network, X, y, width=48), generated(network, X, y, width=5)
    assert torch.allclose(wide.weight[..., :5], narrow.weight, atol=TOLERANCE)
    assert torch.allclose(wide.bias[:, :5], narrow.bias, atol=TOLERANCE)


@pytest.mark.parametrize(("features", "classes", "rows"), [(1, 2, 2), (300, 3, 20), (4, 40, 80)])
def test_any_number_of_features_classes_and_rows(network, features, classes, rows):
    generator = torch.Generator().manual_seed(3)
    X, y = torch.randn(1, rows, features, generator=generator), torch.arange(rows)[None] % classes
    layer = generated(network, X, y, classes, 16)
    assert layer.weight.shape == (1, features * 9, 16)
    inputs = Ramps.fit(X, balanced_weights(y, classes), 8)(X)
    assert hidden_units(inputs, layer.weight, layer.bias).isfinite().all()


def test_an_unknown_type_of_unit_is_an_error():
    with pytest.raises(ValueError, match=r"unit_cycle must be made of learned, anchored, projected, however: \('x',\)"):
        HypernetworkConfig(unit_cycle=("x",))


@pytest.mark.parametrize("width", [0, 49])
def test_impossible_width_is_an_error(network, support, width):
    with pytest.raises(ValueError, match=f"width must be between 1 and 48, however: width={width}"):
        generated(network, *support, width=width)


def test_training_and_inference_attention_agree(network, support):
    X, y = support
    with torch.no_grad():
        fused = generated(network, X, y)
    with torch.enable_grad():
        plain = generated(network, X, y)
    assert torch.allclose(fused.weight, plain.weight, atol=TOLERANCE)
