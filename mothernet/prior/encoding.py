"""Encodes raw sampled tables as :mod:`mothernet.preprocessing` encodes real ones."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.prior.dice import Dice
from mothernet.prior.realism import bins

__all__ = ["Column", "column_plan", "encode"]


class Column(NamedTuple):
    categories: int  # 0 for a numeric column
    missing: float  # share of missing cells
    informative_missing: bool
    rank_view: bool

    @property
    def width(self) -> int:
        if self.categories:
            return 1 if self.categories == 2 else self.categories
        return 1 + (self.missing > 0) + self.rank_view


def column_plan(
    dice: Dice, features: int, categories: bool = True, missing: bool = True, rank_view: bool = True
) -> list[Column]:
    """Columns whose encoding fills ``features`` inputs (the last may be cut off)."""
    categorical_share = categories * dice.choice([0, 0, 0, 0, 0.2, 0.5, 1.0])
    missing_share = missing * dice.choice([0, 0, 0, 0.3])
    rank_share = rank_view * dice.choice([0, 0, 0.4, 1.0])
    plan: list[Column] = []
    filled = 0
    while filled < features:
        column = Column(
            dice.choice([2, 2, 3, 3, 4, 5, 8]) if dice.chance(categorical_share) else 0,
            dice.between(0.01, 0.5) if dice.chance(missing_share) else 0.0,
            dice.chance(0.3),
            dice.chance(rank_share),
        )
        plan.append(column)
        filled += column.width
    return plan


def encode(dice: Dice, X: Tensor, plan: list[Column], y: Tensor, n_support: int) -> Tensor:
    """Encode the raw table (B, n, len(plan)): (B, n, at least F)."""
    B, n, _ = X.shape
    views: list[Tensor] = []
    for j, column in enumerate(plan):
        x = X[..., j]  # (B, n)
        if column.categories:
            code = bins(dice, x, column.categories)
            if column.categories == 2:
                views.append(code.float()[..., None])
            else:
                views.append(F.one_hot(code, column.categories).float())
            continue
        if column.missing:
            score = dice.uniform(B, n)
            if column.informative_missing:  # large values, or rows of one class, are missing more often
                score = score + 0.7 * torch.sigmoid(2 * x) if dice.chance(0.5) else score + 0.4 * (y == 0)
            absent = score > score.quantile(1 - column.missing, dim=1, keepdim=True)
            present = (~absent).float()
            centre = (x * present).sum(1, keepdim=True) / present.sum(1, keepdim=True).clamp(min=1)
            x = torch.where(absent, centre, x)
            views.append(absent.float()[..., None])
        views.append(x[..., None])
        if column.rank_view:
            views.append(_rank_gaussian(x, n_support)[..., None])
    return torch.cat(views, -1)


def _rank_gaussian(x: Tensor, n_support: int) -> Tensor:
    """Normal scores of mid-ranks among the support rows: (B, n) to (B, n)."""
    ordered = x[:, :n_support].sort(1)[0].contiguous()
    below = torch.searchsorted(ordered, x.contiguous()) + torch.searchsorted(ordered, x.contiguous(), right=True)
    share = (below / (2 * n_support)).clamp(0.5 / n_support, 1 - 0.5 / n_support)
    return math.sqrt(2) * torch.erfinv(2 * share - 1)
