"""Columns of many categories as numbers: how much likelier each class is where a category is there.

The log-odds of each class in a category's rows against all rows, smoothed towards zero by as many rows as predict the
labels best when each row is left out (a form of empirical Bayes). Training rows get theirs from the rows of other
folds, so that their own labels are not in their inputs; the file gets those of all rows.

Axis letters: N rows, V categories, C classes, K classes that are told of.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mothernet.settings import FitSettings
from mothernet.tables.piecewise import soft_clip

__all__ = ["Labels", "category_log_odds"]

Array = npt.NDArray[np.float64]


class Labels(NamedTuple):
    """Labels of the training rows, and the generator that draws folds."""

    y: npt.NDArray[np.int64]  # (N,) in range(n_classes)
    n_classes: int
    rng: np.random.Generator


def category_log_odds(
    code: npt.NDArray[np.int64], n_categories: int, labels: Labels, settings: FitSettings
) -> tuple[Array, Array]:
    """Standardised, softly clipped log-odds.

    Parameters
    ----------
    code : (N,) array
        Category of each row, ``n_categories`` where it has none of its own.

    Returns
    -------
    odds : (V + 1, K) array
        Of every category by all rows; the last row is that of every other text, zero log-odds.
    values : (N, K) array
        Of the training rows, each by the rows of other folds.
    """
    y, C = labels.y, labels.n_classes
    share = np.bincount(y, minlength=C) / len(y)  # (C,)
    told = np.argsort(-share, kind="stable")[: settings.max_odds_classes]
    told = told[1:] if C == 2 else told  # of two classes, one's log-odds are minus the other's
    count = _counts(code, y, n_categories, C)
    strength = _best_strength(count, share, settings.odds_strengths)

    def log_odds(count: Array) -> Array:  # (V, C) to (V + 1, K)
        smoothed = (count + strength * share) / (count.sum(1, keepdims=True) + strength)
        odds = np.log(smoothed / share)
        if C == 2:
            odds = odds - odds[:, ::-1]
        return np.vstack([odds[:, told], np.zeros((1, len(told)))])

    fold = labels.rng.permutation(len(y)) % settings.odds_folds
    values = np.empty((len(y), len(told)))
    for k in range(settings.odds_folds):
        held_out = fold == k
        values[held_out] = log_odds(count - _counts(code[held_out], y[held_out], n_categories, C))[code[held_out]]
    mean, scale = values.mean(0), values.std(0) + 1e-6
    return soft_clip((log_odds(count) - mean) / scale, np), soft_clip((values - mean) / scale, np)


def _counts(code: npt.NDArray[np.int64], y: npt.NDArray[np.int64], n_categories: int, n_classes: int) -> Array:
    """Rows of each category and class: (V, C)."""
    flat = np.bincount(code * n_classes + y, minlength=(n_categories + 1) * n_classes)
    return flat.reshape(-1, n_classes)[:n_categories].astype(np.float64)


def _best_strength(count: Array, share: Array, strengths: tuple[float, ...]) -> float:
    """Rows of smoothing under which each row's label is likeliest by the other rows of its category."""
    rows = count.sum(1, keepdims=True).clip(min=1)

    def log_likelihood(strength: float) -> float:
        left_out = (count - 1 + strength * share) / (rows - 1 + strength)
        return float((count * np.log(np.where(count > 0, left_out, 1.0))).sum())

    return max(strengths, key=log_likelihood)
