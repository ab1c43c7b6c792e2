"""Where tables come from: features, and the labels or continuous targets that depend on them.

What makes a table look real does not belong here: see :mod:`mothernet.prior.realism`. A mechanism becomes part of the
mixture in :mod:`mothernet.prior.tasks`. Axis letters: B tasks, n rows, d columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.prior.realism import random_shares, standardise
from mothernet.prior.rng import Rng

__all__ = ["anticausal", "causal_model", "clusters", "features", "rules", "scores", "smooth", "trees"]

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


def _activate(rng: Rng, h: Tensor) -> Tensor:
    """Apply one activation to all columns of (B, n, width), or three shared out among them."""
    if rng.chance(0.5):
        return rng.choice(_SMOOTH_ACTIVATIONS)(h)
    owner = rng.integers(3, h.shape[-1])
    functions = [*rng.scalar.sample(_SMOOTH_ACTIVATIONS, 2), rng.choice(_STEP_ACTIVATIONS)]
    parts = [f(h) * (owner == i) for i, f in enumerate(functions)]
    return parts[0] + parts[1] + parts[2]


def _root_noise(rng: Rng, B: int, n: int, width: int) -> Tensor:
    """Exogenous variables (B, n, width): normal, uniform, mixtures, heavy tails."""
    draw = rng.scalar.random()
    if draw < 0.5:
        z = rng.normal(B, n, width)
    elif draw < 0.7:
        z = 2 * rng.uniform(B, n, width) - 1
    elif draw < 0.85:
        centres = rng.normal(B, rng.scalar.randint(2, 6), width) * rng.scalar.uniform(0.5, 2.5)
        component = rng.integers(centres.shape[1], B, n)
        z = _of_component(centres, component) + rng.normal(B, n, width) * rng.scalar.uniform(0.3, 1)
    else:
        z = rng.normal(B, n, width)
        z = z.sign() * z.abs() ** rng.scalar.uniform(1.2, 2.5)
    return z * torch.exp(0.5 * rng.normal(B, 1, width))


def _random_network(rng: Rng, h: Tensor, width: int, depth: int) -> list[Tensor]:
    """A random network's inputs (B, n, inputs), then its layers (B, n, width)."""
    nodes = [h]
    sparsity = rng.choice([0.0, 0.0, 0.5, 0.8, 0.9])
    gain = rng.scalar.uniform(0.8, 2.5)
    noise = rng.choice([0.0, 0.0, 0.01, 0.05, 0.1])
    for _ in range(depth):
        weight = rng.normal(len(h), h.shape[-1], width) * gain / math.sqrt(h.shape[-1] * (1 - sparsity) + 1)
        if sparsity:
            weight = weight * (rng.uniform(*weight.shape) > sparsity)
        h = h @ weight + rng.normal(len(h), 1, width) * rng.choice([0, 0.5, 1.0])
        if rng.chance(0.8):
            h = _activate(rng, standardise(h) * rng.scalar.uniform(0.5, 2))
        if noise:
            h = h + rng.normal(*h.shape) * noise * torch.exp(0.7 * rng.normal(len(h), 1, width))
        h = h.clamp(-30, 30)
        nodes.append(h)
    return nodes


def causal_model(rng: Rng, B: int, n: int, d: int, n_targets: int = 1) -> tuple[Tensor, Tensor]:
    """Structural causal model: features (B, n, d) and targets (B, n, n_targets) are nodes of one random network.

    After the prior of TabPFN (Hollmann et al., 2023).
    """
    depth = rng.choice([1, 2, 2, 3, 3, 4, 5])
    width = max(rng.choice([4, max(8, d), 2 * d + 4, 32]), (d + n_targets + 1) // depth + 4, n_targets)
    nodes = _random_network(rng, _root_noise(rng, B, n, rng.choice([2, 4, 8, d, max(2, d // 2)])), width, depth)
    if rng.chance(0.35):  # causes are observed, effects are the targets
        X, effects = nodes[0], nodes[-1]
    else:
        everything = torch.cat(nodes[1:] if rng.chance(0.7) else nodes, -1)
        key = rng.uniform(everything.shape[-1])
        if rng.chance(0.5):  # targets among the last effects
            key[-width:] += 1
        order = key.argsort()
        X, effects = everything[..., order[:-n_targets]], everything[..., order[-n_targets:]]
    effects = effects[..., rng.permutations(1, effects.shape[-1])[0, :n_targets]]
    constant = X.amax(1) - X.amin(1) < 1e-3  # (B, nodes)
    X = _take_columns(X, (rng.uniform(*constant.shape) + constant).argsort(1)[:, :d])
    if X.shape[-1] < d:
        X = torch.cat([X, rng.normal(B, n, d - X.shape[-1])], -1)
    return X, effects


def features(rng: Rng, B: int, n: int, d: int) -> Tensor:
    """Features (B, n, d) without a target: correlated through a network, a factor model, or independent."""
    draw = rng.scalar.random()
    if draw < 0.4:
        return causal_model(rng, B, n, d)[0]
    z = _root_noise(rng, B, n, d)
    if draw < 0.85:
        rank = rng.scalar.randint(1, max(1, d // 3))
        common = rng.normal(B, n, rank) @ rng.normal(B, rank, d) / math.sqrt(rank)
        z = standardise(z) * torch.exp(rng.scalar.uniform(-2, 0) + 0.7 * rng.normal(B, 1, d)) + common
    return z


def _relevant(rng: Rng, X: Tensor) -> Tensor:
    """(B, r) distinct column indices per task: those that the target may use."""
    B, _, d = X.shape
    r = max(1, int(d * rng.scalar.uniform(0.15, 1)))
    return rng.permutations(B, d)[:, :r]


def _take_columns(X: Tensor, columns: Tensor) -> Tensor:
    """Columns (B, m) of (B, n, d): (B, n, m)."""
    return X.gather(2, columns[:, None].expand(-1, X.shape[1], -1))


def _split_bits(rng: Rng, X: Tensor, columns: Tensor) -> Tensor:
    """Axis-aligned comparisons with values of random rows: (B, n, m) of 0 and 1."""
    chosen = _take_columns(X, columns)
    rows = rng.integers(X.shape[1], X.shape[0], 1, columns.shape[1])
    bits = chosen > chosen.gather(1, rows)
    return bits.long()


def trees(rng: Rng, X: Tensor) -> Tensor:
    """Sum of random oblivious trees over features (B, n, d): (B, n)."""
    B, n, _ = X.shape
    n_trees, depth = rng.choice([1, 2, 4, 10, 30]), rng.choice([1, 2, 3, 4, 5])
    relevant = _relevant(rng, X)
    columns = relevant.gather(1, rng.integers(relevant.shape[1], B, n_trees * depth))
    bits = _split_bits(rng, X, columns).view(B, n, n_trees, depth)
    leaf = (bits << torch.arange(depth, device=X.device)).sum(-1)  # (B, n, n_trees)
    value = rng.normal(B, n_trees * 2**depth)
    flat = leaf + torch.arange(n_trees, device=X.device) * 2**depth
    return value.gather(1, flat.flatten(1)).view(B, n, n_trees).sum(-1)


def smooth(rng: Rng, X: Tensor) -> Tensor:
    """A function drawn from a Gaussian process, of features (B, n, d): (B, n).

    By random Fourier features with a relevance per column: of all columns, or of high frequency in one to three.
    """
    if rng.chance(0.3):
        X = _take_columns(X, rng.permutations(X.shape[0], X.shape[2])[:, : rng.scalar.randint(1, 3)])
        length = math.exp(rng.scalar.uniform(-2.0, -0.3))
    else:
        length = math.exp(rng.scalar.uniform(-0.3, 1.5))
    B, _, d = X.shape
    m = rng.choice([16, 64])
    relevance = torch.exp(rng.normal(B, d, 1) * rng.choice([0, 0.5, 1.0, 2.0]))
    frequency = rng.normal(B, d, m) * relevance / (length * math.sqrt(d))
    phase = 2 * math.pi * rng.uniform(B, 1, m)
    return (torch.cos(standardise(X) @ frequency + phase) @ rng.normal(B, m, 1))[..., 0]


def _draw_components(rng: Rng, B: int, n: int, n_components: int) -> Tensor:
    """Mixture component of each row (B, n); frequencies as those of classes."""
    log_shares = random_shares(rng, B, n_components).log()
    return (log_shares[:, None] + rng.gumbel(B, n, n_components)).argmax(-1)


def _of_component(values: Tensor, component: Tensor) -> Tensor:
    """The values (B, components, K) of each row's component (B, n): (B, n, K)."""
    return values.gather(1, component[..., None].expand(-1, -1, values.shape[-1]))


def anticausal(rng: Rng, B: int, n: int, d: int, n_classes: int) -> tuple[Tensor, Tensor]:
    """Features (B, n, d) that are effects of the class, and labels (B, n).

    The class has prototypes, which vary and are seen through a random network and with error.
    """
    per_class, size = rng.choice([1, 1, 1, 2, 3]), rng.choice([2, 4, 8, max(2, d)])
    component = _draw_components(rng, B, n, n_classes * per_class)
    centre = rng.normal(B, n_classes * per_class, size)
    spread = rng.scalar.uniform(0.1, 1.0) * torch.exp(0.5 * rng.normal(B, n_classes * per_class, size))
    z = _of_component(centre, component) + _of_component(spread, component) * rng.normal(B, n, size)
    depth = rng.choice([1, 1, 2, 3])
    nodes = _random_network(rng, z, max(d, 8), depth)
    X = nodes[-1] if rng.chance(0.5) else torch.cat(nodes, -1)
    X = standardise(_take_columns(X, rng.permutations(B, X.shape[-1])[:, :d]))
    error = rng.choice([0.0, 0.1, 0.3, 0.6]) * torch.exp(0.7 * rng.normal(B, 1, d))
    return X + error * rng.normal(B, n, d), component // per_class


def clusters(rng: Rng, B: int, n: int, d: int, n_classes: int) -> tuple[Tensor, Tensor]:
    """Gaussian clusters, some per class, in an informative subspace: features (B, n, d) and labels (B, n)."""
    per_class = rng.choice([1, 1, 2, 3, 4])
    informative = max(1, int(d * rng.scalar.uniform(0.2, 1)))
    centre = rng.normal(B, n_classes * per_class, informative) * rng.scalar.uniform(0.3, 2.5)
    component = _draw_components(rng, B, n, n_classes * per_class)
    noise = rng.normal(B, n, informative)
    if informative <= 16 and rng.chance(0.5):
        shape = rng.normal(B, n_classes * per_class, informative, informative) / math.sqrt(informative)
        shaped = [(noise @ shape[:, k]) * (component == k)[..., None] for k in range(n_classes * per_class)]
        noise = torch.stack(shaped).sum(0)  # (B, n, informative)
    X = _of_component(centre, component) + noise
    if informative < d:
        mix = rng.normal(B, informative, d - informative) * (rng.uniform(B, 1, d - informative) > 0.5)
        noise = rng.normal(B, n, d - informative) * rng.choice([0.1, 0.3, 1.0])
        X = torch.cat([X, X @ mix / math.sqrt(informative) + noise], -1)
    return X, component // per_class


def scores(rng: Rng, X: Tensor, n_classes: int) -> Tensor:
    """Labels (B, n) drawn from, or maximising, one score function of the features (B, n, d) per class."""
    B, n, d = X.shape
    draw = rng.scalar.random()
    if draw < 0.6:
        relevance = torch.exp(rng.normal(B, d, 1) * rng.choice([0, 1.0, 2.0]))
        score = standardise(X) @ (relevance * rng.normal(B, d, n_classes))
    elif draw < 0.7:
        z = standardise(X)
        score = z @ rng.normal(B, d, n_classes) + (z @ rng.normal(B, d, n_classes)) * (z @ rng.normal(B, d, n_classes))
    else:
        mechanism = smooth if draw < 0.8 else trees
        score = torch.stack([mechanism(rng, X) for _ in range(n_classes)], -1)
    score = standardise(score) + random_shares(rng, B, n_classes).log()[:, None]
    noise = rng.gumbel(B, n, n_classes)
    return (rng.choice([3.0, 6.0, 12.0, 50.0]) * score + noise).argmax(-1)


def rules(rng: Rng, X: Tensor, n_classes: int) -> Tensor:
    """Labels (B, n) by XOR, conjunctions or a lookup table over a few axis-aligned bits of features (B, n, d)."""
    B, n, d = X.shape
    m = rng.scalar.randint(2, 5 if d <= 8 else 3)  # a needle in a haystack cannot be learned
    columns = rng.permutations(B, d)[:, :m] if d >= m else rng.integers(d, B, m)
    chosen = _take_columns(X, columns)
    rank = chosen.argsort(1).argsort(1).float() / n
    bits = (rank > 0.25 + 0.5 * rng.uniform(B, 1, m)).long() if rng.chance(0.5) else _split_bits(rng, X, columns)
    code = (bits << torch.arange(m, device=X.device)).sum(-1)  # (B, n) < 2^m
    table = rng.integers(n_classes, B, 2**m)
    draw = rng.scalar.random()
    if draw < 0.25:  # parity of a few bits picks between two classes, the rest by lookup
        parity = bits[..., : 2 if d > 4 else rng.scalar.randint(2, 3)].sum(-1) % 2
        y = torch.where(parity == 1, 0, 1 + (table.gather(1, code) % max(1, n_classes - 1)))
    elif draw < 0.6:  # decision list: the last of several conjunctions that holds decides
        y = table[:, :1].expand(B, n)
        for k in range(rng.scalar.randint(2, 3 * n_classes)):
            pair = rng.permutations(B, m)[:, :2]
            holds = _take_columns(bits, pair) == rng.integers(2, B, 1, pair.shape[1])
            y = torch.where(holds.all(-1), (table[:, k % 2**m] + k)[:, None] % n_classes, y)
    else:
        y = table.gather(1, code)
    return y
