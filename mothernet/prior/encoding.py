"""Encodes raw sampled tables as :mod:`mothernet.preprocessing` encodes real ones, by statistics of the support rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.prior.columns import Column
from mothernet.prior.dice import Dice

__all__ = ["encode"]


def encode(
    dice: Dice,
    X: Tensor,
    codes: Tensor,
    plan: Sequence[Column],
    y: Tensor,
    n_support: int,
    features: int,
) -> tuple[Tensor, Tensor]:
    """Encode raw tables.

    Parameters
    ----------
    X : Tensor (B, n, len(plan))
    codes : Tensor (B, n, categorical columns)
    y : Tensor (B, n)
        Labels: cells of one class may be missing more often.
    features : int
        Inputs wanted, F. Superfluous ones are cut off.

    Returns
    -------
    tuple of Tensor
        The inputs (B, n, F), and which of them say that a cell is missing (B, F).
    """
    n = X.shape[1]
    numeric = [j for j, column in enumerate(plan) if not column.categories]
    categorical = [j for j, column in enumerate(plan) if column.categories]
    views: list[Tensor] = []
    place: list[int] = []  # of every view: its raw column
    kind: list[int] = []  # 0 value or category, 1 missing
    if numeric:
        values = X[..., numeric]
        incomplete = [i for i, j in enumerate(numeric) if plan[j].missing]
        if incomplete:
            filled, absent = _lose_cells(dice, values[..., incomplete], y)
            values[..., incomplete] = filled
            views.append(absent.float())
            place += [numeric[i] for i in incomplete]
            kind += [1] * len(incomplete)
        views.append(_soften(values, n_support))
        place += numeric
        kind += [0] * len(numeric)
    for position, j in enumerate(categorical):
        count = plan[j].categories
        onehot = F.one_hot(codes[..., position], count).float()
        onehot = onehot[..., :1] if count == 2 else onehot
        views.append(onehot)
        place += [j] * onehot.shape[-1]
        kind += [0] * onehot.shape[-1]
    inputs = torch.cat(views, -1)  # (B, n, V)
    support = inputs[:, :n_support]
    constant = support.amax(1) - support.amin(1) < 1e-6
    order = torch.tensor(place, device=X.device) + len(plan) * constant  # constant inputs come last
    chosen = order.argsort(dim=1, stable=True)[:, :features]
    chosen = chosen[:, dice.permutations(1, chosen.shape[1])[0]]
    missing = torch.tensor([k == 1 for k in kind], device=X.device)[chosen]
    inputs = inputs.gather(2, chosen[:, None].expand(-1, n, -1))
    return torch.nan_to_num(inputs, 0.0, 1e4, -1e4), missing


def _lose_cells(dice: Dice, X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Some cells of (B, n, m) are lost: the median in their place, and which (B, n, m) they are."""
    B, n, m = X.shape
    share = torch.exp(dice.between(-5, -0.7) + 0.7 * dice.normal(B, 1, m)).clamp(max=0.8)
    reason = dice.integers(4, B, 1, m)  # at random, large or small values, one class, the same rows
    tilt = torch.where(reason == 1, 2 * torch.sigmoid(3 * torch.where(dice.uniform(B, 1, m) < 0.5, X, -X)), 1.0)
    tilt = torch.where(reason == 2, 0.5 + (y == 0)[..., None], tilt)
    chance = torch.where(reason == 3, dice.uniform(B, n, 1), dice.uniform(B, n, m))
    absent = chance < share * tilt
    median = torch.where(absent, math.nan, X).nanmedian(1, keepdim=True)[0]
    return torch.where(absent, median, X), absent


def _soften(X: Tensor, n_support: int) -> Tensor:
    """Standardised and softly clipped values (B, n, d)."""
    ordered = X[:, :n_support].transpose(1, 2).contiguous().sort(-1)[0]  # (B, d, S)
    low, high = _quantile(ordered, 0.01), _quantile(ordered, 0.99)  # (B, d)
    margin = 3 * (high - low)
    far = margin == 0
    first, last = ordered[..., 0], ordered[..., -1]
    low = torch.where(far, first, torch.maximum(first, low - margin))
    high = torch.where(far, last, torch.minimum(last, high + margin))
    X = torch.minimum(torch.maximum(X, low[:, None]), high[:, None])
    S = X[:, :n_support]
    mean, scale = S.mean(1, keepdim=True), S.std(1, keepdim=True) + 1e-6
    z = (X - mean) / scale
    size = z.abs()
    return z.sign() * torch.where(size < 2, size, 2 + torch.log1p((size - 2).clamp(min=0)))


def _quantile(ordered: Tensor, share: float) -> Tensor:
    """Quantile (B, d) of (B, d, S) ascending values, interpolated."""
    at = share * (ordered.shape[-1] - 1)
    low = int(at)
    high = min(low + 1, ordered.shape[-1] - 1)
    return torch.lerp(ordered[..., low], ordered[..., high], at - low)
