"""The prior: a distribution over synthetic classification tasks, drawn in batches on the device that trains.

A batch shares its shape (rows, features, classes) and the kind of its mechanism; everything else is drawn per task by
batched tensor operations. A raw table is drawn first (structural causal models, oblivious trees, smooth functions,
Gaussian clusters, linear and quadratic scores, rules), then made to look real (categories, quantised and skewed
columns, outliers, missing cells, label noise), then encoded as the preprocessing encodes real tables: indicator
columns for missing cells, one column per category, a rank-Gaussian view beside the value. Tasks that nothing can
learn are thrown away.

A batch depends on nothing but ``(seed, index, device type)``: no generator state to save, no global random state
touched. Real tables must never enter here.

Axis letters: B tasks, N = S + Q rows (support, query), F features, C classes.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["PriorConfig", "TaskBatch", "TaskShape", "sample_shape", "sample_tasks"]

_T = TypeVar("_T")
_KINDS = ("causal_model", "trees", "smooth", "scores", "clusters", "rules")
_ATTEMPTS = 3


@dataclass(frozen=True)
class PriorConfig:
    """Bounds of the sampled shapes and the weights of the mixture; stored in the checkpoint."""

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


class _Dice:
    """One generator for tensors and one for scalar choices."""

    def __init__(self, key: str, device: torch.device) -> None:
        self.scalar = random.Random(key)
        self.device = device
        self.generator = torch.Generator(device).manual_seed(self.scalar.getrandbits(63))

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, device=self.device, generator=self.generator)

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(*shape, device=self.device, generator=self.generator)

    def integers(self, high: int, *shape: int) -> Tensor:
        return torch.randint(high, shape, device=self.device, generator=self.generator)

    def permutations(self, batch: int, n: int) -> Tensor:
        """(batch, n) independent permutations."""
        return self.uniform(batch, n).argsort(1)

    def chance(self, probability: float) -> bool:
        return self.scalar.random() < probability

    def choice(self, options: Sequence[_T]) -> _T:
        return self.scalar.choice(options)

    def between(self, low: float, high: float) -> float:
        return self.scalar.uniform(low, high)


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
    dice = _Dice(f"tasks/{seed}/{index}", torch.device(device))
    shares: list[Tensor] = []
    tables: list[tuple[Tensor, Tensor]] = []
    kind = dice.scalar.choices(_KINDS, [getattr(config, k) for k in _KINDS])[0]
    for _ in range(_ATTEMPTS):  # mechanisms whose draws are all hopeless are drawn anew
        X, y, unexplained = _draw(dice, kind, 3 * batch, shape)
        tables.append((X, y))
        # noisy tasks teach little and drive the penalties up: keep few of them
        unwanted = unexplained + torch.where(dice.uniform(len(X)) < 0.3, 0.0, 0.35)
        shares.append(torch.where(unexplained > 0.97, 2.0, unwanted))
        if int((torch.cat(shares) < 0.97).sum()) >= batch:
            break
    share = torch.cat(shares)
    keep = ((share >= 0.97) * share + 0.01 * dice.uniform(len(share))).argsort()[:batch]
    return TaskBatch(torch.cat([X for X, _ in tables])[keep], torch.cat([y for _, y in tables])[keep], shape, kind)


def _draw(dice: _Dice, kind: str, draw: int, shape: TaskShape) -> tuple[Tensor, Tensor, Tensor]:
    """Encoded features, labels, and the share of label variance that is out of reach of a simple learner."""
    n, n_classes = shape.support + shape.query, shape.classes
    plan = _column_plan(dice, shape.features)
    X, y = _raw_tasks(dice, kind, draw, n, len(plan), n_classes)
    y = dice.permutations(draw, n_classes).gather(1, y)
    X = torch.nan_to_num(_encode(dice, X, plan, y, shape.support), 0.0, 1e4, -1e4)[..., : shape.features]
    X = X[..., dice.permutations(1, shape.features)[0]]
    # random features cannot see XOR, a learner can: no filter for rules
    filtered = kind != "rules"
    unexplained = _unexplained_variance(dice, X, y, shape.support, n_classes) if filtered else X.new_zeros(draw)
    most = F.one_hot(y, n_classes).sum(1).amax(1)  # (draw,) rows of the most frequent class
    return X, y, torch.where(most > 0.97 * n, 1.0, unexplained)


def _raw_tasks(dice: _Dice, kind: str, B: int, n: int, d: int, n_classes: int) -> tuple[Tensor, Tensor]:
    """Unencoded features (B, n, d) and labels (B, n)."""
    if kind == "clusters":
        return _clusters(dice, B, n, d, n_classes)
    if kind == "causal_model":
        X, target = _causal_model(dice, B, n, d)
        return _quantise_some(dice, X, 0.6), _to_classes(dice, target, n_classes)
    X = _quantise_some(dice, _features(dice, B, n, d), 0.6)
    if kind == "rules":
        y = _rules(dice, X, n_classes)
    elif kind == "scores":
        y = _scores(dice, X, n_classes)
    else:
        target = _trees(dice, X) if kind == "trees" else _smooth(dice, X)
        target = _standardise(target) + dice.choice([0, 0, 0.1, 0.3]) * dice.normal(B, n)
        y = _to_classes(dice, target, n_classes)
    if dice.chance(0.3):
        y = _flip_labels(dice, y, n_classes, dice.between(0.01, 0.15))
    return X, y


# ---------------------------------------------------------------- mechanisms


def _standardise(h: Tensor) -> Tensor:
    return (h - h.mean(1, keepdim=True)) / (h.std(1, keepdim=True) + 1e-5)


_SMOOTH_ACTIVATIONS: tuple[Callable[[Tensor], Tensor], ...] = (
    torch.tanh,
    F.leaky_relu,
    lambda h: torch.sin(2 * h),
    torch.abs,
    lambda h: torch.exp(-h * h),
    lambda h: h,
    lambda h: F.softplus(2 * h),
    lambda h: h * h.abs().clamp(max=3),
)
_STEP_ACTIVATIONS: tuple[Callable[[Tensor], Tensor], ...] = (
    torch.sign,
    F.relu,
    lambda h: h.clamp(-1, 1),
    lambda h: torch.floor(h * 2),
    lambda h: (h > 0.5).to(h.dtype),
)


def _activate(dice: _Dice, h: Tensor) -> Tensor:
    """One activation for all columns, or three shared out among them."""
    if dice.chance(0.5):
        return dice.choice(_SMOOTH_ACTIVATIONS)(h)
    owner = dice.integers(3, h.shape[-1])
    functions = [*dice.scalar.sample(_SMOOTH_ACTIVATIONS, 2), dice.choice(_STEP_ACTIVATIONS)]
    parts = [f(h) * (owner == i) for i, f in enumerate(functions)]
    return parts[0] + parts[1] + parts[2]


def _root_noise(dice: _Dice, B: int, n: int, width: int) -> Tensor:
    """Exogenous variables (B, n, width): normal, uniform, mixtures, heavy tails."""
    draw = dice.scalar.random()
    if draw < 0.5:
        z = dice.normal(B, n, width)
    elif draw < 0.7:
        z = 2 * dice.uniform(B, n, width) - 1
    elif draw < 0.85:
        centres = dice.normal(B, dice.scalar.randint(2, 6), width) * dice.between(0.5, 2.5)
        member = dice.integers(centres.shape[1], B, n)
        z = centres.gather(1, member[..., None].expand(-1, -1, width)) + dice.normal(B, n, width) * dice.between(0.3, 1)
    else:
        z = dice.normal(B, n, width)
        z = z.sign() * z.abs() ** dice.between(1.2, 2.5)
    return z * torch.exp(0.5 * dice.normal(B, 1, width))


def _causal_model(dice: _Dice, B: int, n: int, d: int) -> tuple[Tensor, Tensor]:
    """Structural causal model: features and target are nodes of one random network (TabPFN's prior)."""
    depth = dice.choice([1, 2, 2, 3, 3, 4, 5])
    width = max(dice.choice([max(8, d), 2 * d + 4, 32, 64]), (d + 2) // depth + 4)
    h = _root_noise(dice, B, n, dice.choice([2, 4, 8, d, max(2, d // 2)]))
    nodes = [h]
    sparsity = dice.choice([0.0, 0.0, 0.5, 0.8, 0.9])
    gain = dice.between(0.8, 2.5)
    noise = dice.choice([0.0, 0.0, 0.01, 0.05, 0.1])
    for _ in range(depth):
        weight = dice.normal(B, h.shape[-1], width) * gain / math.sqrt(h.shape[-1] * (1 - sparsity) + 1)
        if sparsity:
            weight = weight * (dice.uniform(*weight.shape) > sparsity)
        h = h @ weight + dice.normal(B, 1, width) * dice.choice([0, 0.5, 1.0])
        if dice.chance(0.8):
            h = _activate(dice, _standardise(h) * dice.between(0.5, 2))
        if noise:
            h = h + dice.normal(*h.shape) * noise * torch.exp(0.7 * dice.normal(B, 1, width))
        h = h.clamp(-30, 30)
        nodes.append(h)
    if dice.chance(0.35):  # causes are observed, the effect is the target
        X, target = nodes[0], h[..., dice.scalar.randrange(width)]
    else:
        everything = torch.cat(nodes[1:] if dice.chance(0.7) else nodes, -1)
        total = everything.shape[-1]
        chosen = dice.scalar.randrange(total) if dice.chance(0.5) else total - 1 - dice.scalar.randrange(width)
        target = everything[..., chosen]
        X = torch.cat([everything[..., :chosen], everything[..., chosen + 1 :]], -1)
    X = X[..., dice.permutations(1, X.shape[-1])[0, :d]]
    if X.shape[-1] < d:
        X = torch.cat([X, dice.normal(B, n, d - X.shape[-1])], -1)
    return X, target


def _features(dice: _Dice, B: int, n: int, d: int) -> Tensor:
    """Features (B, n, d) without a target: correlated through a network, a factor model, or independent."""
    draw = dice.scalar.random()
    if draw < 0.4:
        return _causal_model(dice, B, n, d)[0]
    z = _root_noise(dice, B, n, d)
    if draw < 0.7:
        rank = dice.scalar.randint(1, d)
        z = z * dice.between(0.2, 1) + (z @ dice.normal(B, d, rank)) @ dice.normal(B, rank, d) / math.sqrt(d)
    return z


def _relevant(dice: _Dice, X: Tensor) -> Tensor:
    """(B, r) distinct column indices per task: those that the target may use."""
    B, _, d = X.shape
    r = max(1, int(d * dice.between(0.15, 1)))
    return dice.permutations(B, d)[:, :r]


def _take(X: Tensor, columns: Tensor) -> Tensor:
    """Columns (B, m) of (B, n, d): (B, n, m)."""
    return X.gather(2, columns[:, None].expand(-1, X.shape[1], -1))


def _split_bits(dice: _Dice, X: Tensor, columns: Tensor) -> Tensor:
    """Axis-aligned comparisons with values of random rows: (B, n, m) of 0 and 1."""
    chosen = _take(X, columns)
    rows = dice.integers(X.shape[1], X.shape[0], 1, columns.shape[1])
    bits = chosen > chosen.gather(1, rows)
    return bits.long()


def _trees(dice: _Dice, X: Tensor) -> Tensor:
    """Sum of random oblivious trees: (B, n)."""
    B, n, _ = X.shape
    trees, depth = dice.choice([1, 2, 4, 10, 30]), dice.choice([1, 2, 3, 4, 5])
    relevant = _relevant(dice, X)
    columns = relevant.gather(1, dice.integers(relevant.shape[1], B, trees * depth))
    bits = _split_bits(dice, X, columns).view(B, n, trees, depth)
    leaf = (bits << torch.arange(depth, device=X.device)).sum(-1)  # (B, n, trees)
    value = dice.normal(B, trees * 2**depth)
    flat = leaf + torch.arange(trees, device=X.device) * 2**depth
    return value.gather(1, flat.flatten(1)).view(B, n, trees).sum(-1)


def _smooth(dice: _Dice, X: Tensor) -> Tensor:
    """A function from a Gaussian process, by random Fourier features with relevance per column: (B, n)."""
    B, _, d = X.shape
    m = dice.choice([16, 64, 128])
    length = math.exp(dice.between(-0.7, 1.2))
    relevance = torch.exp(dice.normal(B, d, 1) * dice.choice([0, 0.5, 1.0, 2.0]))
    frequency = dice.normal(B, d, m) * relevance / (length * math.sqrt(d))
    phase = 2 * math.pi * dice.uniform(B, 1, m)
    return (torch.cos(_standardise(X) @ frequency + phase) @ dice.normal(B, m, 1))[..., 0]


def _clusters(dice: _Dice, B: int, n: int, d: int, n_classes: int) -> tuple[Tensor, Tensor]:
    """Gaussian clusters, some per class, in an informative subspace."""
    per_class = dice.choice([1, 1, 2, 3, 4])
    informative = max(1, int(d * dice.between(0.2, 1)))
    centre = dice.normal(B, n_classes * per_class, informative) * dice.between(0.3, 2.5)
    balance = torch.log_softmax(dice.normal(B, n_classes * per_class) * dice.choice([0, 0, 0.5, 1]), -1)
    member = (
        balance[:, None] - torch.log(-torch.log(dice.uniform(B, n, balance.shape[1]).clamp(1e-6, 1 - 1e-6)))
    ).argmax(-1)
    noise = dice.normal(B, n, informative)
    if informative <= 16 and dice.chance(0.5):
        shape = dice.normal(B, n_classes * per_class, informative, informative) / math.sqrt(informative)
        shaped = [(noise @ shape[:, k]) * (member == k)[..., None] for k in range(n_classes * per_class)]
        noise = torch.stack(shaped).sum(0)  # (B, n, informative)
    X = centre.gather(1, member[..., None].expand(-1, -1, informative)) + noise
    if informative < d:
        mix = dice.normal(B, informative, d - informative) * (dice.uniform(B, 1, d - informative) > 0.5)
        X = torch.cat([X, X @ mix / math.sqrt(informative) + dice.normal(B, n, d - informative)], -1)
    y = member // per_class
    share = dice.choice([0, 0, 0.02, 0.1, 0.2])
    return X, _flip_labels(dice, y, n_classes, share) if share else y


def _scores(dice: _Dice, X: Tensor, n_classes: int) -> Tensor:
    """Labels drawn from, or maximising, one score function per class."""
    B, n, d = X.shape
    draw = dice.scalar.random()
    if draw < 0.25:
        score = _standardise(X) @ dice.normal(B, d, n_classes)
    elif draw < 0.45:
        z = _standardise(X)
        score = z @ dice.normal(B, d, n_classes) + (z @ dice.normal(B, d, n_classes)) * (
            z @ dice.normal(B, d, n_classes)
        )
    else:
        mechanism = _smooth if draw < 0.7 else _trees
        score = torch.stack([mechanism(dice, X) for _ in range(n_classes)], -1)
    score = _standardise(score) + dice.normal(B, 1, n_classes) * dice.choice([0, 0.3, 1.0])
    gumbel = -torch.log(-torch.log(dice.uniform(B, n, n_classes).clamp(1e-6, 1 - 1e-6)))
    return (dice.choice([2.0, 4.0, 10.0, 50.0]) * score + gumbel).argmax(-1)


def _rules(dice: _Dice, X: Tensor, n_classes: int) -> Tensor:
    """Labels by XOR, conjunctions or a lookup table over a few axis-aligned bits."""
    B, n, d = X.shape
    m = dice.scalar.randint(2, 5)
    columns = dice.permutations(B, d)[:, :m] if d >= m else dice.integers(d, B, m)
    chosen = _take(X, columns)
    rank = chosen.argsort(1).argsort(1).float() / n
    bits = (rank > 0.25 + 0.5 * dice.uniform(B, 1, m)).long() if dice.chance(0.5) else _split_bits(dice, X, columns)
    code = (bits << torch.arange(m, device=X.device)).sum(-1)  # (B, n) < 2^m
    table = dice.integers(n_classes, B, 2**m)
    draw = dice.scalar.random()
    if draw < 0.25:  # parity of a few bits picks between two classes, the rest by lookup
        parity = bits[..., : dice.scalar.randint(2, 3)].sum(-1) % 2
        y = torch.where(parity == 1, 0, 1 + (table.gather(1, code) % max(1, n_classes - 1)))
    elif draw < 0.6:  # decision list: the first of several conjunctions that holds decides
        y = table[:, :1].expand(B, n)
        for k in range(dice.scalar.randint(2, 3 * n_classes)):
            pair = dice.permutations(B, m)[:, :2]
            holds = _take(bits, pair) == dice.integers(2, B, 1, pair.shape[1])
            y = torch.where(holds.all(-1), (table[:, k % 2**m] + k)[:, None] % n_classes, y)
    else:
        y = table.gather(1, code)
    return _flip_labels(dice, y, n_classes, dice.choice([0, 0, 0.02, 0.1]))


# ---------------------------------------------------------------- making tables look real


def _flip_labels(dice: _Dice, y: Tensor, n_classes: int, share: float) -> Tensor:
    return torch.where(dice.uniform(*y.shape) < share, dice.integers(n_classes, *y.shape), y)


def _bins(dice: _Dice, values: Tensor, n_bins: int, *, even: bool = False) -> Tensor:
    """Bin (B, n) values at random (or even) quantiles: (B, n) in range(n_bins)."""
    B, n = values.shape
    if even:
        at = torch.linspace(0, 1, n_bins + 1, device=values.device)[1:-1].expand(B, -1)
    else:
        at = 0.03 + 0.94 * dice.uniform(B, n_bins - 1)
    cut = values.sort(1)[0].gather(1, (at * (n - 1)).long())  # (B, n_bins - 1)
    return (values[..., None] > cut[:, None]).sum(-1)


def _to_classes(dice: _Dice, target: Tensor, n_classes: int) -> Tensor:
    """A continuous target cut into classes: in order, or many bins shared out among the classes."""
    target = target + 1e-6 * dice.normal(*target.shape)
    if dice.chance(0.5):
        return _bins(dice, target, n_classes, even=dice.chance(0.4))
    n_bins = n_classes * dice.choice([1, 1, 2, 3])
    owner = torch.cat(
        [
            dice.permutations(target.shape[0], n_classes),
            dice.integers(n_classes, target.shape[0], n_bins - n_classes),
        ],
        1,
    )
    return owner.gather(1, _bins(dice, target, n_bins))


def _quantise_some(dice: _Dice, X: Tensor, probability: float) -> Tensor:
    """Warp, quantise and add outliers to some columns of the raw table."""
    X = _standardise(X)
    B, n, d = X.shape
    if not dice.chance(probability):
        return X
    share = dice.choice([0, 0, 0.1, 0.3, 1.0])
    for j in range(d):
        if dice.chance(share):
            code = _bins(dice, X[..., j], dice.choice([2, 3, 4, 5, 8, 12, 30, 100]), even=dice.chance(0.3))
            X[..., j] = code.float()
    warp = dice.scalar.random()
    affected = dice.uniform(d) < 0.6
    if warp < 0.3:
        X = torch.where(affected, torch.exp(X.clamp(-4, 4) * dice.between(0.3, 1.3)), X)
    elif warp < 0.4:
        X = torch.where(affected, X.sign() * X.abs() ** dice.between(0.4, 2), X)
    elif warp < 0.5:  # zero-inflated: a floor that many rows share
        X = torch.where(affected, X.clamp(min=dice.between(-0.5, 1)), X)
    if dice.chance(0.1):
        X = torch.where(dice.uniform(B, n, d) < 0.01, X * dice.between(3, 20), X)
    return X


# ---------------------------------------------------------------- encoding, as preprocessing encodes real tables


class _Column(NamedTuple):
    categories: int  # 0 for a numeric column
    missing: float  # share of missing cells
    informative_missing: bool
    rank_view: bool

    @property
    def width(self) -> int:
        if self.categories:
            return 1 if self.categories == 2 else self.categories
        return 1 + (self.missing > 0) + self.rank_view


def _column_plan(dice: _Dice, features: int) -> list[_Column]:
    """Columns whose encoding fills ``features`` inputs (the last may be cut off)."""
    categorical = dice.choice([0, 0, 0, 0, 0.2, 0.5, 1.0])
    missing = dice.choice([0, 0, 0, 0.3])
    rank_view = dice.choice([0, 0, 0.4, 1.0])
    plan: list[_Column] = []
    filled = 0
    while filled < features:
        column = _Column(
            dice.choice([2, 2, 3, 3, 4, 5, 8]) if dice.chance(categorical) else 0,
            dice.between(0.01, 0.5) if dice.chance(missing) else 0.0,
            dice.chance(0.3),
            dice.chance(rank_view),
        )
        plan.append(column)
        filled += column.width
    return plan


def _encode(dice: _Dice, X: Tensor, plan: list[_Column], y: Tensor, n_support: int) -> Tensor:
    """Encode the raw table (B, n, len(plan)): (B, n, at least F)."""
    B, n, _ = X.shape
    views: list[Tensor] = []
    for j, column in enumerate(plan):
        x = X[..., j]  # (B, n)
        if column.categories:
            code = _bins(dice, x, column.categories)
            if column.categories == 2:
                views.append(code.float()[..., None])
            else:
                views.append(F.one_hot(code, column.categories).float())
            continue
        if column.missing:
            score = dice.uniform(B, n)
            if column.informative_missing:  # large values, or rows of one class, are missing more often
                score = score + 0.7 * torch.sigmoid(2 * x) if dice.chance(0.5) else score + 0.4 * (y == 0)
            absent = score > score.quantile(1 - column.missing, dim=1, keepdim=True)
            present = (~absent).float()
            centre = (x * present).sum(1, keepdim=True) / present.sum(1, keepdim=True).clamp(min=1)
            x = torch.where(absent, centre, x)
            views.append(absent.float()[..., None])
        views.append(x[..., None])
        if column.rank_view:
            views.append(_rank_gaussian(x, n_support)[..., None])
    return torch.cat(views, -1)


def _rank_gaussian(x: Tensor, n_support: int) -> Tensor:
    """Normal scores of mid-ranks among the support rows: (B, n) to (B, n)."""
    ordered = x[:, :n_support].sort(1)[0].contiguous()
    below = torch.searchsorted(ordered, x.contiguous()) + torch.searchsorted(ordered, x.contiguous(), right=True)
    share = (below / (2 * n_support)).clamp(0.5 / n_support, 1 - 0.5 / n_support)
    return math.sqrt(2) * torch.erfinv(2 * share - 1)


def _unexplained_variance(dice: _Dice, X: Tensor, y: Tensor, n_support: int, n_classes: int) -> Tensor:
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
