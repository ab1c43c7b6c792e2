"""All weights of a solved child trained further, where rows are many.

The hypernetwork reads a few hundred rows, so beyond some thousand its hidden layer is what keeps the child from
learning more. Adam (Kingma and Ba, arXiv 1412.6980) starts from the solved child, in cycles of falling steps, each
twice as long as the one before (warm restarts: Loshchilov and Hutter, arXiv 1608.03983). What counts is the moving
average of the weights, judged on rows that neither the solve nor the training has seen; a cycle ends early where it has
not helped them for long, one that hardly helps is the last, and the answer is what is best for them. The direct
outputs come first: their inputs are many and some are rarely other than zero, so their steps are larger, the more so
the less an input varies; the hidden layer's grow from cycle to cycle while those of the direct outputs fall.

Axis letters: N rows, n rows of a batch, D inputs, H units, C classes, M = H + C.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mothernet.fitting.child import ChildWeights
from mothernet.fitting.hidden_layer import stratified_rows
from mothernet.settings import FitSettings

__all__ = ["deciding_rows", "refined"]

Array = npt.NDArray[np.float32]

_CHUNK_ROWS = 4096  # judged at a time


def deciding_rows(
    y: npt.NDArray[np.int64], rng: np.random.Generator, settings: FitSettings
) -> npt.NDArray[np.bool_] | None:
    """Rows (N,) to hold out of the solve, by which its refinement is judged; None where rows are too few to refine."""
    if len(y) < settings.min_refined_rows:
        return None
    decides = np.zeros(len(y), bool)
    n = max(settings.min_deciding_rows, min(int(settings.deciding_share * len(y)), settings.max_deciding_rows))
    decides[stratified_rows(y, n, rng)] = True
    alone = np.bincount(y[~decides], minlength=int(y.max()) + 1) == 0  # a class must have rows to learn from
    return decides & ~alone[y]


def refined(
    inputs: Array,
    y: npt.NDArray[np.int64],
    weights: ChildWeights,
    decides: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    settings: FitSettings,
    row_weight: npt.NDArray[np.float64] | None = None,
) -> ChildWeights | None:
    """Train all weights of a child, and keep what is best on rows held out.

    Parameters
    ----------
    inputs : (N, D) array
        Encoded rows, of at least as many inputs as the child has weights for: it has none of the last ones yet.
    y : (N,) array
        Labels.
    weights : ChildWeights
        The child to start from, solved without the rows that decide.
    decides : (N,) array
        Rows that are not trained on but judged by.
    rng : numpy.random.Generator
        Draws batches.
    row_weight : (N,) array, optional
        Positive weights of the rows in the loss. Default: all equal.

    Returns
    -------
    ChildWeights or None
        Of all D inputs; None where nothing is gained on the rows that decide.
    """
    (own,) = rng.spawn(1)  # how long it trains must not change what is drawn after it
    rows = _Rows(inputs, y, np.ones(len(y), np.float32) if row_weight is None else row_weight.astype(np.float32))
    fitted, judged = np.flatnonzero(~decides), rows.take(np.flatnonzero(decides))
    shape = _Shape(inputs.shape[1], *weights.output_weight.shape)
    best = shape.flat(weights)
    losses = start_losses = _losses(shape.views(best), judged)
    left = settings.max_refining_products / (len(fitted) * shape.D * (shape.H + shape.C))
    share = min(1.0, left / sum(settings.refining_passes[:2]))
    batch_rows = settings.batch_rows * (2 if len(fitted) > settings.double_batch_rows else 1)
    for cycle, wanted in enumerate(settings.refining_passes):
        passes = min(share * wanted, left)
        if passes < share * wanted / 2:
            break
        left -= passes
        n_steps = max(1, round(passes * len(fitted) / batch_rows))
        rate = _rates(shape, inputs, cycle, settings)
        before = losses.mean()
        patience = max(settings.patient_passes, settings.patient_share * passes)
        best_at = 0
        averages = _trained(best, shape, rate, rows, fitted, n_steps, batch_rows, own, settings)
        for n_judged, average in enumerate(averages, 1):  # about once a pass
            these = _losses(shape.views(average), judged)
            if these.mean() < losses.mean():
                best, losses, best_at = average.copy(), these, n_judged
            elif n_judged - best_at > patience:
                break
        gained = before - losses.mean()
        if gained < max(settings.min_refinement, settings.min_refinement_share * (start_losses - losses).mean()):
            break
    gain = start_losses - losses
    is_chance = gain.mean() <= settings.min_refinement_errors * gain.std() / np.sqrt(len(gain))
    return None if is_chance else shape.child(best)


class _Rows(NamedTuple):
    """Rows with their labels and weights."""

    inputs: Array  # (N, D)
    y: npt.NDArray[np.int64]  # (N,)
    weight: Array  # (N,)

    def take(self, index: npt.NDArray[np.int64] | slice) -> _Rows:
        return _Rows(self.inputs[index], self.y[index], self.weight[index])


class _Views(NamedTuple):
    """The arrays of a child in one vector."""

    first: Array  # (D, M)
    bias: Array  # (M,)
    output: Array  # (H, C)


class _Shape(NamedTuple):
    """How the arrays of a child lie in one vector, so that a step is taken for all of them at once."""

    D: int
    H: int
    C: int

    def flat(self, weights: ChildWeights) -> Array:
        D, M = weights.first_weight.shape
        first = np.concatenate([weights.first_weight, np.zeros((self.D - D, M))])
        parts = (first, weights.first_bias, weights.output_weight)
        return np.concatenate([part.ravel() for part in parts]).astype(np.float32)

    def views(self, flat: Array) -> _Views:
        M = self.H + self.C
        first, bias, output = np.split(flat, [self.D * M, self.D * M + M])
        return _Views(first.reshape(self.D, M), bias, output.reshape(self.H, self.C))

    def child(self, flat: Array) -> ChildWeights:
        return ChildWeights(*(part.astype(np.float64) for part in self.views(flat)))


def _rates(shape: _Shape, inputs: Array, cycle: int, settings: FitSettings) -> Array:
    """The largest step of every weight in a cycle."""
    rate = np.full(shape.D * (shape.H + shape.C) + shape.H + shape.C + shape.H * shape.C, np.float32(1))
    views, direct = shape.views(rate), settings.direct_rate * settings.direct_rate_growth**cycle
    rate *= np.float32(settings.hidden_rate * settings.hidden_rate_growth**cycle)
    spread = inputs[: settings.max_deciding_rows].std(axis=0) + settings.spread_floor
    views.first[:, shape.H :] = direct / spread[:, None]
    views.bias[shape.H :] = direct
    return rate


def _trained(
    start: Array,
    shape: _Shape,
    rate: Array,
    rows: _Rows,
    fitted: npt.NDArray[np.int64],
    n_steps: int,
    batch_rows: int,
    rng: np.random.Generator,
    settings: FitSettings,
) -> Iterator[Array]:
    """The moving average of the weights, again and again while a cycle goes on."""
    weights, average = start.copy(), start.copy()
    first = shape.views(weights).first
    gradient, mean, square, change = (np.zeros_like(weights) for _ in range(4))
    fall, square_fall = (np.float32(each) for each in (settings.adam_mean, settings.adam_square))
    order = np.empty(0, np.int64)
    judge_every = max(1, len(fitted) // batch_rows)
    for step in range(1, n_steps + 1):
        if len(order) < batch_rows:
            order = rng.permutation(fitted)
        batch, order = rows.take(order[:batch_rows]), order[batch_rows:]
        _differentiate(shape.views(weights), batch, shape.views(gradient))
        mean += (1 - fall) * (gradient - mean)
        np.square(gradient, out=gradient)
        square += (1 - square_fall) * (gradient - square)
        np.sqrt(square, out=change)
        change += np.float32(1e-8)
        np.divide(mean, change, out=change)
        change *= rate
        size = (1 + np.cos(np.pi * step / n_steps)) / 2 * min(1, step / settings.warming_steps)
        change *= np.float32(size * np.sqrt(1 - square_fall**step) / (1 - fall**step))
        first[:, : shape.H] *= np.float32(1 - size * rate[0] * settings.weight_decay)
        weights -= change
        average += np.float32(1 - min(settings.averaging, (1 + step) / (10 + step))) * (weights - average)
        if step % judge_every == 0 or step == n_steps:
            yield average


def _forward(weights: _Views, inputs: Array) -> tuple[Array, Array, Array]:
    """The layer before the units (n, M), the units (n, H) and the logits (n, C)."""
    H = len(weights.output)
    pre = inputs @ weights.first
    pre += weights.bias
    units = np.clip(pre[:, :H], 0, 1)
    logits = units @ weights.output
    logits += pre[:, H:]
    return pre, units, logits


def _differentiate(weights: _Views, batch: _Rows, gradient: _Views) -> None:
    """Write the gradient of the batch's mean loss."""
    H = len(weights.output)
    pre, units, logits = _forward(weights, batch.inputs)
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits *= (batch.weight / (logits.sum(axis=1) * len(batch.y)))[:, None]
    logits[np.arange(len(batch.y)), batch.y] -= batch.weight / len(batch.y)
    np.matmul(units.T, logits, out=gradient.output)
    through = logits @ weights.output.T  # (n, H)
    through *= units == pre[:, :H]  # a clipped unit does not move
    pre[:, :H] = through
    pre[:, H:] = logits
    np.matmul(batch.inputs.T, pre, out=gradient.first)
    np.sum(pre, axis=0, out=gradient.bias)


def _losses(weights: _Views, rows: _Rows) -> npt.NDArray[np.float64]:
    """Weighted log loss of every row (nats)."""
    losses = np.empty(len(rows.y))
    for start in range(0, len(rows.y), _CHUNK_ROWS):
        chunk = rows.take(slice(start, start + _CHUNK_ROWS))
        logits = _forward(weights, chunk.inputs)[2].astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        missed = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(logits)), chunk.y]
        losses[start : start + _CHUNK_ROWS] = chunk.weight * missed
    return losses
