"""Knots of a column where its labels change: quantiles cannot see a column that is zero nine times in ten.

A histogram tree of one column: bins of about equally many rows, a value that is frequent with a bin of its own, split
best first by the gain in likelihood. Beside a value with a bin of its own a ramp is as steep as the data allows, else
it ends between two bins (the piecewise-linear encoding by trees of Gorishniy, Rubachev and Babenko, arXiv 2203.05556).

Axis letters: n rows, V distinct values, B bins, C classes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mothernet.settings import FitSettings

__all__ = ["label_knots"]

Array = npt.NDArray[np.float64]

_BINS = 256


def label_knots(values: Array, y: npt.NDArray[np.int64], n_classes: int, settings: FitSettings) -> Array:
    """Ascending knots (k,), the smallest and the largest value among them; fewer than three if labels call for none.

    Parameters
    ----------
    values : (n,) array
        Finite numbers.
    y : (n,) array
        Labels in ``range(n_classes)``.
    """
    distinct, code, count = np.unique(values, return_inverse=True, return_counts=True)
    if len(distinct) <= settings.max_label_knots:
        return distinct
    bin_of_value = _bins(count)  # (V,)
    flat = np.bincount(bin_of_value[code] * n_classes + y, minlength=(bin_of_value[-1] + 1) * n_classes)
    below = np.vstack([np.zeros(n_classes), flat.reshape(-1, n_classes).cumsum(axis=0)])  # (B + 1, C)
    cuts = _cuts(below, settings.max_label_knots, settings.min_knot_rows, settings.min_knot_gain * (n_classes - 1))
    size = np.bincount(bin_of_value)  # (B,) distinct values
    start = size.cumsum() - size
    knots = [distinct[0], distinct[-1]]
    for cut in cuts:
        low, high = distinct[start[cut] - 1], distinct[start[cut]]
        is_sharp = size[cut - 1] == 1 or size[cut] == 1
        knots += [low, high] if is_sharp else [low / 2 + high / 2]
    return np.unique(knots)


def _bins(count: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Bin (V,) of each distinct value, by how many rows have it."""
    if len(count) <= _BINS:
        return np.arange(len(count))
    n = count.sum()
    level = ((count.cumsum() - count / 2) * _BINS // n).astype(np.int64)
    is_frequent = count * _BINS >= n
    begins = (np.diff(level) > 0) | is_frequent[1:] | is_frequent[:-1]
    return np.concatenate([[0], begins.cumsum()])


def _cuts(below: Array, max_cuts: int, min_rows: int, min_gain: float) -> list[int]:
    """Bins at which a tree is split, best first."""
    leaves = [_best_cut(below, 0, len(below) - 1, min_rows)]
    cuts: list[int] = []
    while len(cuts) < max_cuts:
        gain, cut, start, stop = leaves.pop(leaves.index(max(leaves)))
        if gain < min_gain:
            break
        cuts.append(cut)
        leaves += [_best_cut(below, start, cut, min_rows), _best_cut(below, cut, stop, min_rows)]
    return cuts


def _best_cut(below: Array, start: int, stop: int, min_rows: int) -> tuple[float, int, int, int]:
    """Gain in likelihood (nats), the bin at which the second part begins, and the bins of the whole."""
    if stop - start < 2:
        return -1.0, start, start, stop
    left, right = below[start + 1 : stop] - below[start], below[stop] - below[start + 1 : stop]  # (cuts, C)
    gain = _log_likelihood(left) + _log_likelihood(right) - _log_likelihood(below[stop] - below[start])
    gain[(left.sum(axis=1) < min_rows) | (right.sum(axis=1) < min_rows)] = -1.0
    best = int(gain.argmax())
    return float(gain[best]), start + 1 + best, start, stop


def _log_likelihood(count: Array) -> Array:
    """Of rows counted by class (..., C), under their own frequencies."""
    share = count / np.maximum(count.sum(axis=-1, keepdims=True), 1)
    likelihood: Array = (count * np.log(np.where(count > 0, share, 1.0))).sum(axis=-1)
    return likelihood
