"""Scores of probabilities, by NumPy alone: a command that fits for a second must not load packages for another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

__all__ = ["CALIBRATION_BINS", "ReliabilityBin", "Scores", "calibration_error", "reliability", "score"]

CALIBRATION_BINS = 15
_SMALLEST = float(np.finfo(np.float64).eps)  # of a probability, as scikit-learn bounds it


@dataclass(frozen=True)
class Scores:
    """Mean one-vs-one ROC AUC, log loss (nats), accuracy and expected calibration error."""

    auc: float
    log_loss: float
    accuracy: float
    calibration_error: float


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of similar confidence, which is the probability of the label: its mean, and how often the label is right."""

    rows: int
    confidence: float
    accuracy: float


def score(y: npt.NDArray[np.int64], probabilities: npt.NDArray[np.floating]) -> Scores:
    """Scores of probabilities (N, C) against labels (N,) in ``range(C)``, each of which occurs; as scikit-learn's."""
    p = _normalised(probabilities)
    pairs = []
    for a, b in combinations(range(p.shape[1]), 2):
        rows = (y == a) | (y == b)
        pairs.append((_auc(y[rows] == a, p[rows, a]) + _auc(y[rows] == b, p[rows, b])) / 2)
    loss = -np.log(p[np.arange(len(y)), y].clip(_SMALLEST, 1 - _SMALLEST)).mean()
    accuracy = float((p.argmax(axis=1) == y).mean())
    return Scores(float(np.mean(pairs)), float(loss), accuracy, calibration_error(y, p))


def calibration_error(
    y: npt.NDArray[np.int64], probabilities: npt.NDArray[np.floating], bins: int = CALIBRATION_BINS
) -> float:
    """Expected calibration error: how far the confidence in the top label is from how often it is right.

    That is the mean of ``|accuracy - confidence|`` over the bins of `reliability`, weighted by their rows.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks (ICML 2017), for bins of equal width; Nguyen,
    O'Connor: Posterior calibration and exploratory analysis for NLP models (EMNLP 2015), for bins of equal mass.

    Examples
    --------
    >>> calibration_error(np.array([0, 1]), np.array([[0.75, 0.25], [0.75, 0.25]]))
    0.25
    """
    found = reliability(y, probabilities, bins)
    return sum(each.rows * abs(each.accuracy - each.confidence) for each in found) / len(y)


def reliability(
    y: npt.NDArray[np.int64], probabilities: npt.NDArray[np.floating], bins: int
) -> tuple[ReliabilityBin, ...]:
    """Rows in bins by confidence, from the lowest up.

    Bins hold equally many rows (but rows of equal confidence stay together), so that none of them is noise; where that
    leaves one empty, there are fewer.
    """
    p = _normalised(probabilities)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y  # (N,)
    edges = np.quantile(confidence, np.arange(1, bins) / bins)
    place = np.searchsorted(edges, confidence)
    masks = (place == bin_number for bin_number in range(bins))
    return tuple(
        ReliabilityBin(int(mask.sum()), float(confidence[mask].mean()), float(right[mask].mean()))
        for mask in masks
        if mask.any()
    )


def _normalised(probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    p = probabilities.astype(np.float64)
    return p / p.sum(axis=1, keepdims=True)


def _auc(is_positive: npt.NDArray[np.bool_], score: npt.NDArray[np.float64]) -> float:
    """How often a positive row has the higher score than a negative one; ties count half."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    mid_rank = count.cumsum() - (count - 1) / 2  # (distinct scores,)
    n_positive = int(is_positive.sum())
    above = mid_rank[place][is_positive].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * (len(score) - n_positive)))
