r"""The output layer of a child: ridge-penalised multinomial logistic regression, solved.

Minimises, over weights W (K, C) and an unpenalised bias b (C,),

    mean_i  -log softmax(phi_i W + b)[y_i]  +  1/2 sum_k lambda_k |W_k|^2

by Böhning's bound: the Hessian of the loss is at most 1/2 Phi'Phi / n, so one Cholesky factor of 1/2 Phi'Phi / n +
Lambda serves every step; Nesterov's momentum speeds the steps up. With n < K the factor is taken of the n x n dual
instead. A fixed number of steps is differentiable (pretraining back-propagates through it, after R2-D2 and
MetaOptNet); run to convergence it is the fit. Everything is float32 or float64 outside autocast; features are
standardised by the caller.

References: Böhning (1992), Multinomial logistic regression algorithm. Bertinetto et al. (2019), R2-D2.

Axis letters: B problems, n rows, K features of the output layer (the child's inputs, then its units), C classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.network.units import UnitType
from mothernet.settings import DEFAULT_SETTINGS, FitSettings

__all__ = [
    "PRETRAINING_STEPS",
    "FeatureScale",
    "OutputLayer",
    "cross_entropy",
    "features_of_unit_type",
    "log_frequencies",
    "solve",
    "solve_by_unit_type",
    "weighted_gram",
]

PRETRAINING_STEPS = 12  # of the solve that pretraining back-propagates through


class FeatureScale(NamedTuple):
    """Location and scale of the output layer's features on the support rows."""

    mean: Tensor  # (B, 1, K)
    scale: Tensor  # (B, 1, K)

    @classmethod
    def fit(cls, phi: Tensor, settings: FitSettings = DEFAULT_SETTINGS) -> FeatureScale:
        """Measure (B, S, K) features."""
        return cls(phi.mean(1, keepdim=True), phi.std(1, keepdim=True, unbiased=False) + settings.scale_floor)

    def __call__(self, phi: Tensor) -> Tensor:
        """Standardise (B, N, K) features; nothing is clipped."""
        return (phi - self.mean) / self.scale


class OutputLayer(NamedTuple):
    """Solved output layers of B problems."""

    weight: Tensor  # (B, K, C)
    bias: Tensor  # (B, 1, C)

    def __call__(self, phi: Tensor) -> Tensor:
        """Logits (B, N, C) of (B, N, K) features."""
        return phi @ self.weight + self.bias


def log_frequencies(frequency: Tensor) -> Tensor:
    """Logarithm of class frequencies (any shape), smoothed so that an absent class is improbable, not impossible."""
    return torch.log(frequency + 1e-2)


def _cholesky(matrix: Tensor) -> Tensor:
    """Cholesky factors of (B, M, M); the diagonal is raised where the factorisation fails."""
    factor, info = torch.linalg.cholesky_ex(matrix)
    jitter = 1e-6
    while bool(info.any()) and jitter < 1:
        scale = matrix.diagonal(dim1=-2, dim2=-1).mean(-1)[:, None, None]
        raised = matrix + jitter * scale * torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
        factor, info = torch.linalg.cholesky_ex(torch.where((info > 0)[:, None, None], raised, matrix))
        jitter *= 10
    return factor


def solve(
    phi: Tensor,
    onehot: Tensor,
    penalty: Tensor,
    *,
    row_weight: Tensor | None = None,
    gram: Tensor | None = None,
    start: OutputLayer | None = None,
    steps: int = PRETRAINING_STEPS,
    tolerance: float | None = None,
) -> OutputLayer:
    """Solve B penalised logistic regressions.

    Parameters
    ----------
    phi : (B, n, K) tensor
        Features. A leading axis of size 1, here and below, is shared by all B problems.
    onehot : (B, n, C) tensor
        Targets; rows sum to one.
    penalty : (B, K) tensor
        The lambda of every feature, positive.
    row_weight : (B, n) tensor, optional
        Weights of the rows, zero for rows that are held out; normalised to sum to one. Default: all equal.
    gram : (B, K, K) tensor, optional
        What :func:`weighted_gram` gives for these rows, where it is at hand already.
    start : OutputLayer, optional
        Where to begin. Default: zero weights and the log class frequencies.
    steps : int
        Steps taken, at most.
    tolerance : float, optional
        Stop when a step promises less than this decrease of the objective (nats); and restart the momentum when it
        points uphill. Leave it out where gradients are taken through the solve.
    """
    (n, K), C = phi.shape[1:], onehot.shape[-1]
    B = max(len(phi), len(penalty), 1 if row_weight is None else len(row_weight))
    share = phi.new_full((1, n), 1 / n) if row_weight is None else row_weight / row_weight.sum(1, keepdim=True)
    share = share[..., None]  # (B, n, 1)
    shrink = penalty.rsqrt()[..., None]  # (B, K, 1) of features scaled by it the penalty is the identity

    def times(weight: Tensor) -> Tensor:  # scaled features times (B, K, C)
        return _matmul(phi, shrink * weight)

    def transposed_times(rows: Tensor) -> Tensor:  # transposed scaled features times (B, n, C)
        return shrink * _matmul(phi.mT, rows)

    if n < K:  # the dual: (I + R'R / 2)^-1 = I - R' (I + R R' / 2)^-1 R / 2, with R = sqrt(share) * scaled features
        root = share.sqrt()
        gram = root * ((phi * shrink.mT.square()) @ phi.mT) * root.mT  # (B, n, n)
    else:
        gram = shrink * (weighted_gram(phi, row_weight) if gram is None else gram) * shrink.mT  # (B, K, K)
    factor = _cholesky(0.5 * gram + torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device))
    if start is None:
        weight = phi.new_zeros(B, K, C)
        bias = log_frequencies((share * onehot).sum(1, keepdim=True)).expand(B, -1, -1)  # (B, 1, C)
    else:
        weight, bias = start.weight / shrink, start.bias
    last_weight, last_bias, momentum = weight, bias, 1.0
    for step in range(steps):
        if step:
            following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
            beta, momentum = (momentum - 1) / following, following
            weight, last_weight = weight + beta * (weight - last_weight), weight
            bias, last_bias = bias + beta * (bias - last_bias), bias
        residual = share * (onehot - torch.softmax(times(weight) + bias, -1))  # (B, n, C)
        bias_step = 2 * residual.sum(1, keepdim=True)  # (B, 1, C)
        gradient = transposed_times(residual) - weight  # (B, K, C)
        if n < K:
            weight_step = gradient - 0.5 * transposed_times(root * torch.cholesky_solve(root * times(gradient), factor))
        else:
            weight_step = torch.cholesky_solve(gradient, factor)
        if tolerance is not None:
            promise = (gradient * weight_step).sum((1, 2)) + bias_step.square().sum((1, 2)) / 2  # (B,)
            if float(promise.max()) < 2 * tolerance:
                break
            if float((weight_step * (weight - last_weight)).sum() + (bias_step * (bias - last_bias)).sum()) < 0:
                momentum = 1.0  # adaptive restart (O'Donoghue and Candès, 2015)
        weight = weight + weight_step
        bias = bias + bias_step
    return OutputLayer(shrink * weight, bias)


def features_of_unit_type(n_inputs: int, unit_types: Sequence[UnitType], unit_type: UnitType) -> Tensor:
    """Indices of the features that the output layer of one type of units sees: all inputs, then its units."""
    units = [n_inputs + k for k, other in enumerate(unit_types) if other == unit_type]
    return torch.tensor([*range(n_inputs), *units])


def solve_by_unit_type(
    phi: Tensor,
    onehot: Tensor,
    penalty: Tensor,
    unit_types: Sequence[UnitType],
    settings: FitSettings = DEFAULT_SETTINGS,
    **options: Any,
) -> OutputLayer:
    """The weighted mean of output layers solved for each type of units: an ensemble that is one output layer.

    Takes what :func:`solve` takes and its options; features (B, n, K) are inputs, then units of ``unit_types``.
    Learned units have seen the labels: the fewer the rows, the less their layer is to be trusted, and the less it
    weighs.
    """
    n_inputs, n = phi.shape[-1] - len(unit_types), phi.shape[1]
    learned = settings.max_learned_share * n / (n + settings.trusted_rows)
    weights = {
        unit_type: learned if unit_type == "learned" else (1 - learned) / 2 for unit_type in sorted(set(unit_types))
    }
    total = sum(weights.values())
    layers = []
    for unit_type, weight in weights.items():
        k = features_of_unit_type(n_inputs, unit_types, unit_type).to(phi.device)
        solved = solve(phi[..., k], onehot, penalty[:, k], **options)
        share = weight / total
        spread = solved.weight.new_zeros(len(solved.weight), phi.shape[-1], onehot.shape[-1])
        layers.append(OutputLayer(spread.index_copy(1, k, share * solved.weight), share * solved.bias))
    return OutputLayer(*(torch.stack(parts).sum(0) for parts in zip(*layers, strict=True)))


def weighted_gram(phi: Tensor, row_weight: Tensor | None = None) -> Tensor:
    """Phi' diag(share) Phi, with shares of the rows that sum to one: (B, n, K) and (B, n) to (B, K, K)."""
    if row_weight is None:
        return phi.mT @ phi / phi.shape[1]
    share = row_weight / row_weight.sum(1, keepdim=True)
    return torch.stack(
        [(rows * w[:, None]).T @ rows for rows, w in zip(phi.expand(len(share), -1, -1), share, strict=True)]
    )


def _matmul(shared: Tensor, right: Tensor) -> Tensor:
    """Batched product; where the left side has one member only, one large product instead of many small ones."""
    if shared.shape[0] != 1 or right.shape[0] == 1:
        return shared @ right
    B, K, C = right.shape
    return (shared[0] @ right.transpose(0, 1).reshape(K, B * C)).view(-1, B, C).transpose(0, 1)


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Mean negative log likelihood per problem: (B, N, C) and (B, N) to (B,)."""
    return F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none").view(y.shape).mean(1)
