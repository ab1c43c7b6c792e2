"""Inverses of symmetric positive definite matrices by NumPy alone, several times faster than ``numpy.linalg.inv``.

The Cholesky factor and its inverse are found together, by products of matrices all the way down; SciPy, which has a
routine for it, takes longer to import than a small table to fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["damped_inverse"]

_SMALL = 48  # rows of a factor that is inverted at once


def damped_inverse(matrix: npt.NDArray[Any], damping: float) -> npt.NDArray[Any]:
    """The inverse, in its precision, of a positive semidefinite (n, n) matrix with `damping` added to its diagonal.

    Where rounding errors have left the matrix indefinite, ten times as much is added, and again.

    Examples
    --------
    >>> damped_inverse(np.array([[1.0, 1.0], [1.0, 0.0]]) + np.eye(2), 1e-12).round(9).tolist()
    [[1.0, -1.0], [-1.0, 2.0]]
    """
    while True:
        damped = matrix.copy()
        np.fill_diagonal(damped, matrix.diagonal() + damping)
        try:
            half = _inverse_of_factor(damped)
        except np.linalg.LinAlgError:
            damping *= 10
            continue
        inverse: npt.NDArray[Any] = half.T @ half
        return inverse


def _inverse_of_factor(matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The inverse (n, n) of the lower Cholesky factor of a matrix, in halves."""
    n = len(matrix)
    if n <= _SMALL:
        inverse: npt.NDArray[Any] = np.tril(np.linalg.inv(np.linalg.cholesky(matrix)))
        return inverse
    middle = n // 2
    result = np.zeros_like(matrix)
    first = result[:middle, :middle] = _inverse_of_factor(matrix[:middle, :middle])
    across = matrix[middle:, :middle] @ first.T
    second = result[middle:, middle:] = _inverse_of_factor(matrix[middle:, middle:] - across @ across.T)
    result[middle:, :middle] = -second @ (across @ first)
    return result
