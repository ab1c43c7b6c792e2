r"""The output layer of a child: ridge-penalised multinomial logistic regression, solved.

Minimises, over weights W (K, C) and an unpenalised bias b (C,),

    sum_i  share_i (-sum_c target_ic log softmax(phi_i W + b)_c)  +  1/2 sum_k lambda_k |W_k|^2

by L-BFGS, whose first guess of the inverse Hessian is that of one matrix for all classes, Phi' diag(share u) Phi +
Lambda, with the uncertainty u_i of each row's class under the present weights; it is computed again as these change. Of
two classes one logit is solved for, and the matrix is the Hessian. With fewer rows than features, the problem is
solved in the space of the rows.

:mod:`mothernet.network.output_layer` solves the same problem differentiably, for pretraining.

Axis letters: B problems that share features, n rows, K features of the output layer, C classes, J logits (C, or one).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mothernet.fitting.cholesky_inverse import damped_inverse
from mothernet.fitting.lbfgs import Memory, dot

__all__ = ["OutputLayer", "solve"]

Array = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]

_MEMORY = 6  # pairs of steps and changes of the gradient
_RENEWALS = frozenset({12, 28, 60, 124})  # steps after which the first guess of the Hessian is computed again
_SUFFICIENT = 1e-4  # of the decrease that the gradient promises (Armijo)
_SMALLEST_STEP = 1e-6
_JITTER_OF_GUESS = 1e-5  # of the diagonal: what float32 loses must not make a direction go uphill
_JITTER = 1e-10  # of the mean diagonal, where rows may repeat


class OutputLayer(NamedTuple):
    """Solved output layers of B problems."""

    weight: Array  # (B, K, C)
    bias: Array  # (B, C)
    inverse: Single | None = None  # (K + 1, K + 1) the last guess of the Hessian's inverse, for a problem near this one

    def __call__(self, phi: Array) -> Array:
        """Logits (B, N, C) of (N, K) features."""
        B, K, C = self.weight.shape
        logits = phi @ self.weight.transpose(1, 0, 2).reshape(K, B * C)
        return logits.reshape(-1, B, C).transpose(1, 0, 2) + self.bias[:, None]


def solve(
    phi: Array,
    target: Array,
    penalty: Array,
    *,
    steps: int,
    tolerance: float,
    row_weight: Array | None = None,
    start: OutputLayer | None = None,
) -> OutputLayer:
    """Solve B problems that differ in the weights of their rows.

    Parameters
    ----------
    phi : (n, K) array
        Standardised features.
    target : (n, C) array
        Probabilities of the classes, at least two.
    penalty : (K,) array
        Positive.
    steps : int
        At most.
    tolerance : float
        Nats; the solve ends when the next step promises less in every problem.
    row_weight : (B, n) array, optional
        Not negative. Default: one problem, all rows alike.
    start : OutputLayer, optional
        Where to start, and with its guess of the Hessian if it has one. Default: the class frequencies.
    """
    n, K = phi.shape
    if n < K:
        return _solve_among_rows(phi, target, penalty, steps, tolerance, row_weight, start)
    share = np.full((1, n), 1 / n) if row_weight is None else row_weight / row_weight.sum(axis=1, keepdims=True)
    is_binary = target.shape[1] == 2
    if is_binary:  # logits (-z / 2, z / 2)
        target, penalty = target[:, 1:], penalty / 2
    B, J = len(share), target.shape[1]
    x = np.zeros((K + 1, B, J))
    if start is None:
        frequency = share @ target + 1e-2
        x[K] = np.log(frequency / (1.02 - frequency)) if is_binary else np.log(frequency)
    else:
        weight, bias = start.weight.transpose(1, 0, 2), start.bias
        x[:K] = weight[..., 1:] - weight[..., :1] if is_binary else weight
        x[K] = bias[:, 1:] - bias[:, :1] if is_binary else bias
    problem = _Problem(phi, target, np.append(penalty, 0.0), share)
    x, inverse = _minimised(problem, x, steps, tolerance, None if start is None else start.inverse)
    if is_binary:
        x = np.concatenate([-x / 2, x / 2], axis=2)
    return OutputLayer(x[:K].transpose(1, 0, 2), x[K], inverse)


class _Problem:
    """Loss, gradient and a matrix near the Hessian; x (K + 1, B, J) holds the weights and, last, the biases."""

    def __init__(self, phi: Array, target: Array, penalty: Array, share: Array) -> None:
        self.phi, self.target, self.penalty, self.share = phi, target[:, None], penalty[:, None, None], share.T

    def logits(self, x: Array) -> Array:
        """(n, B, J)."""
        product = self.phi @ x[:-1].reshape(len(x) - 1, -1)
        return product.reshape(-1, *x.shape[1:]) + x[-1]

    def loss(self, x: Array, logits: Array) -> tuple[Array, Array]:
        """Losses (B,) and probabilities (n, B, J)."""
        if logits.shape[2] == 1:
            small = np.exp(-np.abs(logits))
            probability = np.where(logits >= 0, 1.0, small) / (1 + small)
            each = np.maximum(logits, 0) + np.log1p(small)
        else:
            largest = logits.max(axis=2, keepdims=True)
            odds = np.exp(logits - largest)
            total = odds.sum(axis=2, keepdims=True)
            probability = odds / total
            each = largest + np.log(total)
        each = each[..., 0] - (self.target * logits).sum(axis=2)  # (n, B)
        ridge = (self.penalty * x * x).sum(axis=(0, 2)) / 2
        return (self.share * each).sum(axis=0) + ridge, probability

    def gradient(self, x: Array, probability: Array) -> Array:
        """Of the losses, (K + 1, B, J)."""
        residual = self.share[..., None] * (probability - self.target)
        product = self.phi.T @ residual.reshape(len(residual), -1)
        gradient: Array = np.concatenate([product.reshape(-1, *x.shape[1:]), residual.sum(axis=0)[None]])
        return gradient + self.penalty * x

    def inverse_curvature(self, probability: Array) -> Single:
        """Inverse (K + 1, K + 1) of the matrix near the Hessians of all problems and classes: a guess, in float32."""
        J = probability.shape[2]
        if J == 1:
            uncertainty = (probability * (1 - probability))[..., 0]
        else:
            uncertainty = (1 - (probability * probability).sum(axis=2)) * (J / (2 * (J - 1)))
        weight = (self.share * np.maximum(uncertainty, 1e-4)).mean(axis=1)
        root = np.empty((len(self.phi), self.phi.shape[1] + 1), np.float32)
        root[:, -1] = np.sqrt(weight)
        np.multiply(self.phi, root[:, -1:], out=root[:, :-1], casting="same_kind")
        curvature = root.T @ root
        diagonal = curvature.diagonal().astype(np.float64) + self.penalty[:, 0, 0]
        scale = 1 / np.sqrt(diagonal)
        single = scale.astype(np.float32)
        curvature *= single[:, None] * single
        np.fill_diagonal(curvature, 1)
        # what float32 loses of repeated features must not end the solve
        inverse: Single = damped_inverse(curvature, _JITTER_OF_GUESS)
        inverse *= single[:, None]
        inverse *= single
        return inverse


def _minimised(problem: _Problem, x: Array, steps: int, tolerance: float, known: Single | None) -> tuple[Array, Single]:
    """The minimum by L-BFGS, all problems at once, each with its own step sizes; and the last guess of the Hessian."""

    logits = problem.logits(x)
    loss, probability = problem.loss(x, logits)
    gradient = problem.gradient(x, probability)
    inverse = problem.inverse_curvature(probability) if known is None else known
    memory = Memory(_MEMORY)

    def first_guess(vector: Array) -> Array:
        guess = inverse @ vector.reshape(len(vector), -1).astype(np.float32)
        return guess.reshape(vector.shape).astype(np.float64)

    for step in range(steps):
        if step in _RENEWALS:
            inverse = problem.inverse_curvature(probability)
            memory.trust()
        direction = memory.direction(gradient, first_guess)
        slope = dot(gradient, direction)
        if not float(slope.min()) <= -2 * tolerance:
            break
        further = problem.logits(direction)
        size = np.ones(len(loss))
        while True:
            moved, moved_logits = x + size[:, None] * direction, logits + size[:, None] * further
            moved_loss, moved_probability = problem.loss(moved, moved_logits)
            too_far = moved_loss > loss + _SUFFICIENT * size * slope
            if not too_far.any() or float(size[too_far].min()) < _SMALLEST_STEP:
                break
            size = np.where(too_far, size / 2, size)
        if (moved_loss > loss).all():
            break
        turned = problem.gradient(moved, moved_probability)
        memory.learn(moved - x, turned - gradient, first_guess)
        x, logits, loss, probability, gradient = moved, moved_logits, moved_loss, moved_probability, turned
    return x, inverse


def _solve_among_rows(
    phi: Array,
    target: Array,
    penalty: Array,
    steps: int,
    tolerance: float,
    row_weight: Array | None,
    start: OutputLayer | None,
) -> OutputLayer:
    """The same with n < K: in n features of penalty one, that have the same inner products of rows."""
    shrink = np.sqrt(penalty)[:, None]  # (K, 1)
    scaled = phi / shrink.T
    gram = scaled @ scaled.T  # (n, n)
    gram[np.diag_indices_from(gram)] += _JITTER * (gram.diagonal().mean() or 1.0)
    root: Array = np.linalg.cholesky(gram).astype(np.float64)
    if start is not None:
        products = (start(phi) - start.bias[:, None]).transpose(1, 0, 2)  # (n, B, C)
        inner: Array = np.linalg.solve(root, products.reshape(len(phi), -1)).reshape(products.shape).astype(np.float64)
        start = OutputLayer(inner.transpose(1, 0, 2), start.bias)
    solved = solve(
        root, target, np.ones(len(phi)), steps=steps, tolerance=tolerance, row_weight=row_weight, start=start
    )
    B, n, C = solved.weight.shape
    by_row = np.linalg.solve(root.T, solved.weight.transpose(1, 0, 2).reshape(n, -1))
    weight = (scaled.T @ by_row) / shrink
    return OutputLayer(weight.reshape(-1, B, C).transpose(1, 0, 2), solved.bias)
