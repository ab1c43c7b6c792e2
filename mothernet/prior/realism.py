"""Makes sampled tables look real: classes from continuous targets, label noise, coarse, skewed and outlying columns."""

from __future__ import annotations

import torch
from torch import Tensor

from mothernet.prior.dice import Dice

__all__ = ["bins", "flip_labels", "make_real", "standardise", "to_classes"]


def standardise(h: Tensor) -> Tensor:
    return (h - h.mean(1, keepdim=True)) / (h.std(1, keepdim=True) + 1e-5)


def flip_labels(dice: Dice, y: Tensor, n_classes: int, share: float) -> Tensor:
    return torch.where(dice.uniform(*y.shape) < share, dice.integers(n_classes, *y.shape), y)


def bins(dice: Dice, values: Tensor, n_bins: int, *, even: bool = False) -> Tensor:
    """Bin (B, n) values at random (or even) quantiles: (B, n) in range(n_bins)."""
    B, n = values.shape
    if even:
        at = torch.linspace(0, 1, n_bins + 1, device=values.device)[1:-1].expand(B, -1)
    else:
        at = 0.03 + 0.94 * dice.uniform(B, n_bins - 1)
    cut = values.sort(1)[0].gather(1, (at * (n - 1)).long())  # (B, n_bins - 1)
    return (values[..., None] > cut[:, None]).sum(-1)


def to_classes(dice: Dice, target: Tensor, n_classes: int) -> Tensor:
    """A continuous target cut into classes: in order, or many bins shared out among the classes."""
    target = target + 1e-6 * dice.normal(*target.shape)
    if dice.chance(0.5):
        return bins(dice, target, n_classes, even=dice.chance(0.4))
    n_bins = n_classes * dice.choice([1, 1, 2, 3])
    owner = torch.cat(
        [
            dice.permutations(target.shape[0], n_classes),
            dice.integers(n_classes, target.shape[0], n_bins - n_classes),
        ],
        1,
    )
    return owner.gather(1, bins(dice, target, n_bins))


def make_real(dice: Dice, X: Tensor, quantise: bool, warp: bool) -> Tensor:
    """Warp, quantise and add outliers to some columns of the raw table."""
    X = standardise(X)
    B, n, d = X.shape
    if not dice.chance(0.6):
        return X
    share = dice.choice([0, 0, 0.1, 0.3, 1.0])
    for j in range(d):
        if dice.chance(share * quantise):
            code = bins(dice, X[..., j], dice.choice([2, 3, 4, 5, 8, 12, 30, 100]), even=dice.chance(0.3))
            X[..., j] = code.float()
    if not warp:
        return X
    draw = dice.scalar.random()
    affected = dice.uniform(d) < 0.6
    if draw < 0.3:
        X = torch.where(affected, torch.exp(X.clamp(-4, 4) * dice.between(0.3, 1.3)), X)
    elif draw < 0.4:
        X = torch.where(affected, X.sign() * X.abs() ** dice.between(0.4, 2), X)
    elif draw < 0.5:  # zero-inflated: a floor that many rows share
        X = torch.where(affected, X.clamp(min=dice.between(-0.5, 1)), X)
    if dice.chance(0.1):
        X = torch.where(dice.uniform(B, n, d) < 0.01, X * dice.between(3, 20), X)
    return X
