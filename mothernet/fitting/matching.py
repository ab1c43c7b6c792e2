"""All weights of a small child moved a little, so that it says what its teacher says.

The output layer of a small child is solved for units that were chosen among a larger child's; units and direct weights
that may move as well halve what is still missing in a few steps of L-BFGS. Its first guess of the Hessian is a
Kronecker product for each layer (Martens and Grosse, arXiv 1503.05671): of the second moments of what goes into the
layer and the mean curvature of what comes out of it. Targets are probabilities without noise, on rows of which more can
always be made, so nothing can be overfitted that the teacher has not; labels are not looked at.

Axis letters: N rows, P inputs, H units, C classes, M = H + C.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mothernet.fitting.child import ChildWeights
from mothernet.fitting.cholesky_inverse import damped_inverse
from mothernet.fitting.curvature import mean_curvature
from mothernet.fitting.lbfgs import Map, Memory
from mothernet.fitting.probabilities import softmax

__all__ = ["matched"]

Array = npt.NDArray[np.float64]

_MEMORY = 20  # pairs
_SUFFICIENT = 1e-4  # of the decrease that the gradient promises (Armijo)
_SMALLEST_STEP = 1e-4
_NEGLIGIBLE = 1e-9  # of the cross-entropy: a step that gains less is the last
_INPUT_DAMPING = 0.01  # added to second moments, of inputs of variance one and units between 0 and 1
_CURVATURE_DAMPING = 0.1  # of the mean diagonal ...
_LEAST_DAMPING = 1e-5  # ... or this, where a child is sure of all rows
_MAX_DEPENDENT = 1_000  # inputs; more are taken as independent of each other


def matched(
    inputs: Array, probabilities: Array, row_weight: Array, weights: ChildWeights, *, steps: int, scale_floor: float
) -> ChildWeights:
    """Weights nearer to the probabilities, in the sense of the Kullback-Leibler divergence.

    Parameters
    ----------
    inputs : (N, P) array
    probabilities : (N, C) array
        Of the teacher.
    row_weight : (N,) array
        Sums to one.
    weights : ChildWeights
        Where to begin.
    steps : int
        Of L-BFGS. On these rows the result is not worse than the start, but for float32 rounding.
    scale_floor : float
        Added to the standard deviation of every input, by which steps are scaled.

    Examples
    --------
    >>> x, p = np.array([[0.0], [1.0]]), np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> start = ChildWeights(np.zeros((1, 3)), np.array([0.5, 0, 0]), np.zeros((1, 2)))
    >>> logits = matched(x, p, np.full(2, 0.5), start, steps=50, scale_floor=0.03).logits(x)
    >>> np.round(1 / (1 + np.exp(logits[:, 1] - logits[:, 0])), 2).tolist()
    [0.9, 0.2]
    """
    (P, M), (H, C) = weights.first_weight.shape, weights.output_weight.shape
    mean = row_weight @ inputs
    scale = np.sqrt(row_weight @ (inputs - mean) ** 2) + scale_floor
    # float32 is precise enough for a direction, and twice as fast
    x = np.concatenate([(inputs - mean) / scale, np.ones((len(inputs), 1))], axis=1).astype(np.float32)  # (N, P + 1)
    target, share = probabilities.T.astype(np.float32), row_weight.astype(np.float32)  # (C, N), (N,)

    def layers(flat: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:  # (P + 1, M) and (H, C)
        return flat[: (P + 1) * M].reshape(P + 1, M), flat[(P + 1) * M :].reshape(H, C)

    def loss_and_gradient(flat: Array) -> tuple[float, Array]:
        first, output = layers(flat.astype(np.float32))
        pre = x @ first  # (N, M)
        units = np.clip(pre[:, :H], 0, 1)
        logits = np.ascontiguousarray((units @ output + pre[:, H:]).T)  # (C, N): sums over few classes are slow in rows
        logits -= logits.max(axis=0)
        odds = np.exp(logits)
        total = odds.sum(axis=0)
        loss = float((share * target * (np.log(total) - logits)).sum(dtype=np.float64))
        at_logits = (share * (odds / total - target)).T  # (N, C), derivatives here and below
        at_units = (at_logits @ output.T) * (units == pre[:, :H])  # (N, H)
        at_first = x.T @ np.concatenate([at_units, at_logits], axis=1)  # (P + 1, M)
        return loss, np.concatenate([at_first.ravel(), (units.T @ at_logits).ravel()]).astype(np.float64)

    last = weights.first_bias + mean @ weights.first_weight
    start = np.concatenate([(weights.first_weight * scale[:, None]).ravel(), last, weights.output_weight.ravel()])
    first, output = layers(start.astype(np.float32))
    pre = x @ first
    units = np.clip(pre[:, :H], 0, 1)
    said = softmax(units @ output + pre[:, H:])
    curvature = mean_curvature((units == pre[:, :H]).astype(np.float32), said, output, share)  # (M, M)
    left = [_inverse_moments(each, share) for each in (x, units)]
    right = [
        damped_inverse(block, max(_CURVATURE_DAMPING * block.diagonal().mean(), _LEAST_DAMPING))
        for block in (curvature, curvature[H:, H:])
    ]

    def first_guess(vector: Array) -> Array:
        guesses = []
        for moments, part, curved in zip(left, layers(vector.ravel()), right, strict=True):
            guess = part @ curved
            guesses.append((moments @ guess if moments.ndim == 2 else moments[:, None] * guess).ravel())
        return np.concatenate(guesses).reshape(vector.shape)

    first, output = layers(_minimised(loss_and_gradient, start, first_guess, steps))
    weight = first[:P] / scale[:, None]
    return ChildWeights(weight, first[P] - mean @ weight, output)


def _inverse_moments(x: npt.NDArray[np.float32], share: npt.NDArray[np.float32]) -> Array:
    """The inverse of the damped second moments of (N, k) features: (k, k), or its diagonal (k,) of very many."""
    if x.shape[1] > _MAX_DEPENDENT:
        return 1 / (share @ x**2 + _INPUT_DAMPING).astype(np.float64)
    return damped_inverse((x.T * share) @ x, _INPUT_DAMPING).astype(np.float64)


def _minimised(
    loss_and_gradient: Callable[[Array], tuple[float, Array]], x: Array, first_guess: Map, steps: int
) -> Array:
    memory = Memory(_MEMORY)
    loss, gradient = loss_and_gradient(x)
    for _ in range(steps):
        direction = memory.direction(gradient[:, None, None], first_guess)[:, 0, 0]
        slope = float(gradient @ direction)
        size = 1.0
        while True:
            moved = x + size * direction
            moved_loss, turned = loss_and_gradient(moved)
            if moved_loss <= loss + _SUFFICIENT * size * slope or size < _SMALLEST_STEP:
                break
            size /= 2
        if moved_loss >= loss - _NEGLIGIBLE * abs(loss):
            break
        memory.learn((moved - x)[:, None, None], (turned - gradient)[:, None, None], first_guess)
        x, loss, gradient = moved, moved_loss, turned
    return x
