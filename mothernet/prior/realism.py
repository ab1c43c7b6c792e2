"""Makes sampled tables look real: classes from continuous targets, label noise, skew, outliers, coarse numbers,
categories.

Nothing here decides what a class depends on: see :mod:`mothernet.prior.mechanisms`. Axis letters: B tasks, n rows,
d columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mothernet.prior.columns import Column
from mothernet.prior.rng import Rng

__all__ = ["cut_into_classes", "flip_labels", "make_realistic", "random_shares", "standardise"]


def standardise(h: Tensor) -> Tensor:
    """Mean zero and variance one over the rows of (B, n, d) or (B, n); constant columns become zero."""
    centred = h - h.mean(1, keepdim=True)
    return centred / (centred.square().mean(1, keepdim=True).sqrt() + 1e-5)  # torch.std takes five times as long


def flip_labels(rng: Rng, y: Tensor, n_classes: int, share: float) -> Tensor:
    """Replace about this share of the labels (B, n) by random ones."""
    return torch.where(rng.uniform(*y.shape) < share, rng.integers(n_classes, *y.shape), y)


def random_shares(rng: Rng, B: int, n_classes: int) -> Tensor:
    """Frequencies of classes (B, n_classes), positive and of sum one: equal ones, or far from it."""
    spread = rng.choice([0.0, 0.5, 1.0, 1.5, 2.0])
    return torch.softmax(spread * rng.normal(B, n_classes), -1)


def cut_into_classes(rng: Rng, target: Tensor, n_classes: int) -> Tensor:
    """Cut a continuous target (B, n) into classes: in order, or more bins than classes, shared out among them."""
    B, n = target.shape
    target = target + 1e-6 * rng.normal(B, n)
    n_bins = n_classes if rng.chance(0.7) else n_classes * rng.choice([2, 3])
    level = random_shares(rng, B, n_bins).cumsum(1)[:, :-1]
    cut = target.sort(1)[0].gather(1, (level * (n - 1)).long())  # (B, n_bins - 1)
    code = torch.searchsorted(cut.contiguous(), target.contiguous())
    if n_bins == n_classes and rng.chance(0.5):
        return code
    class_of_bin = torch.cat([rng.permutations(B, n_classes), rng.integers(n_classes, B, n_bins - n_classes)], 1)
    return class_of_bin.gather(1, code)


def make_realistic(rng: Rng, X: Tensor, plan: Sequence[Column], *, quantise: bool, warp: bool) -> tuple[Tensor, Tensor]:
    """Skew, round and cut the columns of raw tables.

    Parameters
    ----------
    X : Tensor (B, n, d)
        Continuous values; the columns of ``plan`` in order.
    quantise, warp : bool
        Whether numbers may be rounded; whether columns may be skewed, floored or get outliers.

    Returns
    -------
    tuple of Tensor
        Values (B, n, d), in which a number stands for each category, and the codes (B, n, categorical columns) of the
        categorical columns in the order of the plan.
    """
    X = standardise(X)
    if rng.chance(0.6):
        X = _copy_columns(rng, X)
    if warp:
        X = standardise(_warp(rng, X, plan))
    codes = []
    columns = list((_round(rng, X) if quantise and rng.chance(0.85) else X).unbind(-1))
    for j, column in enumerate(plan):
        if column.n_categories:
            columns[j], code = _cut_into_categories(rng, X[..., j], column.n_categories)
            codes.append(code)
    if not codes:
        return torch.stack(columns, -1), torch.empty(*X.shape[:2], 0, dtype=torch.long, device=X.device)
    return torch.stack(columns, -1), torch.stack(codes, -1)


def _copy_columns(rng: Rng, X: Tensor) -> Tensor:
    """Some columns become noisy copies of others."""
    B, n, d = X.shape
    other = X.gather(2, rng.integers(d, B, 1, d).expand(-1, n, -1))
    copied = rng.uniform(B, 1, d) < rng.scalar.uniform(0.1, 0.7)
    return torch.where(copied, other + (0.1 + 0.6 * rng.uniform(B, 1, d)) * X, X)


def _warp(rng: Rng, X: Tensor, plan: Sequence[Column]) -> Tensor:
    """Skewed columns, heavy tails, floors that many rows share, outliers."""
    B, n, d = X.shape
    skewed = torch.tensor([0.1 + 0.9 * column.is_skewed for column in plan], device=X.device)
    bend = skewed * (0.3 + rng.normal(B, 1, d).abs() * rng.choice([0.3, 0.6, 1.0]))
    sign = torch.where(rng.uniform(B, 1, d) < 0.25, -1.0, 1.0)
    X = sign * torch.expm1(bend * sign * X.clamp(-4, 4)) / bend
    draw = rng.scalar.random()
    if draw < 0.15:
        X = X.sign() * X.abs() ** (0.5 + 1.5 * rng.uniform(B, 1, d))
    elif draw < 0.4:
        is_floored = rng.uniform(B, 1, d) < rng.scalar.uniform(0.1, 0.6)
        X = torch.maximum(X, torch.where(is_floored, 0.7 * rng.normal(B, 1, d), -math.inf))
    if rng.chance(0.1):
        X = torch.where(rng.uniform(B, n, d) < 0.01, X * rng.scalar.uniform(3, 20), X)
    return X


def _round(rng: Rng, X: Tensor) -> Tensor:
    """Round to a grid whose fineness varies between batches, between tables and between columns."""
    B, _, d = X.shape
    fineness = torch.exp(rng.scalar.uniform(1.0, 5.0) + 0.5 * rng.normal(B, 1, 1) + 0.7 * rng.normal(B, 1, d))
    grid = fineness.clamp(min=1.0)  # steps per standard deviation
    return torch.round(X * grid) / grid


def _cut_into_categories(rng: Rng, x: Tensor, n_categories: int) -> tuple[Tensor, Tensor]:
    """Cut (B, n) at random rows' values: a number that stands for each row's category, and the category (B, n)."""
    B, n = x.shape
    cut = x.gather(1, rng.integers(n, B, n_categories - 1)).sort(1)[0]  # (B, n_categories - 1)
    code = torch.searchsorted(cut, x.contiguous())
    value = rng.normal(B, n_categories)
    if rng.chance(0.5):
        value = value.sort(1)[0]
    return value.gather(1, code), code
