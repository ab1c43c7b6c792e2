"""Draws batches of learnable tasks: shape, mechanism, encoding, and the filter against what nothing can learn."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.prior import mechanisms
from mothernet.prior.columns import Column, column_plan
from mothernet.prior.dice import Dice
from mothernet.prior.encoding import encode
from mothernet.prior.realism import flip_labels, make_real, random_shares, standardise, to_classes

__all__ = ["PriorConfig", "TaskBatch", "TaskShape", "sample_shape", "sample_tasks"]

_KINDS = ("causal_model", "trees", "smooth", "scores", "clusters", "anticausal", "rules")
_ATTEMPTS = 3
_SURPLUS = 3  # tasks drawn for one that is kept
_HOPELESS = 0.93  # unexplained share of label variance
_TOLERANCE = 0.25  # of the unexplained share when tasks are chosen
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
    kind: str
    missing: Tensor | None = None  # (B, F) inputs that say whether a cell is missing


def sample_shape(config: PriorConfig, seed: int, index: int) -> TaskShape:
    """Draw the shape of batch ``index``."""
    dice = random.Random(f"shape/{seed}/{index}")
    wide = dice.random() < 0.1
    features = dice.uniform(40, 100) if wide else 2 * 30 ** (dice.random() ** 0.75)
    features = min(config.max_features, int(features))
    options = range(2, config.max_classes + 1)
    classes = dice.choices(options, [0.5] + [0.6 / c for c in options[1:]])[0]
    support = 30 * (config.max_support / 30) ** (dice.random() ** 0.75)
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
    """
    dice = Dice(f"tasks/{seed}/{index}", torch.device(device))
    kind = dice.scalar.choices(_KINDS, [getattr(config, k) for k in _KINDS])[0]
    plan = column_plan(dice, shape.features, categories=config.categories, missing=config.missing)
    # random features cannot see XOR, a learner can: no filter for rules
    filtered = config.learnable_only and kind != "rules"
    drawn: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for _ in range(_ATTEMPTS):  # mechanisms whose draws are all hopeless are drawn anew
        X, codes, y = _draw(dice, config, kind, (_SURPLUS if filtered else 2) * batch, plan, shape)
        drawn.append((X, codes, y, _unwanted(dice, X, y, shape, filtered)))
        if int((torch.cat([unwanted for *_, unwanted in drawn]) < 10).sum()) >= batch:
            break
    X, codes, y, unwanted = (torch.cat(parts) for parts in zip(*drawn, strict=True))
    keep = unwanted.argsort()[:batch]
    X, codes, y = X[keep], codes[keep], y[keep]
    y = dice.permutations(batch, shape.classes).gather(1, y)
    X, missing = encode(dice, X, codes, plan, y, shape.support, shape.features)
    return TaskBatch(X, y, shape, kind, missing)


def _draw(
    dice: Dice, config: PriorConfig, kind: str, B: int, plan: list[Column], shape: TaskShape
) -> tuple[Tensor, Tensor, Tensor]:
    """Raw features (B, n, d), codes of their categorical columns (B, n, dc) and labels (B, n)."""
    n, d, n_classes = shape.support + shape.query, len(plan), shape.classes
    real = partial(make_real, dice, plan=plan, quantise=config.quantise, warp=config.warp)
    if kind in ("clusters", "anticausal"):
        X, y = getattr(mechanisms, kind)(dice, B, n, d, n_classes)
        X, codes = real(X)
    elif kind == "causal_model":
        several = dice.chance(0.4)  # the class whose node is largest, or one node cut into classes
        X, targets = mechanisms.causal_model(dice, B, n, d, n_classes if several else 1)
        X, codes = real(X)
        if several:
            y = (standardise(targets) + 0.7 * random_shares(dice, B, n_classes).log()[:, None]).argmax(-1)
        else:
            y = to_classes(dice, targets[..., 0], n_classes)
    else:
        X, codes = real(mechanisms.features(dice, B, n, d))
        if kind == "rules":
            y = mechanisms.rules(dice, X, n_classes)
        elif kind == "scores":
            y = mechanisms.scores(dice, X, n_classes)
        else:
            target = mechanisms.trees(dice, X) if kind == "trees" else mechanisms.smooth(dice, X)
            target = standardise(target) + dice.choice([0, 0, 0.1, 0.3]) * dice.normal(B, n)
            y = to_classes(dice, target, n_classes)
    if config.label_noise and dice.chance(0.25):
        y = flip_labels(dice, y, n_classes, dice.between(0.01, 0.15))
    return X, codes, y


def _unwanted(dice: Dice, X: Tensor, y: Tensor, shape: TaskShape, filtered: bool) -> Tensor:
    """How little there is to learn from each task (B,): 10 or more is not worth a step."""
    unexplained = _unexplained_variance(dice, X, y, shape) if filtered else X.new_zeros(len(X))
    # noisy tasks teach little and drive the penalties up: few of them
    unwanted = unexplained + _TOLERANCE * dice.uniform(len(X)) + 10 * (unexplained > _HOPELESS)
    most = F.one_hot(y, shape.classes).sum(1).amax(1)  # (B,) rows of the most frequent class
    return torch.where(most > 0.97 * y.shape[1], 20.0, unwanted)


def _unexplained_variance(dice: Dice, X: Tensor, y: Tensor, shape: TaskShape) -> Tensor:
    """Share of label variance on query rows that a ridge on random features leaves unexplained: (B,)."""
    B, _, d = X.shape
    n_support = min(shape.support, _FILTER_ROWS)
    X, y = (torch.cat([t[:, :n_support], t[:, shape.support :]], 1) for t in (X, y))
    z = standardise(X).clamp(-5, 5)
    m = _FILTER_UNITS
    weight = dice.normal(B, d, m) * (1 + 2 * dice.uniform(B, 1, m)) / math.sqrt(d)
    weight = weight * (dice.uniform(B, d, m) < max(0.3, 3 / d))
    h = torch.cat([z, F.relu(z @ weight + dice.normal(B, 1, m))], -1)
    h = 3 * standardise(h) / math.sqrt(h.shape[-1])
    onehot = F.one_hot(y, shape.classes).float()
    base = onehot[:, :n_support].mean(1, keepdim=True)
    hs = h[:, :n_support]
    ridge = 0.02 * n_support
    if n_support <= h.shape[-1]:
        gram = hs @ hs.mT + ridge * torch.eye(n_support, device=X.device)
        weights = hs.mT @ torch.cholesky_solve(onehot[:, :n_support] - base, torch.linalg.cholesky(gram))
    else:
        gram = hs.mT @ hs + ridge * torch.eye(h.shape[-1], device=X.device)
        weights = torch.cholesky_solve(hs.mT @ (onehot[:, :n_support] - base), torch.linalg.cholesky(gram))
    target = onehot[:, n_support:] - base
    error = (target - h[:, n_support:] @ weights).square().sum((1, 2))
    return torch.nan_to_num(error / target.square().sum((1, 2)).clamp(min=1e-6), 2.0, 2.0, 2.0)
