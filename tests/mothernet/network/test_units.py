"""Hidden units that are constructed: anchored at rows, or random projections."""

import pytest
import torch

from mothernet.network.config import HypernetworkConfig
from mothernet.network.hypernetwork import Hypernetwork
from mothernet.network.inputs import (
    Ramps,
    Standardiser,
    balanced_weights,
    classes_by_frequency,
    mid_ranks,
    mutual_information,
)
from mothernet.network.units import anchor_rows, hidden_units


def test_anchors_are_drawn_with_every_class_alike_and_without_repeats():
    ranks = torch.rand(1, 400, 3, generator=torch.Generator().manual_seed(0)).argsort(1)
    y = (torch.arange(400) >= 360).long()[None]
    anchors = anchor_rows(ranks, y, 2, 40)[0]
    assert len(anchors.unique()) == 40
    assert (anchors >= 360).float().mean() == pytest.approx(0.3, abs=0.05)
    assert torch.equal(anchor_rows(ranks, y, 2, 10)[0], anchors[:10])


def test_an_anchored_unit_is_largest_at_rows_like_its_anchor():
    torch.manual_seed(0)
    config = HypernetworkConfig(embedding=16, blocks=1, attention_heads=2, units=40, unit_cycle=("learned", "anchored"))
    network = Hypernetwork(config).eval().requires_grad_(False)
    X = torch.randn(1, 80, 3)
    y = (X[..., 0] > 0).long()
    X = Standardiser.fit(X)(X)
    layer = network(X, y, 2, 40)
    inputs = Ramps.fit(X, balanced_weights(y, 2), 8)(X)
    units = hidden_units(inputs, layer.weight, layer.bias)[0]  # (S, H)
    by_relevance = X.gather(2, mutual_information(X, y, 2).argsort(1, descending=True)[:, None].expand(-1, 80, -1))
    anchors = anchor_rows(mid_ranks(by_relevance), classes_by_frequency(X, y, 2), 2, 20)[0]
    rank = units.argsort(0, descending=True).argsort(0)  # (S, H) of the rows
    assert (rank[anchors, torch.arange(1, 40, 2)] <= 2).all()  # every other unit has an anchor
    assert (rank[anchors, torch.arange(0, 40, 2)] > 2).any()


def test_projections_lean_on_telling_features_and_are_not_learned():
    X = torch.randn(1, 200, 6, generator=torch.Generator().manual_seed(3))
    X = Standardiser.fit(X)(X)
    y = (X[..., 4] > 0).long()
    generated = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        config = HypernetworkConfig(
            embedding=16, blocks=1, attention_heads=2, units=120, unit_cycle=("learned", "projected")
        )
        with torch.no_grad():
            generated.append(Hypernetwork(config)(X, y, 2, 120))
    projections = [layer.weight[0, :, 1::2] for layer in generated]  # (P, 60)
    assert torch.equal(*projections) and not torch.equal(generated[0].weight, generated[1].weight)
    size = projections[0][:6].square().mean(1)
    assert size[4] > 10 * size[[0, 1, 2, 3, 5]].max()
