r"""The output layer of a child as pretraining sees it: ridge-penalised multinomial logistic regression.

Minimises, over weights W (K, C) and an unpenalised bias b (C,),

    mean_i  -log softmax(phi_i W + b)[y_i]  +  1/2 sum_k lambda_k |W_k|^2

by Böhning's bound: the Hessian of the loss is at most 1/2 Phi'Phi / n, so one Cholesky factor of 1/2 Phi'Phi / n +
Lambda serves every step; Nesterov's momentum speeds the steps up. With n < K the factor is taken of the n x n dual
instead. A fixed number of steps is differentiable: pretraining back-propagates through it, after R2-D2 and
MetaOptNet. The fit solves the same problem to convergence, see :mod:`mothernet.fitting.output_layer`. Everything is
float32 or float64 outside autocast; features are standardised by the caller.

References: Böhning (1992), Multinomial logistic regression algorithm. Bertinetto et al. (2019), R2-D2.

Axis letters: B problems, n rows, K features of the output layer (the child's inputs, then its units), C classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.network.unit_types import UnitType, features_of_unit_type, layer_shares
from mothernet.settings import DEFAULT_SETTINGS, FitSettings

__all__ = [
    "PRETRAINING_STEPS",
    "FeatureScale",
    "OutputLayer",
    "cross_entropy",
    "log_frequencies",
    "solve",
    "solve_by_unit_type",
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


def solve(phi: Tensor, onehot: Tensor, penalty: Tensor, *, steps: int) -> OutputLayer:
    """Take steps towards the solution of B problems.

    Parameters
    ----------
    phi : (B, n, K) tensor
        Standardised features.
    onehot : (B, n, C) tensor
    penalty : (B, K) tensor
        Positive.
    """
    (B, n, K), C = phi.shape, onehot.shape[-1]
    shrink = penalty.rsqrt()[..., None]  # (B, K, 1) of features scaled by it the penalty is the identity
    scaled = phi * shrink.mT  # (B, n, K)
    # n < K: the dual, (I + S'S / 2n)^-1 = I - S' (I + S S' / 2n)^-1 S / 2n with the scaled features S
    gram = (scaled @ scaled.mT if n < K else scaled.mT @ scaled) / n
    factor = _cholesky(0.5 * gram + torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device))
    weight = phi.new_zeros(B, K, C)
    bias = log_frequencies(onehot.mean(1, keepdim=True))  # (B, 1, C)
    last_weight, last_bias, momentum = weight, bias, 1.0
    for step in range(steps):
        if step:
            following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
            beta, momentum = (momentum - 1) / following, following
            weight, last_weight = weight + beta * (weight - last_weight), weight
            bias, last_bias = bias + beta * (bias - last_bias), bias
        residual = (onehot - torch.softmax(scaled @ weight + bias, -1)) / n  # (B, n, C)
        gradient = scaled.mT @ residual - weight  # (B, K, C)
        if n < K:
            weight = weight + gradient - scaled.mT @ torch.cholesky_solve(scaled @ gradient, factor) / (2 * n)
        else:
            weight = weight + torch.cholesky_solve(gradient, factor)
        bias = bias + 2 * residual.sum(1, keepdim=True)
    return OutputLayer(shrink * weight, bias)


def solve_by_unit_type(
    phi: Tensor,
    onehot: Tensor,
    penalty: Tensor,
    unit_types: Sequence[UnitType],
    settings: FitSettings = DEFAULT_SETTINGS,
    *,
    steps: int,
) -> OutputLayer:
    """The weighted mean of output layers solved for each type of units: an ensemble that is one output layer.

    Takes what :func:`solve` takes; features (B, n, K) are inputs, then units of ``unit_types``.
    """
    n_inputs, n = phi.shape[-1] - len(unit_types), phi.shape[1]
    layers = []
    for unit_type, share in layer_shares(unit_types, n, settings).items():
        k = torch.from_numpy(features_of_unit_type(n_inputs, unit_types, unit_type)).to(phi.device)
        solved = solve(phi[..., k], onehot, penalty[:, k], steps=steps)
        spread = solved.weight.new_zeros(len(solved.weight), phi.shape[-1], onehot.shape[-1])
        layers.append(OutputLayer(spread.index_copy(1, k, share * solved.weight), share * solved.bias))
    return OutputLayer(*(torch.stack(parts).sum(0) for parts in zip(*layers, strict=True)))


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Mean negative log likelihood per problem: (B, N, C) and (B, N) to (B,)."""
    return F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none").view(y.shape).mean(1)
