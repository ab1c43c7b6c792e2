"""Makes sampled tables look real: classes from continuous targets, label noise, skew, outliers, coarse numbers,
categories."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mothernet.prior.columns import Column
from mothernet.prior.dice import Dice

__all__ = ["flip_labels", "make_real", "random_shares", "standardise", "to_classes"]


def standardise(h: Tensor) -> Tensor:
    centred = h - h.mean(1, keepdim=True)
    return centred / (centred.square().mean(1, keepdim=True).sqrt() + 1e-5)  # torch.std takes five times as long


def flip_labels(dice: Dice, y: Tensor, n_classes: int, share: float) -> Tensor:
    return torch.where(dice.uniform(*y.shape) < share, dice.integers(n_classes, *y.shape), y)


def random_shares(dice: Dice, B: int, n_classes: int) -> Tensor:
    """Frequencies of classes (B, n_classes), positive and of sum one: even ones, or far from it."""
    spread = dice.choice([0.0, 0.5, 1.0, 1.5, 2.0])
    return torch.softmax(spread * dice.normal(B, n_classes), -1)


def to_classes(dice: Dice, target: Tensor, n_classes: int) -> Tensor:
    """A continuous target (B, n) cut into classes: in order, or more bins than classes, shared out among them."""
    B, n = target.shape
    target = target + 1e-6 * dice.normal(B, n)
    n_bins = n_classes if dice.chance(0.7) else n_classes * dice.choice([2, 3])
    at = random_shares(dice, B, n_bins).cumsum(1)[:, :-1]
    cut = target.sort(1)[0].gather(1, (at * (n - 1)).long())  # (B, n_bins - 1)
    code = torch.searchsorted(cut.contiguous(), target.contiguous())
    if n_bins == n_classes and dice.chance(0.5):
        return code
    owner = torch.cat([dice.permutations(B, n_classes), dice.integers(n_classes, B, n_bins - n_classes)], 1)
    return owner.gather(1, code)


def make_real(dice: Dice, X: Tensor, plan: Sequence[Column], *, quantise: bool, warp: bool) -> tuple[Tensor, Tensor]:
    """Skew, round and cut the columns of raw tables.

    Takes (B, n, len(plan)); returns the values, in which a category stands as a number of its own, and the codes of
    the categorical columns in the order of the plan, (B, n, number of these).
    """
    X = standardise(X)
    if dice.chance(0.6):
        X = _redundant(dice, X)
    if warp:
        X = standardise(_warp(dice, X, plan))
    codes = []
    columns = list((_round(dice, X) if quantise and dice.chance(0.85) else X).unbind(-1))
    for j, column in enumerate(plan):
        if column.categories:
            columns[j], code = _categories(dice, X[..., j], column.categories)
            codes.append(code)
    if not codes:
        return torch.stack(columns, -1), torch.empty(*X.shape[:2], 0, dtype=torch.long, device=X.device)
    return torch.stack(columns, -1), torch.stack(codes, -1)


def _redundant(dice: Dice, X: Tensor) -> Tensor:
    """Some columns become noisy copies of others."""
    B, n, d = X.shape
    other = X.gather(2, dice.integers(d, B, 1, d).expand(-1, n, -1))
    copied = dice.uniform(B, 1, d) < dice.between(0.1, 0.7)
    return torch.where(copied, other + (0.1 + 0.6 * dice.uniform(B, 1, d)) * X, X)


def _warp(dice: Dice, X: Tensor, plan: Sequence[Column]) -> Tensor:
    """Skewed columns, heavy tails, floors that many rows share, outliers."""
    B, n, d = X.shape
    skewed = torch.tensor([0.1 + 0.9 * column.skewed for column in plan], device=X.device)
    bend = skewed * (0.3 + dice.normal(B, 1, d).abs() * dice.choice([0.3, 0.6, 1.0]))
    sign = torch.where(dice.uniform(B, 1, d) < 0.25, -1.0, 1.0)
    X = sign * torch.expm1(bend * sign * X.clamp(-4, 4)) / bend
    draw = dice.scalar.random()
    if draw < 0.15:
        X = X.sign() * X.abs() ** (0.5 + 1.5 * dice.uniform(B, 1, d))
    elif draw < 0.4:
        floor = torch.where(dice.uniform(B, 1, d) < dice.between(0.1, 0.6), 0.7 * dice.normal(B, 1, d), -math.inf)
        X = torch.maximum(X, floor)
    if dice.chance(0.1):
        X = torch.where(dice.uniform(B, n, d) < 0.01, X * dice.between(3, 20), X)
    return X


def _round(dice: Dice, X: Tensor) -> Tensor:
    """Round to a grid: as fine as the table, more or less, and the column have it."""
    B, _, d = X.shape
    fineness = torch.exp(dice.between(1.0, 5.0) + 0.5 * dice.normal(B, 1, 1) + 0.7 * dice.normal(B, 1, d))
    grid = fineness.clamp(min=1.0)  # steps in a standard deviation
    return torch.round(X * grid) / grid


def _categories(dice: Dice, x: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Cut (B, n) at random rows' values: a number for every category, and the category (B, n)."""
    B, n = x.shape
    cut = x.gather(1, dice.integers(n, B, count - 1)).sort(1)[0]  # (B, count - 1)
    code = torch.searchsorted(cut, x.contiguous())
    value = dice.normal(B, count)
    if dice.chance(0.5):
        value = value.sort(1)[0]
    return value.gather(1, code), code
