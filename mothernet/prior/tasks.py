"""Draws batches of learnable tasks: shape, mechanism, encoding, and the filter against what nothing can learn."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.prior import mechanisms
from mothernet.prior.dice import Dice
from mothernet.prior.encoding import column_plan, encode
from mothernet.prior.realism import flip_labels, make_real, standardise, to_classes

__all__ = ["PriorConfig", "TaskBatch", "TaskShape", "sample_shape", "sample_tasks"]

_KINDS = ("causal_model", "trees", "smooth", "scores", "clusters", "rules")
_ATTEMPTS = 3


@dataclass(frozen=True)
class PriorConfig:
    """Bounds of the sampled shapes, weights of the mixture, realism that can be left out; stored in the checkpoint."""

    max_support: int = 900
    max_features: int = 40
    max_classes: int = 10
    query: int = 128
    causal_model: float = 0.38
    trees: float = 0.20
    smooth: float = 0.10
    scores: float = 0.12
    clusters: float = 0.10
    rules: float = 0.10
    categories: bool = True
    missing: bool = True
    quantise: bool = True
    warp: bool = True  # and outliers
    rank_view: bool = True
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


def sample_shape(config: PriorConfig, seed: int, index: int) -> TaskShape:
    """Draw the shape of batch ``index``."""
    dice = random.Random(f"shape/{seed}/{index}")
    support = int(math.exp(dice.uniform(math.log(30), math.log(config.max_support))))
    if dice.random() < 0.8:
        features = min(config.max_features, 2 + int(dice.expovariate(1 / 8)))
    else:
        features = dice.randint(min(8, config.max_features), config.max_features)
    options = range(2, config.max_classes + 1)
    classes = dice.choices(options, [0.45] + [0.55 / (c**0.7) for c in options[1:]])[0]
    return TaskShape(max(support, 5 * classes), config.query, features, classes)


def sample_tasks(
    config: PriorConfig, batch: int, shape: TaskShape, *, seed: int, index: int, device: str | torch.device = "cpu"
) -> TaskBatch:
    """Draw a batch of learnable tasks.

    Parameters
    ----------
    batch : int
        Tasks to return; three times as many are drawn and learnable ones kept.
    shape : TaskShape
        Rows, features (after encoding) and classes, shared by the batch.
    seed, index : int
        Name the batch: the same pair gives the same batch on the same type of device.
    """
    dice = Dice(f"tasks/{seed}/{index}", torch.device(device))
    shares: list[Tensor] = []
    tables: list[tuple[Tensor, Tensor]] = []
    kind = dice.scalar.choices(_KINDS, [getattr(config, k) for k in _KINDS])[0]
    for _ in range(_ATTEMPTS):  # mechanisms whose draws are all hopeless are drawn anew
        X, y, unexplained = _draw(dice, config, kind, 3 * batch, shape)
        tables.append((X, y))
        # noisy tasks teach little and drive the penalties up: keep few of them
        unwanted = unexplained + torch.where(dice.uniform(len(X)) < 0.3, 0.0, 0.35)
        shares.append(torch.where(unexplained > 0.97, 2.0, unwanted))
        if int((torch.cat(shares) < 0.97).sum()) >= batch:
            break
    share = torch.cat(shares)
    keep = ((share >= 0.97) * share + 0.01 * dice.uniform(len(share))).argsort()[:batch]
    return TaskBatch(torch.cat([X for X, _ in tables])[keep], torch.cat([y for _, y in tables])[keep], shape, kind)


def _draw(dice: Dice, config: PriorConfig, kind: str, draw: int, shape: TaskShape) -> tuple[Tensor, Tensor, Tensor]:
    """Encoded features, labels, and the share of label variance that is out of reach of a simple learner."""
    n, n_classes = shape.support + shape.query, shape.classes
    plan = column_plan(dice, shape.features, config.categories, config.missing, config.rank_view)
    X, y = _raw_tasks(dice, config, kind, draw, n, len(plan), n_classes)
    y = dice.permutations(draw, n_classes).gather(1, y)
    X = torch.nan_to_num(encode(dice, X, plan, y, shape.support), 0.0, 1e4, -1e4)[..., : shape.features]
    X = X[..., dice.permutations(1, shape.features)[0]]
    # random features cannot see XOR, a learner can: no filter for rules
    filtered = config.learnable_only and kind != "rules"
    unexplained = _unexplained_variance(dice, X, y, shape.support, n_classes) if filtered else X.new_zeros(draw)
    most = F.one_hot(y, n_classes).sum(1).amax(1)  # (draw,) rows of the most frequent class
    return X, y, torch.where(most > 0.97 * n, 1.0, unexplained)


def _raw_tasks(
    dice: Dice, config: PriorConfig, kind: str, B: int, n: int, d: int, n_classes: int
) -> tuple[Tensor, Tensor]:
    """Unencoded features (B, n, d) and labels (B, n)."""
    if kind == "clusters":
        return mechanisms.clusters(dice, B, n, d, n_classes, config.label_noise)
    if kind == "causal_model":
        X, target = mechanisms.causal_model(dice, B, n, d)
        return make_real(dice, X, config.quantise, config.warp), to_classes(dice, target, n_classes)
    X = make_real(dice, mechanisms.features(dice, B, n, d), config.quantise, config.warp)
    if kind == "rules":
        y = mechanisms.rules(dice, X, n_classes, config.label_noise)
    elif kind == "scores":
        y = mechanisms.scores(dice, X, n_classes)
    else:
        target = mechanisms.trees(dice, X) if kind == "trees" else mechanisms.smooth(dice, X)
        target = standardise(target) + dice.choice([0, 0, 0.1, 0.3]) * dice.normal(B, n)
        y = to_classes(dice, target, n_classes)
    if dice.chance(0.3 * config.label_noise):
        y = flip_labels(dice, y, n_classes, dice.between(0.01, 0.15))
    return X, y


def _unexplained_variance(dice: Dice, X: Tensor, y: Tensor, n_support: int, n_classes: int) -> Tensor:
    """Share of label variance on query rows that a ridge on random features leaves unexplained: (B,)."""
    B, _, d = X.shape
    support = X[:, :n_support]
    z = ((X - support.mean(1, keepdim=True)) / (support.std(1, keepdim=True) + 1e-6)).clamp(-5, 5)
    m = 192
    weight = dice.normal(B, d, m) * (1 + 2 * dice.uniform(B, 1, m)) / math.sqrt(d)
    weight = weight * (dice.uniform(B, d, m) < max(0.3, 3 / d))
    h = torch.cat([z, F.relu(z @ weight + dice.normal(B, 1, m))], -1)
    h = (h - h[:, :n_support].mean(1, keepdim=True)) / (h[:, :n_support].std(1, keepdim=True) + 1e-3)
    h = 3 * h / math.sqrt(h.shape[-1])
    onehot = F.one_hot(y, n_classes).float()
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
