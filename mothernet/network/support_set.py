"""What the hypernetwork computes from a support set without any weights, in NumPy and for one table.

:mod:`mothernet.network.inputs` and :mod:`mothernet.network.units` do the same for batches of tasks in torch, for
pretraining; a test compares them.

Axis letters: S support rows, F features, M ramps per feature, C classes, H units, P = F (1 + M) inputs of the child.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from mothernet.network.config import HypernetworkConfig, Projections
from mothernet.tables.piecewise import MIN_RAMP_WIDTH, mid_ranks_below, ramp_levels

__all__ = ["SupportSet", "balanced_weights", "features_first", "mid_ranks", "mutual_information", "normal_scores"]

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_BIN_CUTS = 7  # quantiles by which features are binned for their mutual information with the class


class SupportSet:
    """A support set and what it tells about its columns.

    Parameters
    ----------
    inputs : (S, F) array
        Standardised features.
    y : (S,) array
        Labels in ``range(n_classes)``.
    """

    def __init__(self, inputs: npt.NDArray[np.float32], y: Indices, n_classes: int) -> None:
        self.inputs, self.y, self.n_classes = inputs.astype(np.float64), y, n_classes
        self.y_by_frequency = _classes_by_frequency(self.inputs, y, n_classes)  # (S,)
        self.ranks = mid_ranks(inputs)  # (S, F)
        information = mutual_information(inputs, y, n_classes)  # (F,)
        self.order = np.argsort(-information, kind="stable")  # (F,) features, the most telling first
        self.rank = np.argsort(self.order)  # (F,)
        # what features tell beyond what independent ones seem to, as a share of the most telling's
        chance = 0.25 * (n_classes - 1) * _BIN_CUTS / len(y)  # half the expectation
        self.relevance = np.maximum(information - chance, 1e-4) / max(information.max(), 1e-4)  # (F,)

    def anchored_units(self, n_units: int, config: HypernetworkConfig) -> tuple[Array, Array]:
        """Weights (P, H) and biases (H,), see :func:`mothernet.network.units.anchored_units`."""
        n_features, M = self.inputs.shape[1], config.ramps
        start, inverse_width = self._ramps(M)  # (F, M)
        present = (inverse_width > 0).astype(np.float64)
        n_ramps = present.sum(axis=1)  # (F,)
        low, high = self.inputs.min(axis=0), self.inputs.max(axis=0)  # (F,)
        plain = n_ramps == 0
        inverse = (plain & (high > low)) / np.maximum(high - low, 1e-4)
        ramps = ((self.inputs[..., None] - start) * inverse_width).clip(0, 1)  # (S, F, M)
        code = np.concatenate([(self.inputs - low) * inverse, ramps.reshape(len(ramps), -1)], axis=1)  # (S, P)
        shared = self.relevance[:, None] * present / np.maximum(n_ramps, 1)[:, None]
        share = np.concatenate([self.relevance * plain, shared.ravel()])  # (P,)
        at = code[self._anchor_rows(n_units)]  # (H, P)
        weight = ((2 * at - 1) * share).T  # (P, H)
        nearness = code @ weight  # (S, H) but for a constant
        scale = config.anchor_slope / (nearness.std(axis=0) + 1e-6)  # (H,)
        weight = weight * scale
        shift = (weight[:n_features] * (low * inverse)[:, None]).sum(axis=0)
        bias = -np.quantile(nearness, config.anchor_quantile, axis=0) * scale - shift
        return weight * np.concatenate([inverse, np.ones(n_features * M)])[:, None], bias

    def projected_units(
        self, n_units: int, projections: Projections, config: HypernetworkConfig
    ) -> tuple[Array, Array]:
        """Weights (P, H) and biases (H,), see :func:`mothernet.network.units.projected_units`."""
        table, bias = projections
        size = np.sqrt(np.maximum(self.relevance, config.min_projected_relevance))
        size = size / np.sqrt((size**2).mean())  # (F,)
        weight = size[:, None, None] * table[self.rank % len(table), :, :n_units]  # (F, 1 + M, H)
        return features_first(weight), bias[:n_units].astype(np.float64)

    def _ramps(self, n_ramps: int) -> tuple[Array, Array]:
        """Starts and inverse widths (F, M) of ramps between quantiles; zero where there is no ramp."""
        order = self.inputs.argsort(axis=0, kind="stable").T  # (F, S)
        values = np.take_along_axis(self.inputs.T, order, axis=1)
        below = mid_ranks_below(balanced_weights(self.y, self.n_classes)[order])
        levels = ramp_levels(n_ramps)
        index = np.stack([np.searchsorted(row, levels) for row in below]).clip(max=len(self.y) - 1)  # (F, M - 1)
        inner = np.take_along_axis(values, index, axis=1)
        knots = np.concatenate([values[:, :1], inner, values[:, -1:]], axis=1)[:, : n_ramps + 1]  # (F, M + 1)
        width = np.diff(knots, axis=1)
        wide = width > MIN_RAMP_WIDTH
        wide &= wide.sum(axis=1, keepdims=True) > 1  # of two values, the ramp would be the feature itself
        return knots[:, :n_ramps], np.where(wide, 1 / np.maximum(width, MIN_RAMP_WIDTH), 0)

    def _anchor_rows(self, n_anchors: int) -> Indices:
        """Indices (H,) of support rows, see :func:`mothernet.network.units.anchor_rows`."""
        hash_weight = _fraction(np.sin(np.arange(1, len(self.order) + 2, dtype=np.float64)) * 1e4)
        hashed = _fraction(np.column_stack([self.ranks[:, self.order], self.y_by_frequency]) @ hash_weight)
        order = hashed.argsort(kind="stable")
        golden = (math.sqrt(5) - 1) / 2
        level = _fraction(np.arange(n_anchors, dtype=np.float64) * golden + 0.5)
        weight = balanced_weights(self.y, self.n_classes)[order]
        return order[np.searchsorted(weight.cumsum(), level).clip(max=len(order) - 1)]


def balanced_weights(y: Indices, n_classes: int) -> Array:
    """Weights of rows, (S,), half of whose sum is shared by the rows and half by the classes that occur."""
    count = np.bincount(y, minlength=n_classes)
    return 0.5 / len(y) + 0.5 / (count * (count > 0).sum())[y]


def features_first(weight: Array) -> Array:
    """Weights (F, 1 + M, H) of features and their ramps as (P, H): of the features, then of the ramps of each."""
    n_features, n_each, n_units = weight.shape
    return np.concatenate([weight[:, 0], weight[:, 1:].reshape(n_features * (n_each - 1), n_units)])


def _fraction(x: Array) -> Array:
    return x - np.trunc(x)


def mid_ranks(X: npt.NDArray[np.float32]) -> Indices:
    """Twice the mid-ranks, whole numbers from 1 to 2 S - 1, within every column of (S, F)."""
    ordered = np.sort(X, axis=0)
    ranks = [
        np.searchsorted(column, values) + np.searchsorted(column, values, side="right")
        for column, values in zip(ordered.T, X.T, strict=True)
    ]
    return np.stack(ranks, axis=1)


def _classes_by_frequency(inputs: Array, y: Indices, n_classes: int) -> Indices:
    """Labels (S,), classes renamed by falling frequency, see :func:`mothernet.network.inputs.classes_by_frequency`."""
    count = np.bincount(y, minlength=n_classes)
    statistic = (inputs + 0.3 * inputs**2).sum(axis=1)
    mean = np.bincount(y, weights=statistic, minlength=n_classes) / np.maximum(count, 1)
    key = count - 0.25 * (1 + np.tanh(mean / (2 * math.sqrt(inputs.shape[1]))))  # less half a logistic function
    rank = np.argsort(np.argsort(-key, kind="stable"))
    return rank[y]


def normal_scores(ranks: Indices) -> Array:
    """Normal scores of (S, F) ranks as :func:`mid_ranks` gives them."""
    return _scores_of_ranks(len(ranks))[ranks]


@lru_cache(maxsize=4)
def _scores_of_ranks(n_rows: int) -> Array:
    """The scores of all possible ranks: (2 S,)."""
    inverse = NormalDist().inv_cdf
    lowest, highest = 0.5 / n_rows, 1 - 0.5 / n_rows
    return np.array([inverse(min(max(rank / (2 * n_rows), lowest), highest)) for rank in range(2 * n_rows)])


def mutual_information(X: npt.NDArray[np.float32], y: Indices, n_classes: int) -> npt.NDArray[np.float32]:
    """Mutual information (nats) of each feature's bin and the class, (F,); features that tell the same are ties."""
    S, n_features = X.shape
    n_bins = 2 * _BIN_CUTS + 1
    cuts = np.sort(X, axis=0)[np.arange(1, _BIN_CUTS + 1) * S // (_BIN_CUTS + 1)]  # (cuts, F)
    joint = np.empty((n_features, n_classes, n_bins))
    for j in range(n_features):
        # a value that is a cut, as those of a category are, has a bin of its own
        bins = np.searchsorted(cuts[:, j], X[:, j]) + np.searchsorted(cuts[:, j], X[:, j], side="right")
        joint[j] = np.bincount(y * n_bins + bins, minlength=n_classes * n_bins).reshape(n_classes, n_bins)
    joint /= S

    def entropy(p: Array) -> Array:
        flat = p.reshape(n_features, -1)
        terms: Array = -(flat * np.log(np.maximum(flat, 1e-9))).sum(axis=1)
        return terms

    return (entropy(joint.sum(axis=1)) + entropy(joint.sum(axis=2)) - entropy(joint)).astype(np.float32)
