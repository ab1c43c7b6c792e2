"""Encodes sampled tables as :mod:`mothernet.tables.encoding` encodes real ones, by statistics of the support rows.

Here a batch is encoded at once, on the device that drew it. Axis letters: B tasks, S support rows, n rows (support,
then query), D raw columns, V inputs before superfluous ones are cut off, F inputs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.prior.columns import Column
from mothernet.prior.rng import Rng
from mothernet.settings import DEFAULT_SETTINGS
from mothernet.tables.piecewise import soft_clip

__all__ = ["encode"]


def encode(
    rng: Rng,
    X: Tensor,
    codes: Tensor,
    plan: Sequence[Column],
    y: Tensor,
    n_support: int,
    n_inputs: int,
) -> tuple[Tensor, Tensor]:
    """Encode raw tables.

    Parameters
    ----------
    X : Tensor (B, n, D)
        Raw values; the columns of ``plan`` in order.
    codes : Tensor (B, n, categorical columns)
        Categories of the categorical columns, in the order of the plan.
    y : Tensor (B, n)
        Labels: cells of one class may be missing more often.
    n_inputs : int
        Inputs wanted, F. Superfluous ones are cut off, those that are constant on the support rows first.

    Returns
    -------
    tuple of Tensor
        The inputs (B, n, F), and which of them say that a cell is missing (B, F).
    """
    n = X.shape[1]
    numeric = [j for j, column in enumerate(plan) if not column.n_categories]
    categorical = [j for j, column in enumerate(plan) if column.n_categories]
    views: list[Tensor] = []
    column_index: list[int] = []  # (V,) the raw column of every input
    is_missing: list[bool] = []  # (V,) whether the input is a missing indicator
    if numeric:
        values = X[..., numeric]
        incomplete = [i for i, j in enumerate(numeric) if plan[j].has_missing]
        if incomplete:
            filled, absent = _lose_cells(rng, values[..., incomplete], y)
            values[..., incomplete] = filled
            views.append(absent.float())
            column_index += [numeric[i] for i in incomplete]
            is_missing += [True] * len(incomplete)
        views.append(_standardise(values, n_support))
        column_index += numeric
        is_missing += [False] * len(numeric)
    for i, j in enumerate(categorical):
        onehot = F.one_hot(codes[..., i], plan[j].n_categories).float()
        onehot = onehot[..., :1] if plan[j].n_categories == 2 else onehot
        views.append(onehot)
        column_index += [j] * onehot.shape[-1]
        is_missing += [False] * onehot.shape[-1]
    inputs = torch.cat(views, -1)  # (B, n, V)
    support = inputs[:, :n_support]
    constant = support.amax(1) - support.amin(1) < 1e-6  # (B, V)
    order = torch.tensor(column_index, device=X.device) + len(plan) * constant  # constant inputs come last
    chosen = order.argsort(dim=1, stable=True)[:, :n_inputs]  # (B, F)
    chosen = chosen[:, rng.permutations(1, chosen.shape[1])[0]]
    missing = torch.tensor(is_missing, device=X.device)[chosen]  # (B, F)
    inputs = inputs.gather(2, chosen[:, None].expand(-1, n, -1))
    return torch.nan_to_num(inputs, 0.0, 1e4, -1e4), missing


def _lose_cells(rng: Rng, X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Replace some cells of (B, n, m) by the median of the others; returns the values and which cells were lost."""
    B, n, m = X.shape
    share = torch.exp(rng.scalar.uniform(-5, -0.7) + 0.7 * rng.normal(B, 1, m)).clamp(max=0.8)
    reason = rng.integers(4, B, 1, m)  # at random, large or small values, one class, the same rows
    tilt = torch.where(reason == 1, 2 * torch.sigmoid(3 * torch.where(rng.uniform(B, 1, m) < 0.5, X, -X)), 1.0)
    tilt = torch.where(reason == 2, 0.5 + (y == 0)[..., None], tilt)
    draw = torch.where(reason == 3, rng.uniform(B, n, 1), rng.uniform(B, n, m))
    absent = draw < share * tilt
    median = torch.where(absent, math.nan, X).nanmedian(1, keepdim=True)[0]
    return torch.where(absent, median, X), absent


def _standardise(X: Tensor, n_support: int) -> Tensor:
    """Bound, standardise and softly clip values (B, n, d)."""
    ordered = X[:, :n_support].transpose(1, 2).contiguous().sort(-1)[0]  # (B, d, S)
    outer = DEFAULT_SETTINGS.outer_quantile
    low, high = _quantile(ordered, outer), _quantile(ordered, 1 - outer)  # (B, d)
    margin = DEFAULT_SETTINGS.outer_margin * (high - low)
    degenerate = margin == 0
    first, last = ordered[..., 0], ordered[..., -1]
    low = torch.where(degenerate, first, torch.maximum(first, low - margin))
    high = torch.where(degenerate, last, torch.minimum(last, high + margin))
    X = torch.minimum(torch.maximum(X, low[:, None]), high[:, None])
    support = X[:, :n_support]
    mean, scale = support.mean(1, keepdim=True), support.std(1, keepdim=True) + 1e-6  # (B, 1, d)
    clipped: Tensor = soft_clip((X - mean) / scale, torch)
    return clipped


def _quantile(ordered: Tensor, level: float) -> Tensor:
    """Quantile (B, d) of (B, d, S) ascending values, interpolated."""
    position = level * (ordered.shape[-1] - 1)
    low = int(position)
    high = min(low + 1, ordered.shape[-1] - 1)
    return torch.lerp(ordered[..., low], ordered[..., high], position - low)
