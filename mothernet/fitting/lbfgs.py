"""The memory of L-BFGS: what the last steps say of the curvature.

References: Nocedal (1980), Updating quasi-Newton matrices with limited storage.

Axis letters: B problems that are solved side by side, each with its own scalars; arrays are (k, B, j).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["Map", "Memory", "dot"]

Array = npt.NDArray[np.float64]
Map = Callable[[Array], Array]


def dot(a: Array, b: Array) -> Array:
    """Inner products of the problems: (k, B, j) and (k, B, j) to (B,)."""
    if a.shape[1] == 1:
        return np.array([np.vdot(a, b)])  # a tenth of the time
    products: Array = np.einsum("kbj,kbj->b", a, b)
    return products


class Memory:
    """Pairs of steps and changes of the gradient.

    Parameters
    ----------
    n_pairs : int
        The latest ones, that are kept.
    """

    def __init__(self, n_pairs: int) -> None:
        self._n_pairs = n_pairs
        self._pairs: list[tuple[Array, Array, Array]] = []
        self._scale: Array | float = 1.0

    def direction(self, gradient: Array, first_guess: Map) -> Array:
        """Where to go: minus the gradient times the inverse of the Hessian, which `first_guess` says without memory."""
        direction, shares = -gradient, []
        for change, turn, per_curvature in reversed(self._pairs):
            shares.append(per_curvature * dot(change, direction))
            direction = direction - shares[-1][:, None] * turn
        direction = first_guess(direction) * np.reshape(self._scale, (-1, 1))
        for (change, turn, per_curvature), share in zip(self._pairs, reversed(shares), strict=True):
            direction = direction + (share - per_curvature * dot(turn, direction))[:, None] * change
        return direction

    def learn(self, change: Array, turn: Array, first_guess: Map) -> None:
        """Remember a step and how it changed the gradient, unless a problem's curvature seems negative."""
        curvature = dot(change, turn)
        if float(curvature.min()) > 0:
            self._pairs = [*self._pairs, (change, turn, 1 / curvature)][-self._n_pairs :]
            self._scale = curvature / dot(turn, first_guess(turn))

    def trust(self) -> None:
        """Take the first guess as it is from here on: it is new."""
        self._scale = 1.0
