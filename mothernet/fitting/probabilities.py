"""Softmax of logits, by NumPy alone: SciPy's takes longer to import than a small table to fit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["log_softmax", "softmax"]

Array = npt.NDArray[np.float64]


def log_softmax(logits: npt.NDArray[np.floating]) -> Array:
    """Logarithms of the probabilities along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    logarithms: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logarithms


def softmax(logits: npt.NDArray[np.floating]) -> Array:
    """Probabilities along the last axis."""
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Array = odds / odds.sum(axis=-1, keepdims=True)
    return probabilities
