"""The mean curvature of a divergence with respect to a child's layer before its units.

Axis letters: N rows, H units, C classes, M = H + C.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["mean_curvature"]

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]


def mean_curvature(gate: Floats, probabilities: Floats, output: Floats, row_weight: Floats) -> Array:
    """The mean second derivative (M, M) of the divergence with respect to the layer before the units.

    It is that of J (diag(p) - p p') J' with the Jacobian J = [diag(gate) output; 1] (M, C) of a row's logits.

    Parameters
    ----------
    gate : (N, H) array
        One where a unit is between its bounds, else zero.
    probabilities : (N, C) array
    output : (H, C) array
        Weights of the output layer.
    row_weight : (N,) array
        Sums to one.

    Examples
    --------
    >>> mean_curvature(np.array([[1.0]]), np.array([[0.5, 0.5]]), np.array([[1.0, -1.0]]), np.ones(1)).tolist()
    [[1.0, 0.5, -0.5], [0.5, 0.25, -0.25], [-0.5, -0.25, 0.25]]
    """
    H = len(output)
    change = np.concatenate([gate * (probabilities @ output.T), probabilities], axis=1)  # (N, M), J p
    curvature: Array = -((change * row_weight[:, None]).T @ change).astype(np.float64)
    weighted = probabilities * row_weight[:, None]  # (N, C)
    curvature[H:, H:] += np.diag(weighted.sum(axis=0))
    mixed = output * (gate.T @ weighted)  # (H, C)
    curvature[:H, H:] += mixed
    curvature[H:, :H] += mixed.T
    for c in range(output.shape[1]):
        curvature[:H, :H] += np.outer(output[:, c], output[:, c]) * ((gate * weighted[:, c : c + 1]).T @ gate)
    return curvature
