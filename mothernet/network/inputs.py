"""What the hypernetwork computes from a support set without any weights: scales, ramps, ranks, relevance.

Axis letters: B tasks, S support rows, N any rows, F features, M ramps per feature, C classes, P = F (1 + M) inputs.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.tables.piecewise import MIN_RAMP_WIDTH, mid_ranks_below, ramp_levels, soft_clip

__all__ = [
    "Ramps",
    "Standardiser",
    "balanced_weights",
    "classes_by_frequency",
    "mid_ranks",
    "mutual_information",
    "normal_scores",
    "relevance_beyond_chance",
]

_BIN_CUTS = 7  # quantiles by which features are binned for their mutual information with the class


class Standardiser(NamedTuple):
    """Location and scale of each feature of the support rows, and the soft clipping that follows."""

    mean: Tensor  # (B, 1, F)
    scale: Tensor  # (B, 1, F)

    @classmethod
    def fit(cls, X_support: Tensor) -> Standardiser:
        """Measure (B, S, F) support rows."""
        return cls(X_support.mean(1, keepdim=True), X_support.std(1, keepdim=True, unbiased=False) + 1e-6)

    def __call__(self, X: Tensor) -> Tensor:
        """Standardise and softly clip (B, N, F) rows."""
        clipped: Tensor = soft_clip((X - self.mean) / self.scale, torch)
        return clipped  # (B, N, F)


class Ramps(NamedTuple):
    """Rises from 0 to 1 between neighbouring quantiles of a feature: a basis of piecewise-linear functions."""

    start: Tensor  # (B, 1, F, M)
    inverse_width: Tensor  # (B, 1, F, M), zero where there is no ramp

    @classmethod
    def fit(cls, X_support: Tensor, row_weight: Tensor, n_ramps: int) -> Ramps:
        """Measure quantiles of (B, S, F) support rows weighted by (B, S).

        A feature of two values, whose one ramp would be the feature itself, has none.
        """
        if not n_ramps:
            return cls(*X_support.new_zeros(2, len(X_support), 1, X_support.shape[-1], 0))
        values, order = X_support.mT.sort(dim=-1, stable=True)  # (B, F, S)
        weight = row_weight[:, None].expand_as(values).gather(-1, order)  # (B, F, S)
        below = mid_ranks_below(weight)  # (B, F, S)
        level = torch.from_numpy(ramp_levels(n_ramps)).to(below)  # (M - 1,)
        index = torch.searchsorted(below, level.expand(*below.shape[:2], -1).contiguous())  # (B, F, M - 1)
        # quantiles are values that occur: of few values, one ramp per step
        inner = values.gather(-1, index.clamp(max=values.shape[-1] - 1))
        knots = torch.cat([values[..., :1], inner, values[..., -1:]], -1)  # (B, F, M + 1)
        width = knots.diff(dim=-1)  # (B, F, M)
        wide = width > MIN_RAMP_WIDTH
        wide = wide & (wide.sum(-1, keepdim=True) > 1)
        inverse = torch.where(wide, 1 / width.clamp(min=MIN_RAMP_WIDTH), 0)
        return cls(knots[:, None, :, :-1], inverse[:, None])

    def __call__(self, X: Tensor) -> Tensor:
        """(B, N, F) features to (B, N, P): the features themselves, then the ramps of each."""
        ramps = ((X[..., None] - self.start) * self.inverse_width).clamp(0, 1)  # (B, N, F, M)
        return torch.cat([X, ramps.flatten(2)], -1)


def balanced_weights(y: Tensor, n_classes: int) -> Tensor:
    """Weights of rows, (B, S), half of whose sum is shared by the rows and half by the classes that occur."""
    onehot = F.one_hot(y, n_classes).double()  # (B, S, C)
    count = onehot.sum(1)  # (B, C)
    per_class = 1 / (count.clamp(min=1) * (count > 0).sum(1, keepdim=True))
    return 0.5 / y.shape[1] + 0.5 * per_class.gather(1, y)


def mid_ranks(X: Tensor) -> Tensor:
    """Twice the mid-ranks, whole numbers from 1 to 2 S - 1, within every column of (B, S, F)."""
    columns = X.mT.contiguous()  # (B, F, S)
    ordered = columns.sort(-1).values
    return (torch.searchsorted(ordered, columns) + torch.searchsorted(ordered, columns, right=True)).mT


def normal_scores(ranks: Tensor) -> Tensor:
    """Normal scores of (B, S, F) ranks as :func:`mid_ranks` gives them."""
    S = ranks.shape[1]
    return torch.special.ndtri((ranks.float() / (2 * S)).clamp(0.5 / S, 1 - 0.5 / S))


def classes_by_frequency(inputs: Tensor, y: Tensor, n_classes: int) -> Tensor:
    """Rename classes by falling frequency, so that the order of the labels carries no information.

    Equally frequent classes are ordered by a statistic of their rows that ignores the order of rows and features.
    Takes (B, S, F) standardised inputs and (B, S) labels, returns (B, S) new labels.
    """
    onehot = F.one_hot(y, n_classes).double()  # (B, S, C)
    count = onehot.sum(1)  # (B, C)
    wide = inputs.double()
    statistic = (wide + 0.3 * wide.square()).sum(-1)  # (B, S)
    mean = (onehot * statistic[..., None]).sum(1) / count.clamp(min=1)  # (B, C)
    # (B, C) counts are whole numbers: ties only are affected
    key = count - 0.5 * torch.sigmoid(mean / math.sqrt(inputs.shape[-1]))
    rank = key.argsort(1, descending=True).argsort(1)  # (B, C)
    return rank.gather(1, y)  # (B, S)


def mutual_information(inputs: Tensor, y: Tensor, n_classes: int) -> Tensor:
    """Mutual information (nats) of each feature's bin and the class: (B, S, F) and (B, S) to (B, F).

    It is made of counts, and so the same to the bit whatever the order of the rows; features that tell the same are
    ties, since it is summed in float64 and rounded.
    """
    S = inputs.shape[1]
    columns = inputs.mT.contiguous()  # (B, F, S)
    index = torch.arange(1, _BIN_CUTS + 1, device=inputs.device) * S // (_BIN_CUTS + 1)
    cuts = columns.sort(-1).values[..., index].contiguous()  # (B, F, cuts)
    # a value that is a cut, as those of a category are, has a bin of its own
    bins = torch.searchsorted(cuts, columns) + torch.searchsorted(cuts, columns, right=True)  # (B, F, S)
    onehot = F.one_hot(y, n_classes).float()  # (B, S, C)
    count = [(bins == k).float() @ onehot for k in range(2 * _BIN_CUTS + 1)]
    joint = torch.stack(count, -1).double() / S  # (B, F, C, bins)

    def entropy(p: Tensor) -> Tensor:
        return -(p * p.clamp(min=1e-9).log()).flatten(2).sum(-1)

    return (entropy(joint.sum(2)) + entropy(joint.sum(3)) - entropy(joint)).float()


def relevance_beyond_chance(information: Tensor, n_rows: int, n_classes: int) -> Tensor:
    """What features tell beyond what independent ones seem to, as a share of the most telling's: (B, F), positive."""
    chance = 0.25 * (n_classes - 1) * _BIN_CUTS / n_rows  # half the expectation
    return (information - chance).clamp(min=1e-4) / information.amax(1, keepdim=True).clamp(min=1e-4)
