"""Draws batches of learnable tasks: shape, mechanism, encoding, and the filter against what nothing can learn."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.prior import mechanisms
from mothernet.prior.columns import Column, plan_columns
from mothernet.prior.encoding import encode
from mothernet.prior.realism import cut_into_classes, flip_labels, make_realistic, random_shares, standardise
from mothernet.prior.rng import Rng

__all__ = ["MECHANISMS", "Mechanism", "PriorConfig", "TaskBatch", "TaskShape", "sample_shape", "sample_tasks"]

Mechanism = Literal["causal_model", "trees", "smooth", "scores", "clusters", "anticausal", "rules"]
MECHANISMS: tuple[Mechanism, ...] = get_args(Mechanism)  # each has a weight in PriorConfig

_MAX_ATTEMPTS = 3
_DRAWN_PER_TASK = 3  # tasks drawn for one that is kept
_MAX_UNEXPLAINED = 0.93  # share of label variance; beyond, a task is not worth a step
_UNEXPLAINED_NOISE = 0.25  # added before tasks are chosen, so that not only the easiest are
_MAX_MAJORITY = 0.97  # share of the most frequent class; beyond, a task is not worth a step
_REJECTED = 10  # of a task that is not worth a step
_FILTER_ROWS, _FILTER_UNITS = 256, 128


@dataclass(frozen=True)
class PriorConfig:
    """Bounds of the sampled shapes, weights of the mixture, realism that can be left out; stored in the checkpoint."""

    max_support: int = 900
    max_features: int = 100
    max_classes: int = 10
    query: int = 128
    max_cells: int = 16_000  # support rows x features, unless fewer than 60 rows would be left
    causal_model: float = 0.22
    trees: float = 0.08
    smooth: float = 0.08
    scores: float = 0.12
    clusters: float = 0.18
    anticausal: float = 0.28
    rules: float = 0.04
    categories: bool = True
    missing: bool = True
    quantise: bool = True
    warp: bool = True  # and outliers
    label_noise: bool = True
    learnable_only: bool = True


class TaskShape(NamedTuple):
    """What the tasks of one batch share."""

    support: int
    query: int
    features: int
    classes: int


class TaskBatch(NamedTuple):
    """B tasks; the first ``shape.support`` rows of each are its support set."""

    X: Tensor  # (B, N, F) float32, encoded: finite
    y: Tensor  # (B, N) long
    shape: TaskShape
    mechanism: Mechanism
    missing: Tensor | None = None  # (B, F) inputs that say whether a cell is missing


def sample_shape(config: PriorConfig, seed: int, index: int) -> TaskShape:
    """Draw the shape of batch ``index``."""
    rng = random.Random(f"shape/{seed}/{index}")
    wide = rng.random() < 0.1
    features = rng.uniform(40, 100) if wide else 2 * 30 ** (rng.random() ** 0.75)
    features = min(config.max_features, int(features))
    options = range(2, config.max_classes + 1)
    classes = rng.choices(options, [0.5] + [0.6 / c for c in options[1:]])[0]
    support = 30 * (config.max_support / 30) ** (rng.random() ** 0.75)
    support = min(support, max(60, config.max_cells / features))
    return TaskShape(min(config.max_support, max(int(support), 5 * classes)), config.query, features, classes)


def sample_tasks(
    config: PriorConfig, batch: int, shape: TaskShape, *, seed: int, index: int, device: str | torch.device = "cpu"
) -> TaskBatch:
    """Draw a batch of learnable tasks.

    Parameters
    ----------
    batch : int
        Tasks to return; more are drawn and learnable ones kept.
    shape : TaskShape
        Rows, features (after encoding) and classes, shared by the batch.
    seed, index : int
        Name the batch: the same pair gives the same batch on the same type of device.

    Examples
    --------
    >>> shape = TaskShape(support=40, query=10, features=5, classes=3)
    >>> tasks = sample_tasks(PriorConfig(), 2, shape, seed=0, index=0)
    >>> tuple(tasks.X.shape), tuple(tasks.y.shape)
    ((2, 50, 5), (2, 50))
    """
    rng = Rng(f"tasks/{seed}/{index}", torch.device(device))
    mechanism = rng.scalar.choices(MECHANISMS, [getattr(config, name) for name in MECHANISMS])[0]
    plan = plan_columns(rng, shape.features, categories=config.categories, missing=config.missing)
    # random features cannot see XOR, a learner can: no filter for rules
    filtered = config.learnable_only and mechanism != "rules"
    drawn: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for _ in range(_MAX_ATTEMPTS):  # a mechanism none of whose draws can be learned is drawn anew
        X, codes, y = _draw(rng, config, mechanism, (_DRAWN_PER_TASK if filtered else 2) * batch, plan, shape)
        drawn.append((X, codes, y, _difficulty(rng, X, y, shape, filtered)))
        if int((torch.cat([difficulty for *_, difficulty in drawn]) < _REJECTED).sum()) >= batch:
            break
    X, codes, y, difficulty = (torch.cat(parts) for parts in zip(*drawn, strict=True))
    keep = difficulty.argsort()[:batch]
    X, codes, y = X[keep], codes[keep], y[keep]
    y = rng.permutations(batch, shape.classes).gather(1, y)
    X, missing = encode(rng, X, codes, plan, y, shape.support, shape.features)
    return TaskBatch(X, y, shape, mechanism, missing)


def _draw(
    rng: Rng, config: PriorConfig, mechanism: Mechanism, B: int, plan: list[Column], shape: TaskShape
) -> tuple[Tensor, Tensor, Tensor]:
    """Raw features (B, n, d), codes of their categorical columns (B, n, dc) and labels (B, n)."""
    n, d, n_classes = shape.support + shape.query, len(plan), shape.classes
    realistic = partial(make_realistic, rng, plan=plan, quantise=config.quantise, warp=config.warp)
    if mechanism in ("clusters", "anticausal"):
        X, y = getattr(mechanisms, mechanism)(rng, B, n, d, n_classes)
        X, codes = realistic(X)
    elif mechanism == "causal_model":
        several = rng.chance(0.4)  # the class whose node is largest, or one node cut into classes
        X, targets = mechanisms.causal_model(rng, B, n, d, n_classes if several else 1)
        X, codes = realistic(X)
        if several:
            y = (standardise(targets) + 0.7 * random_shares(rng, B, n_classes).log()[:, None]).argmax(-1)
        else:
            y = cut_into_classes(rng, targets[..., 0], n_classes)
    else:
        X, codes = realistic(mechanisms.features(rng, B, n, d))
        if mechanism == "rules":
            y = mechanisms.rules(rng, X, n_classes)
        elif mechanism == "scores":
            y = mechanisms.scores(rng, X, n_classes)
        else:
            target = mechanisms.trees(rng, X) if mechanism == "trees" else mechanisms.smooth(rng, X)
            target = standardise(target) + rng.choice([0, 0, 0.1, 0.3]) * rng.normal(B, n)
            y = cut_into_classes(rng, target, n_classes)
    if config.label_noise and rng.chance(0.25):
        y = flip_labels(rng, y, n_classes, rng.scalar.uniform(0.01, 0.15))
    return X, codes, y


def _difficulty(rng: Rng, X: Tensor, y: Tensor, shape: TaskShape, filtered: bool) -> Tensor:
    """How little there is to learn from each task (B,): ``_REJECTED`` or more is not worth a step."""
    unexplained = _unexplained_variance(rng, X, y, shape) if filtered else X.new_zeros(len(X))
    # noisy tasks teach little and drive the penalties up: few of them
    difficulty = unexplained + _UNEXPLAINED_NOISE * rng.uniform(len(X)) + _REJECTED * (unexplained > _MAX_UNEXPLAINED)
    majority = F.one_hot(y, shape.classes).sum(1).amax(1)  # (B,) rows of the most frequent class
    return torch.where(majority > _MAX_MAJORITY * y.shape[1], 2.0 * _REJECTED, difficulty)


def _unexplained_variance(rng: Rng, X: Tensor, y: Tensor, shape: TaskShape) -> Tensor:
    """Share of label variance on query rows that a ridge on random features leaves unexplained: (B,)."""
    B, _, d = X.shape
    n_support = min(shape.support, _FILTER_ROWS)
    X, y = (torch.cat([t[:, :n_support], t[:, shape.support :]], 1) for t in (X, y))
    z = standardise(X).clamp(-5, 5)
    m = _FILTER_UNITS
    weight = rng.normal(B, d, m) * (1 + 2 * rng.uniform(B, 1, m)) / math.sqrt(d)
    weight = weight * (rng.uniform(B, d, m) < max(0.3, 3 / d))
    h = torch.cat([z, F.relu(z @ weight + rng.normal(B, 1, m))], -1)  # (B, n, d + m)
    h = 3 * standardise(h) / math.sqrt(h.shape[-1])
    onehot = F.one_hot(y, shape.classes).float()  # (B, n, C)
    base = onehot[:, :n_support].mean(1, keepdim=True)
    h_support = h[:, :n_support]
    ridge = 0.02 * n_support
    if n_support <= h.shape[-1]:
        gram = h_support @ h_support.mT + ridge * torch.eye(n_support, device=X.device)
        weights = h_support.mT @ torch.cholesky_solve(onehot[:, :n_support] - base, torch.linalg.cholesky(gram))
    else:
        gram = h_support.mT @ h_support + ridge * torch.eye(h.shape[-1], device=X.device)
        weights = torch.cholesky_solve(h_support.mT @ (onehot[:, :n_support] - base), torch.linalg.cholesky(gram))
    target = onehot[:, n_support:] - base
    error = (target - h[:, n_support:] @ weights).square().sum((1, 2))
    return torch.nan_to_num(error / target.square().sum((1, 2)).clamp(min=1e-6), 2.0, 2.0, 2.0)
