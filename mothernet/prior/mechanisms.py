"""Where tables come from: features (B, n, d), and the labels or continuous targets that depend on them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mothernet.prior.dice import Dice
from mothernet.prior.realism import random_shares, standardise

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


def _activate(dice: Dice, h: Tensor) -> Tensor:
    """One activation for all columns, or three shared out among them."""
    if dice.chance(0.5):
        return dice.choice(_SMOOTH_ACTIVATIONS)(h)
    owner = dice.integers(3, h.shape[-1])
    functions = [*dice.scalar.sample(_SMOOTH_ACTIVATIONS, 2), dice.choice(_STEP_ACTIVATIONS)]
    parts = [f(h) * (owner == i) for i, f in enumerate(functions)]
    return parts[0] + parts[1] + parts[2]


def _root_noise(dice: Dice, B: int, n: int, width: int) -> Tensor:
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


def _network(dice: Dice, h: Tensor, width: int, depth: int) -> list[Tensor]:
    """A random network's inputs (B, n, inputs), then its layers (B, n, width)."""
    nodes = [h]
    sparsity = dice.choice([0.0, 0.0, 0.5, 0.8, 0.9])
    gain = dice.between(0.8, 2.5)
    noise = dice.choice([0.0, 0.0, 0.01, 0.05, 0.1])
    for _ in range(depth):
        weight = dice.normal(len(h), h.shape[-1], width) * gain / math.sqrt(h.shape[-1] * (1 - sparsity) + 1)
        if sparsity:
            weight = weight * (dice.uniform(*weight.shape) > sparsity)
        h = h @ weight + dice.normal(len(h), 1, width) * dice.choice([0, 0.5, 1.0])
        if dice.chance(0.8):
            h = _activate(dice, standardise(h) * dice.between(0.5, 2))
        if noise:
            h = h + dice.normal(*h.shape) * noise * torch.exp(0.7 * dice.normal(len(h), 1, width))
        h = h.clamp(-30, 30)
        nodes.append(h)
    return nodes


def causal_model(dice: Dice, B: int, n: int, d: int, targets: int = 1) -> tuple[Tensor, Tensor]:
    """Structural causal model: features (B, n, d) and targets (B, n, targets) are nodes of one random network.

    After TabPFN's prior.
    """
    depth = dice.choice([1, 2, 2, 3, 3, 4, 5])
    width = max(dice.choice([4, max(8, d), 2 * d + 4, 32]), (d + targets + 1) // depth + 4, targets)
    nodes = _network(dice, _root_noise(dice, B, n, dice.choice([2, 4, 8, d, max(2, d // 2)])), width, depth)
    h = nodes[-1]
    if dice.chance(0.35):  # causes are observed, effects are the targets
        X, effects = nodes[0], h
    else:
        everything = torch.cat(nodes[1:] if dice.chance(0.7) else nodes, -1)
        total = everything.shape[-1]
        key = dice.uniform(total)
        if dice.chance(0.5):  # targets among the last effects
            key[-width:] += 1
        order = key.argsort()
        X, effects = everything[..., order[:-targets]], everything[..., order[-targets:]]
    effects = effects[..., dice.permutations(1, effects.shape[-1])[0, :targets]]
    constant = X.amax(1) - X.amin(1) < 1e-3  # (B, nodes)
    X = _take(X, (dice.uniform(*constant.shape) + constant).argsort(1)[:, :d])
    if X.shape[-1] < d:
        X = torch.cat([X, dice.normal(B, n, d - X.shape[-1])], -1)
    return X, effects


def features(dice: Dice, B: int, n: int, d: int) -> Tensor:
    """Features (B, n, d) without a target: correlated through a network, a factor model, or independent."""
    draw = dice.scalar.random()
    if draw < 0.4:
        return causal_model(dice, B, n, d)[0]
    z = _root_noise(dice, B, n, d)
    if draw < 0.85:
        rank = dice.scalar.randint(1, max(1, d // 3))
        common = dice.normal(B, n, rank) @ dice.normal(B, rank, d) / math.sqrt(rank)
        z = standardise(z) * torch.exp(dice.between(-2, 0) + 0.7 * dice.normal(B, 1, d)) + common
    return z


def _relevant(dice: Dice, X: Tensor) -> Tensor:
    """(B, r) distinct column indices per task: those that the target may use."""
    B, _, d = X.shape
    r = max(1, int(d * dice.between(0.15, 1)))
    return dice.permutations(B, d)[:, :r]


def _take(X: Tensor, columns: Tensor) -> Tensor:
    """Columns (B, m) of (B, n, d): (B, n, m)."""
    return X.gather(2, columns[:, None].expand(-1, X.shape[1], -1))


def _split_bits(dice: Dice, X: Tensor, columns: Tensor) -> Tensor:
    """Axis-aligned comparisons with values of random rows: (B, n, m) of 0 and 1."""
    chosen = _take(X, columns)
    rows = dice.integers(X.shape[1], X.shape[0], 1, columns.shape[1])
    bits = chosen > chosen.gather(1, rows)
    return bits.long()


def trees(dice: Dice, X: Tensor) -> Tensor:
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


def smooth(dice: Dice, X: Tensor) -> Tensor:
    """A function from a Gaussian process, by random Fourier features with relevance per column: (B, n).

    Of all columns, or of high frequency in one to three.
    """
    if dice.chance(0.3):
        X = _take(X, dice.permutations(X.shape[0], X.shape[2])[:, : dice.scalar.randint(1, 3)])
        length = math.exp(dice.between(-2.0, -0.3))
    else:
        length = math.exp(dice.between(-0.3, 1.5))
    B, _, d = X.shape
    m = dice.choice([16, 64])
    relevance = torch.exp(dice.normal(B, d, 1) * dice.choice([0, 0.5, 1.0, 2.0]))
    frequency = dice.normal(B, d, m) * relevance / (length * math.sqrt(d))
    phase = 2 * math.pi * dice.uniform(B, 1, m)
    return (torch.cos(standardise(X) @ frequency + phase) @ dice.normal(B, m, 1))[..., 0]


def _members(dice: Dice, B: int, n: int, n_kinds: int) -> Tensor:
    """Which kind each row is of (B, n); frequencies as those of classes."""
    balance = random_shares(dice, B, n_kinds).log()
    gumbel = -torch.log(-torch.log(dice.uniform(B, n, n_kinds).clamp(1e-6, 1 - 1e-6)))
    return (balance[:, None] + gumbel).argmax(-1)


def _of_members(values: Tensor, member: Tensor) -> Tensor:
    """(B, kinds, K) values of the kinds of (B, n) rows: (B, n, K)."""
    return values.gather(1, member[..., None].expand(-1, -1, values.shape[-1]))


def anticausal(dice: Dice, B: int, n: int, d: int, n_classes: int) -> tuple[Tensor, Tensor]:
    """Features are effects of the class: its prototypes, varied, seen through a random network and with error."""
    per_class, size = dice.choice([1, 1, 1, 2, 3]), dice.choice([2, 4, 8, max(2, d)])
    member = _members(dice, B, n, n_classes * per_class)
    centre = dice.normal(B, n_classes * per_class, size)
    spread = dice.between(0.1, 1.0) * torch.exp(0.5 * dice.normal(B, n_classes * per_class, size))
    z = _of_members(centre, member) + _of_members(spread, member) * dice.normal(B, n, size)
    depth = dice.choice([1, 1, 2, 3])
    nodes = _network(dice, z, max(d, 8), depth)
    X = nodes[-1] if dice.chance(0.5) else torch.cat(nodes, -1)
    X = standardise(_take(X, dice.permutations(B, X.shape[-1])[:, :d]))
    error = dice.choice([0.0, 0.1, 0.3, 0.6]) * torch.exp(0.7 * dice.normal(B, 1, d))
    return X + error * dice.normal(B, n, d), member // per_class


def clusters(dice: Dice, B: int, n: int, d: int, n_classes: int) -> tuple[Tensor, Tensor]:
    """Gaussian clusters, some per class, in an informative subspace."""
    per_class = dice.choice([1, 1, 2, 3, 4])
    informative = max(1, int(d * dice.between(0.2, 1)))
    centre = dice.normal(B, n_classes * per_class, informative) * dice.between(0.3, 2.5)
    member = _members(dice, B, n, n_classes * per_class)
    noise = dice.normal(B, n, informative)
    if informative <= 16 and dice.chance(0.5):
        shape = dice.normal(B, n_classes * per_class, informative, informative) / math.sqrt(informative)
        shaped = [(noise @ shape[:, k]) * (member == k)[..., None] for k in range(n_classes * per_class)]
        noise = torch.stack(shaped).sum(0)  # (B, n, informative)
    X = _of_members(centre, member) + noise
    if informative < d:
        mix = dice.normal(B, informative, d - informative) * (dice.uniform(B, 1, d - informative) > 0.5)
        noise = dice.normal(B, n, d - informative) * dice.choice([0.1, 0.3, 1.0])
        X = torch.cat([X, X @ mix / math.sqrt(informative) + noise], -1)
    return X, member // per_class


def scores(dice: Dice, X: Tensor, n_classes: int) -> Tensor:
    """Labels drawn from, or maximising, one score function per class."""
    B, n, d = X.shape
    draw = dice.scalar.random()
    if draw < 0.6:
        relevance = torch.exp(dice.normal(B, d, 1) * dice.choice([0, 1.0, 2.0]))
        score = standardise(X) @ (relevance * dice.normal(B, d, n_classes))
    elif draw < 0.7:
        z = standardise(X)
        score = z @ dice.normal(B, d, n_classes) + (z @ dice.normal(B, d, n_classes)) * (
            z @ dice.normal(B, d, n_classes)
        )
    else:
        mechanism = smooth if draw < 0.8 else trees
        score = torch.stack([mechanism(dice, X) for _ in range(n_classes)], -1)
    score = standardise(score) + random_shares(dice, B, n_classes).log()[:, None]
    gumbel = -torch.log(-torch.log(dice.uniform(B, n, n_classes).clamp(1e-6, 1 - 1e-6)))
    return (dice.choice([3.0, 6.0, 12.0, 50.0]) * score + gumbel).argmax(-1)


def rules(dice: Dice, X: Tensor, n_classes: int) -> Tensor:
    """Labels by XOR, conjunctions or a lookup table over a few axis-aligned bits."""
    B, n, d = X.shape
    m = dice.scalar.randint(2, 5 if d <= 8 else 3)  # a needle in a haystack cannot be learned
    columns = dice.permutations(B, d)[:, :m] if d >= m else dice.integers(d, B, m)
    chosen = _take(X, columns)
    rank = chosen.argsort(1).argsort(1).float() / n
    bits = (rank > 0.25 + 0.5 * dice.uniform(B, 1, m)).long() if dice.chance(0.5) else _split_bits(dice, X, columns)
    code = (bits << torch.arange(m, device=X.device)).sum(-1)  # (B, n) < 2^m
    table = dice.integers(n_classes, B, 2**m)
    draw = dice.scalar.random()
    if draw < 0.25:  # parity of a few bits picks between two classes, the rest by lookup
        parity = bits[..., : 2 if d > 4 else dice.scalar.randint(2, 3)].sum(-1) % 2
        y = torch.where(parity == 1, 0, 1 + (table.gather(1, code) % max(1, n_classes - 1)))
    elif draw < 0.6:  # decision list: the first of several conjunctions that holds decides
        y = table[:, :1].expand(B, n)
        for k in range(dice.scalar.randint(2, 3 * n_classes)):
            pair = dice.permutations(B, m)[:, :2]
            holds = _take(bits, pair) == dice.integers(2, B, 1, pair.shape[1])
            y = torch.where(holds.all(-1), (table[:, k % 2**m] + k)[:, None] % n_classes, y)
    else:
        y = table.gather(1, code)
    return y
