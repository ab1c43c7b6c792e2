"""Hidden units of the child: what they compute, and the two types that are constructed instead of learned.

*Anchored* units tell how near a row is to a row of the support set, *projected* ones are random projections of the
features and their ramps. Both are weights and biases like those of learned units, so the file does not tell them apart.

Axis letters: B tasks, N any rows, S support rows, F features, M ramps per feature, H units, P = F (1 + M) inputs.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mothernet.network.inputs import Ramps, balanced_weights

__all__ = [
    "anchor_rows",
    "anchored_units",
    "features_first",
    "hidden_units",
    "projected_units",
]


def hidden_units(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The hidden layer as pretraining sees it, h = tanh(x W1 + b1).

    Takes (B, N, P) inputs, (B, P, H) weights and (B, H) biases, returns (B, N, H).
    """
    return torch.tanh(inputs @ weight + bias[:, None])


def anchor_rows(ranks: Tensor, y: Tensor, n_classes: int, n_anchors: int) -> Tensor:
    """Draw (B, H) indices of support rows by :func:`balanced_weights`: the same rows whatever their order.

    The randomness is that of the rows' own ranks: rows are laid out by a hash of them, and every further anchor falls
    into the largest gap between those before it (an additive recurrence by the golden ratio).
    """
    S, R = ranks.shape[1:]
    hash_weight = (torch.arange(1, R + 2, dtype=torch.float64, device=ranks.device).sin() * 1e4).frac()
    hashed = (torch.cat([ranks, y[..., None]], -1).double() @ hash_weight).frac()  # (B, S)
    order = hashed.argsort(1)
    weight = balanced_weights(y, n_classes).gather(1, order).double()
    golden = (math.sqrt(5) - 1) / 2
    level = (torch.arange(n_anchors, dtype=torch.float64, device=ranks.device) * golden + 0.5).frac()
    position = torch.searchsorted(weight.cumsum(1), level.expand(len(y), -1).contiguous()).clamp(max=S - 1)
    return order.gather(1, position)


def anchored_units(
    inputs: Tensor, anchor: Tensor, ramps: Ramps, relevance: Tensor, *, slope: float, quantile: float
) -> tuple[Tensor, Tensor]:
    """Weights (B, P, H) and biases (B, H) of units that tell how near a row is to their anchors.

    The distance of two rows is a mean over features, weighted by their relevance: of the share of the ramps between
    the two values or, for a feature without ramps, of their difference in units of its range. With one row fixed it is
    piecewise linear in the other.

    Parameters
    ----------
    inputs : (B, S, F) tensor
        Support rows.
    anchor : (B, H) tensor
        Indices of the anchors among them.
    relevance : (B, F) tensor
        Weights of the features in the distance.
    slope : float
        Of the unit before its activation, per standard deviation of nearness.
    quantile : float
        Of the nearness of support rows, where the unit is zero.
    """
    (B, _, n_features), M = inputs.shape, ramps.start.shape[-1]
    present = (ramps.inverse_width[:, 0] > 0).float()  # (B, F, M)
    n_ramps = present.sum(-1)  # (B, F)
    low, high = inputs.amin(1), inputs.amax(1)  # (B, F)
    inverse = (n_ramps == 0) * (high > low) / (high - low).clamp(min=1e-4)
    code = ramps(inputs)[..., n_features:]  # (B, S, F M)
    code = torch.cat([(inputs - low[:, None]) * inverse[:, None], code], -1)  # (B, S, P) from 0 to 1
    plain = (n_ramps == 0).float()
    share = torch.cat(
        [relevance * plain, (relevance[..., None] * present / n_ramps.clamp(min=1)[..., None]).flatten(1)], -1
    )  # (B, P)
    at = code.gather(1, anchor[..., None].expand(-1, -1, code.shape[-1]))  # (B, H, P)
    # |x - a| = a + (1 - 2 a) x where a code of the anchor is 0 or 1, as all but one per feature are
    weight = ((2 * at - 1) * share[:, None]).mT  # (B, P, H)
    nearness = code @ weight  # (B, S, H) but for a constant
    scale = slope / (nearness.std(1, unbiased=False) + 1e-6)  # (B, H)
    weight = weight * scale[:, None]
    bias = -nearness.quantile(quantile, 1) * scale - (weight[:, :n_features] * (low * inverse)[..., None]).sum(1)
    # the first codes are affine in the inputs
    input_scale = torch.cat([inverse, inverse.new_ones(B, n_features * M)], -1)  # (B, P)
    return weight * input_scale[..., None], bias


def projected_units(relevance: Tensor, rank: Tensor, table: Tensor, *, min_relevance: float) -> Tensor:
    """Weights (B, P, H) of random projections of features and ramps, their size by the root of the relevance.

    The feature of relevance rank r takes row r of the table, so the order of the features does not matter.

    Parameters
    ----------
    relevance, rank : (B, F) tensors
        Of the features; the most relevant has rank 0.
    table : (ranks, 1 + M, H) tensor
        Normal numbers.
    min_relevance : float
        What lies below counts as so much.
    """
    size = relevance.clamp(min=min_relevance).sqrt()
    size = size / size.square().mean(1, keepdim=True).sqrt()  # (B, F)
    return features_first(size[..., None, None] * table[rank % len(table)])


def features_first(weight: Tensor) -> Tensor:
    """Weights (B, F, 1 + M, H) of features and their ramps as (B, P, H): of the features, then of the ramps of each."""
    return torch.cat([weight[:, :, 0], weight[:, :, 1:].flatten(1, 2)], 1)
