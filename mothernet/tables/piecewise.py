"""The rules by which numbers become inputs, each defined once for NumPy and torch alike.

The encoding of real tables (NumPy, float64), the hypernetwork and the prior (torch, float32) apply the same rules to
other arrays. Nothing here may import torch: the caller passes the array namespace, ``numpy`` or ``torch``, as ``xp``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["CLIP_START", "MIN_RAMP_WIDTH", "mid_ranks_below", "ramp_levels", "soft_clip"]

CLIP_START = 2.0  # standard deviations; beyond, an input grows with its logarithm
MIN_RAMP_WIDTH = 1e-4  # standard deviations


def soft_clip(z: Any, xp: Any) -> Any:
    """Softly clip standardised values: the identity up to two standard deviations, then logarithmic growth.

    Parameters
    ----------
    z : ndarray or tensor of any shape
        Standardised values.
    xp : module
        ``numpy`` or ``torch``, whichever made ``z``.

    Returns
    -------
    ndarray or tensor of the same shape

    Examples
    --------
    >>> soft_clip(np.array([-1.0, 2.0, 3.0]), np).round(3).tolist()
    [-1.0, 2.0, 2.693]
    """
    size = xp.abs(z)
    return xp.sign(z) * xp.where(size < CLIP_START, size, CLIP_START + xp.log1p(xp.clip(size - CLIP_START, 0, None)))


def mid_ranks_below(weight: Any) -> Any:
    """Share of the weight that lies below each of S ascending values, half of its own included: (..., S) to (..., S).

    The quantile at level q is the first value whose share is at least q.
    """
    return (weight.cumsum(-1) - weight / 2) / weight.sum(axis=-1, keepdims=True)


def ramp_levels(n_ramps: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Levels (n_ramps - 1,) of the quantiles between which ramps rise, the two outermost left out.

    They lie below the even ones by more than rounding errors, so that a share that reaches one exactly always does.
    """
    return np.arange(1, n_ramps) / max(n_ramps, 1) - 1e-9
