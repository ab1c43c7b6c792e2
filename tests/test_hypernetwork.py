"""Symmetries and shapes of the hypernetwork."""

import math

import pytest
import torch

from mothernet.hypernetwork import (
    Hypernetwork,
    HypernetworkConfig,
    Ramps,
    Standardiser,
    _anchors,
    _mid_ranks,
    _relevance,
    balanced_weights,
    canonical_classes,
    hidden_units,
)
from mothernet.prior import TaskBatch, TaskShape
from mothernet.validation import one_pass_logits

TOLERANCE = 1e-4  # float32 sums in another order


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Hypernetwork(HypernetworkConfig(embedding=32, blocks=2, units=48))
        for parameter in network.parameters():  # zero-initialised heads would hide a broken symmetry
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


def emitted(network, X, y, n_classes=4, width=24):
    return network(X, y, n_classes, width)


def test_row_order_changes_nothing(network, support):
    X, y = support
    order = torch.randperm(60, generator=torch.Generator().manual_seed(2))
    for one, two in zip(emitted(network, X, y), emitted(network, X[:, order], y[:, order]), strict=True):
        assert torch.allclose(one, two, atol=TOLERANCE)


def test_feature_order_permutes_the_weights_and_nothing_else(network, support):
    X, y = support
    order = torch.tensor([3, 1, 6, 0, 5, 2, 4])
    one, two = emitted(network, X, y), emitted(network, X[..., order], y)
    ramps = 7 + 8 * order[:, None] + torch.arange(8)
    assert torch.allclose(one.weight[:, torch.cat([order, ramps.flatten()])], two.weight, atol=TOLERANCE)
    for a, b in zip(one[1:], two[1:], strict=True):
        assert torch.allclose(a, b, atol=TOLERANCE)


def test_class_names_change_nothing(network, support):
    X, y = support
    rename = torch.tensor([2, 0, 3, 1])
    for one, two in zip(emitted(network, X, y), emitted(network, X, rename[y]), strict=True):
        assert torch.allclose(one, two, atol=TOLERANCE)


@pytest.mark.parametrize("permuted", ["rows", "features", "classes"])
def test_probabilities_do_not_change_when_rows_features_or_classes_are_permuted(network, permuted):
    generator = torch.Generator().manual_seed(4)
    X = torch.randn(1, 90, 5, generator=generator)
    y = (X[..., :3].argmax(-1) + 1) % 3  # three classes in about equal numbers
    shape = TaskShape(support=60, query=30, features=5, classes=3)
    expected = one_pass_logits(network, TaskBatch(X, y, shape, "test"), 24, steps=12).softmax(-1)
    if permuted == "rows":
        X = torch.cat([X[:, torch.randperm(60, generator=generator)], X[:, 60:]], 1)
        y = torch.cat([(X[:, :60, :3].argmax(-1) + 1) % 3, y[:, 60:]], 1)
    elif permuted == "features":
        X = X[..., [4, 2, 0, 1, 3]]
    else:
        y = torch.tensor([2, 0, 1])[y]
        expected = expected[..., [1, 2, 0]]
    got = one_pass_logits(network, TaskBatch(X, y, shape, "test"), 24, steps=12).softmax(-1)
    assert (got - expected).abs().max() < TOLERANCE


def test_canonical_classes_are_ranked_by_frequency():
    y = torch.tensor([[0, 1, 1, 2, 2, 2]])
    assert canonical_classes(torch.randn(1, 6, 2), y, 3).tolist() == [[2, 1, 1, 0, 0, 0]]


def test_a_narrow_child_is_the_beginning_of_a_wide_one(network, support):
    X, y = support
    wide, narrow = emitted(network, X, y, width=48), emitted(network, X, y, width=5)
    assert torch.allclose(wide.weight[..., :5], narrow.weight, atol=TOLERANCE)
    assert torch.allclose(wide.bias[:, :5], narrow.bias, atol=TOLERANCE)


@pytest.mark.parametrize(("features", "classes", "rows"), [(1, 2, 2), (300, 3, 20), (4, 40, 80)])
def test_any_number_of_features_classes_and_rows(network, features, classes, rows):
    generator = torch.Generator().manual_seed(3)
    X, y = torch.randn(1, rows, features, generator=generator), torch.arange(rows)[None] % classes
    layer = emitted(network, X, y, classes, 16)
    assert layer.weight.shape == (1, features * 9, 16)
    assert hidden_units(Ramps.fit(X, balanced_weights(y, classes), 8)(X), layer, "tanh").isfinite().all()


def test_a_feature_that_is_the_same_everywhere_tells_nothing():
    X = torch.stack([torch.ones(40), torch.arange(40.0), torch.arange(40.0) % 2, torch.arange(40.0) % 5], -1)[None]
    told = _relevance(X, (torch.arange(40) % 2)[None], 2)[0]
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
    assert (ramps.low[0, 0, 0] > 88).sum() == 3


def test_anchors_are_drawn_with_every_class_alike_and_without_repeats():
    ranks = torch.rand(1, 400, 3, generator=torch.Generator().manual_seed(0)).argsort(1)
    y = (torch.arange(400) >= 360).long()[None]
    anchors = _anchors(ranks, y, 2, 40)[0]
    assert len(anchors.unique()) == 40
    assert (anchors >= 360).float().mean() == pytest.approx(0.3, abs=0.05)
    assert torch.equal(_anchors(ranks, y, 2, 10)[0], anchors[:10])


def test_an_anchored_unit_is_greatest_at_rows_like_its_anchor():
    torch.manual_seed(0)
    config = HypernetworkConfig(embedding=16, blocks=1, heads=2, units=40, cycle="la")
    network = Hypernetwork(config).eval().requires_grad_(False)
    X = torch.randn(1, 80, 3)
    y = (X[..., 0] > 0).long()
    X = Standardiser.fit(X)(X)
    units = hidden_units(Ramps.fit(X, balanced_weights(y, 2), 8)(X), network(X, y, 2, 40), "tanh")[0]  # (S, H)
    by_relevance = X.gather(2, _relevance(X, y, 2).argsort(1, descending=True)[:, None].expand(-1, 80, -1))
    anchors = _anchors(_mid_ranks(by_relevance), canonical_classes(X, y, 2), 2, 20)[0]
    place = units.argsort(0, descending=True).argsort(0)  # (S, H) of the rows
    assert (place[anchors, torch.arange(1, 40, 2)] <= 2).all()  # every other unit has an anchor
    assert (place[anchors, torch.arange(0, 40, 2)] > 2).any()


def test_projections_lean_on_telling_features_and_are_not_learned():
    X = torch.randn(1, 200, 6, generator=torch.Generator().manual_seed(3))
    X = Standardiser.fit(X)(X)
    y = (X[..., 4] > 0).long()
    emitted = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        config = HypernetworkConfig(embedding=16, blocks=1, heads=2, units=120, cycle="lp")
        with torch.no_grad():
            emitted.append(Hypernetwork(config)(X, y, 2, 120))
    projections = [layer.weight[0, :, 1::2] for layer in emitted]  # (P, 60)
    assert torch.equal(*projections) and not torch.equal(emitted[0].weight, emitted[1].weight)
    size = projections[0][:6].square().mean(1)
    assert size[4] > 10 * size[[0, 1, 2, 3, 5]].max()


def test_an_unknown_kind_of_unit_is_an_error():
    with pytest.raises(ValueError, match="cycle must be made of the letters l, a and p, however: cycle='lx'"):
        Hypernetwork(HypernetworkConfig(cycle="lx"))


@pytest.mark.parametrize("width", [0, 49])
def test_impossible_width_is_an_error(network, support, width):
    with pytest.raises(ValueError, match=f"width must be between 1 and 48, however: width={width}"):
        emitted(network, *support, width=width)


def test_training_and_inference_attention_agree(network, support):
    X, y = support
    with torch.no_grad():
        fused = emitted(network, X, y)
    with torch.enable_grad():
        plain = emitted(network, X, y)
    assert torch.allclose(fused.weight, plain.weight, atol=TOLERANCE)
