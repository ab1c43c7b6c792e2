"""The hypernetwork: reads a support set, emits the hidden layer of the child network.

Every row of the support set is a token: the sum of its features' embeddings and of its label's. The child's H hidden
units are H more. A block is attention to the support rows (units read the data, the data never reads the units, units
never read each other) and an MLP. What a unit makes of a number is a piecewise-linear function: weights for every
feature and for every ramp of it.

One unit in four is free: it begins as a learned token, and all its weights are read out of what the token has become.
The others are anchored: each begins as one of the support rows, and tells how near a row is to it; what is read out is
which features count for that, how fast it falls off and where. Anchors are drawn with every class alike.

Features have no names and no order: they are sorted by what they tell about the class, and the r-th has slot r of the
embedding and of the read-out. Hence invariance to the order of rows, columns (but for ties) and class labels, and any
number of features and units; features beyond the last slot get no weight. The output layer is not emitted but solved:
see :mod:`mothernet.head`. Preprocessing does not belong here: inputs are encoded, finite numbers.

Axis letters: B tasks, S support rows, F features, M ramps per feature, C classes, H units, E embedding,
T = S + H tokens, R features that are read, P = F (1 + M) inputs of the child.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "Hypernetwork",
    "HypernetworkConfig",
    "Ramps",
    "Standardiser",
    "UnitLayer",
    "balanced_weights",
    "canonical_classes",
    "hidden_units",
]

_SOFT_CLIP = 2.0  # standard deviations; beyond, an input grows with its logarithm
_METRIC_RANGE = 3.0  # of the logarithm by which a unit changes the weights of its metric
_THRESHOLD = 3.2  # standard deviations above the mean nearness, times the initial slope of 2
_RELEVANCE_CUTS = 7  # quantiles by which features are binned when they are sorted


@dataclass(frozen=True)
class HypernetworkConfig:
    """Everything that decides the hypernetwork's shapes; stored in the checkpoint."""

    embedding: int = 128
    blocks: int = 4
    heads: int = 4
    slots: int = 128  # features that are read; of more, those that tell most about the class
    units: int = 256  # learned unit tokens; a narrower child takes the first of them
    free_units: int = 4  # one of so many units has no anchor
    class_codes: int = 16  # label embeddings; the class of rank c (by frequency) uses code c mod class_codes
    mlp_factor: int = 3
    activation: Literal["tanh", "relu"] = "tanh"
    ramps: int = 8  # between quantiles of a feature's support rows; zero: units are linear in a feature


class UnitLayer(NamedTuple):
    """The emitted hidden layer and the head's settings, for B tasks."""

    weight: Tensor  # (B, P, H) of the features, then of the ramps of each feature
    bias: Tensor  # (B, H)
    log_penalty: Tensor  # (B, 3) natural logarithm of lambda for [features, ramps, units]
    log_temperature: Tensor  # (B,)


class Standardiser(NamedTuple):
    """Per-feature location and scale of the support rows, and the soft clipping that follows."""

    mean: Tensor  # (B, 1, F)
    scale: Tensor  # (B, 1, F)

    @classmethod
    def fit(cls, X_support: Tensor) -> Standardiser:
        """Measure (B, S, F) support rows."""
        return cls(X_support.mean(1, keepdim=True), X_support.std(1, keepdim=True, unbiased=False) + 1e-6)

    def __call__(self, X: Tensor) -> Tensor:
        """Standardise and softly clip (B, N, F) rows."""
        z = (X - self.mean) / self.scale  # (B, N, F)
        size = z.abs()
        return z.sign() * torch.where(
            size < _SOFT_CLIP, size, _SOFT_CLIP + torch.log1p((size - _SOFT_CLIP).clamp(min=0))
        )


class Ramps(NamedTuple):
    """Rises from 0 to 1 between neighbouring quantiles of a feature: a basis of piecewise-linear functions."""

    low: Tensor  # (B, 1, F, M)
    inverse_width: Tensor  # (B, 1, F, M), zero where there is no ramp

    @classmethod
    def fit(cls, X_support: Tensor, row_weight: Tensor, n_ramps: int) -> Ramps:
        """Quantiles of (B, S, F) support rows weighted by (B, S); a feature of two values, whose one ramp would be
        itself, has none."""
        if not n_ramps:
            return cls(*X_support.new_zeros(2, len(X_support), 1, X_support.shape[-1], 0))
        values, order = X_support.mT.sort(-1)  # (B, F, S)
        weight = row_weight[:, None].expand_as(values).gather(-1, order)
        below = (weight.cumsum(-1) - weight / 2) / weight.sum(-1, keepdim=True)
        level = torch.arange(1, n_ramps, device=values.device, dtype=values.dtype) / n_ramps
        place = torch.searchsorted(below, level.expand(*below.shape[:2], -1).contiguous())
        # values that occur: of few, one ramp per step
        inner = values.gather(-1, place.clamp(max=values.shape[-1] - 1))
        knots = torch.cat([values[..., :1], inner, values[..., -1:]], -1)  # (B, F, M + 1)
        width = knots.diff(dim=-1)  # (B, F, M)
        wide = width > 1e-4
        wide = wide & (wide.sum(-1, keepdim=True) > 1)
        inverse = torch.where(wide, 1 / width.clamp(min=1e-4), 0)
        return cls(knots[:, None, :, :-1], inverse[:, None])

    def __call__(self, X: Tensor) -> Tensor:
        """(B, N, F) features to (B, N, P): the features themselves, then the ramps of each."""
        ramps = ((X[..., None] - self.low) * self.inverse_width).clamp(0, 1)  # (B, N, F, M)
        return torch.cat([X, ramps.flatten(2)], -1)


def balanced_weights(y: Tensor, n_classes: int) -> Tensor:
    """Weights of rows, (B, S), half of whose sum is shared by the rows and half by the classes that occur."""
    onehot = F.one_hot(y, n_classes).float()  # (B, S, C)
    count = onehot.sum(1)  # (B, C)
    per_class = 1 / (count.clamp(min=1) * (count > 0).sum(1, keepdim=True))
    return 0.5 / y.shape[1] + 0.5 * per_class.gather(1, y)


def _mid_ranks(X: Tensor) -> Tensor:
    """Twice the mid-ranks, whole numbers from 1 to 2 S - 1, within every column of (B, S, F)."""
    columns = X.mT.contiguous()  # (B, F, S)
    ordered = columns.sort(-1).values
    return (torch.searchsorted(ordered, columns) + torch.searchsorted(ordered, columns, right=True)).mT


def _normal_scores(ranks: Tensor) -> Tensor:
    """Normal scores of (B, S, F) mid-ranks."""
    S = ranks.shape[1]
    return torch.special.ndtri((ranks.float() / (2 * S)).clamp(0.5 / S, 1 - 0.5 / S))


def _anchors(ranks: Tensor, y: Tensor, n_classes: int, n_anchors: int) -> Tensor:
    """Numbers (B, H) of support rows, drawn by :func:`balanced_weights`: whatever the order of the rows, the same.

    The dice are the rows' own ranks: rows are laid out by a hash of them, and every further anchor falls into the
    largest gap between those before it.
    """
    S, R = ranks.shape[1:]
    dice = (torch.arange(1, R + 2, dtype=torch.float64, device=ranks.device).sin() * 1e4).frac()
    hashed = (torch.cat([ranks, y[..., None]], -1).double() @ dice).frac()  # (B, S)
    order = hashed.argsort(1)
    weight = balanced_weights(y, n_classes).gather(1, order).double()
    golden = (math.sqrt(5) - 1) / 2
    level = (torch.arange(n_anchors, dtype=torch.float64, device=ranks.device) * golden + 0.5).frac()
    place = torch.searchsorted(weight.cumsum(1), level.expand(len(y), -1).contiguous()).clamp(max=S - 1)
    return order.gather(1, place)


def hidden_units(inputs: Tensor, layer: UnitLayer, activation: str) -> Tensor:
    """The child's hidden layer, h = act(x W1 + b1): (B, N, P) standardised inputs to (B, N, H)."""
    pre = inputs @ layer.weight + layer.bias[:, None]  # (B, N, H)
    return torch.tanh(pre) if activation == "tanh" else F.relu(pre)


def canonical_classes(inputs: Tensor, y: Tensor, n_classes: int) -> Tensor:
    """Rename classes by falling frequency, so that the order of the labels carries no information.

    Equally frequent classes are ordered by a statistic of their rows that ignores the order of rows and features.
    Takes (B, S, F) standardised inputs and (B, S) labels, returns (B, S) ranks.
    """
    onehot = F.one_hot(y, n_classes).double()  # (B, S, C)
    count = onehot.sum(1)  # (B, C)
    wide = inputs.double()
    statistic = (wide + 0.3 * wide.square()).sum(-1)  # (B, S)
    mean = (onehot * statistic[..., None]).sum(1) / count.clamp(min=1)  # (B, C)
    key = count - 0.5 * torch.sigmoid(
        mean / math.sqrt(inputs.shape[-1])
    )  # (B, C) counts are whole: ties only are affected
    rank = key.argsort(1, descending=True).argsort(1)  # (B, C)
    return rank.gather(1, y)  # (B, S)


def _relevance(inputs: Tensor, y: Tensor, n_classes: int) -> Tensor:
    """Mutual information (nats) of each feature's bin and the class: (B, S, F) and (B, S) to (B, F).

    It is made of counts, and so the same to the bit whatever the order of the rows.
    """
    S = inputs.shape[1]
    columns = inputs.mT.contiguous()  # (B, F, S)
    place = torch.arange(1, _RELEVANCE_CUTS + 1, device=inputs.device) * S // (_RELEVANCE_CUTS + 1)
    cuts = columns.sort(-1).values[..., place].contiguous()
    # a value that is a cut, as those of a category are, has a bin of its own
    bins = torch.searchsorted(cuts, columns) + torch.searchsorted(cuts, columns, right=True)
    onehot = F.one_hot(y, n_classes).float()  # (B, S, C)
    joint = (
        torch.stack([(bins == k).float() @ onehot for k in range(2 * _RELEVANCE_CUTS + 1)], -1) / S
    )  # (B, F, C, bins)

    def entropy(p: Tensor) -> Tensor:
        return -(p * p.clamp(min=1e-9).log()).flatten(2).sum(-1)

    return entropy(joint.sum(2)) + entropy(joint.sum(3)) - entropy(joint)


def _relevance_beyond_chance(relevance: Tensor, n_rows: int, n_classes: int) -> Tensor:
    """What features tell beyond what independent ones seem to, as a share of the most telling's: (B, F), positive."""
    chance = 0.25 * (n_classes - 1) * _RELEVANCE_CUTS / n_rows  # half the expectation
    return (relevance - chance).clamp(min=1e-4) / relevance.amax(1, keepdim=True).clamp(min=1e-4)


def _sizes(y: Tensor, n_classes: int, n_features: int, relevance: Tensor) -> Tensor:
    """What the settings are told of the size and difficulty of a task: (B, 7)."""
    S = y.shape[1]
    share = F.one_hot(y, n_classes).float().mean(1)  # (B, C)
    entropy = -(share * share.clamp(min=1e-9).log()).sum(-1, keepdim=True)  # (B, 1)
    told = (relevance / entropy.clamp(min=1e-3)).clamp(0, 1)
    size = y.new_tensor(
        [math.log(S) / 3 - 1.7, math.log(n_features) / 2 - 1, math.log(n_classes) - 1], dtype=torch.float
    )
    return torch.cat(
        [
            size.expand(len(y), -1),
            entropy / math.log(n_classes),
            told[:, :1],
            told.mean(1, keepdim=True),
            told.sum(1, keepdim=True).log1p() / 2,
        ],
        -1,
    )


class _Attention(nn.Module):
    """Multi-head attention from (B, T, E) queries to (B, S, E) context."""

    def __init__(self, embedding: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(embedding, embedding, bias=False)
        self.key_value = nn.Linear(embedding, 2 * embedding, bias=False)
        self.out = nn.Linear(embedding, embedding, bias=False)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        q = self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, heads, T, size)
        k, v = self.key_value(context).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if x.device.type == "cpu" and torch.is_grad_enabled():
            # torch's fused kernel is several times slower in its CPU backward pass
            score = (q * q.shape[-1] ** -0.5) @ k.mT  # (B, heads, T, S)
            with torch.autocast("cpu", enabled=False):  # autocast would write the weights out in float32
                weight = torch.softmax(score, -1)
            mixed = weight @ v
        else:
            mixed = F.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).flatten(2))  # (B, T, E)


class _Block(nn.Module):
    """Attention to the support rows, then an MLP; pre-norm, residual."""

    def __init__(self, config: HypernetworkConfig) -> None:
        super().__init__()
        E = config.embedding
        self.norms = nn.ModuleList(nn.LayerNorm(E) for _ in range(2))
        self.attention = _Attention(E, config.heads)
        self.mlp = nn.Sequential(nn.Linear(E, config.mlp_factor * E), nn.GELU(), nn.Linear(config.mlp_factor * E, E))

    def forward(self, tokens: Tensor, n_support: int) -> Tensor:
        """Map (B, T, E) to the same shape."""
        normed = self.norms[0](tokens)
        tokens = tokens + self.attention(normed, normed[:, :n_support])
        return tokens + self.mlp(self.norms[1](tokens))


class Hypernetwork(nn.Module):
    """Emits a child's hidden layer from a support set in one forward pass.

    Parameters
    ----------
    config : HypernetworkConfig
        Sizes. ``config.units`` is the widest child; any smaller width is valid.

    Notes
    -----
    The idea of emitting a network from a table, and tokens for rows, are those of MotherNet (Müller, Curino,
    Ramakrishnan, ICLR 2025); anchored units, slots by relevance and the solved head are this project's.
    """

    def __init__(self, config: HypernetworkConfig) -> None:
        super().__init__()
        self.config = config
        E = config.embedding
        self.row = nn.Linear((2 + config.ramps) * config.slots, E)
        nn.init.normal_(self.row.weight, std=0.3 * E**-0.5)
        self.label = nn.Embedding(config.class_codes, E)
        self.unit = nn.Parameter(torch.randn(config.units, E))
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(E)
        self.weight = nn.Linear(E, (1 + config.ramps) * config.slots)
        nn.init.normal_(self.weight.weight, std=E**-0.5)
        nn.init.zeros_(self.weight.bias)
        nn.init.zeros_(self.weight.weight[config.slots :])  # units start linear in every feature
        self.bias = nn.Linear(E, 1)
        self.metric = nn.Linear(E, config.slots)
        self.reach = nn.Linear(E, 2)  # of an anchored unit: sharpness and threshold
        self.setting = nn.Sequential(nn.Linear(2 * E + 7, E), nn.GELU(), nn.Linear(E, 4))  # penalties, temperature
        for layer in (self.metric, self.reach, self.setting[-1]):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, inputs: Tensor, y: Tensor, n_classes: int, width: int) -> UnitLayer:
        """Read B support sets.

        Parameters
        ----------
        inputs : (B, S, F) float tensor
            Standardised features (see :class:`Standardiser`).
        y : (B, S) long tensor
            Labels in ``range(n_classes)``.
        width : int
            Units to emit, 1 to ``config.units``.
        """
        if not 1 <= width <= self.config.units:
            raise ValueError(f"width must be between 1 and {self.config.units}, however: width={width}.")
        (B, S, n_features), M = inputs.shape, self.config.ramps
        slots, n_read = self.config.slots, min(n_features, self.config.slots)
        gain = 2 / math.sqrt(n_read)  # rows and pre-activations of standardised inputs start near unit scale
        renamed = canonical_classes(inputs, y, n_classes)
        with torch.autocast(inputs.device.type, enabled=False):
            relevance, read = _relevance(inputs, y, n_classes).sort(dim=1, descending=True, stable=True)
            relevance, read = relevance[:, :n_read], read[:, :n_read]  # (B, R) features by slot
            values = inputs.gather(2, read[:, None].expand(-1, S, -1))  # (B, S, R)
            fitted = Ramps.fit(values, balanced_weights(y, n_classes), M)
            ramps = fitted(values)[..., n_read:].unflatten(-1, (n_read, M))
            ranks = _mid_ranks(values)
            anchor = _anchors(ranks, renamed, n_classes, width)  # (B, H)
            cells = torch.cat([torch.stack([values, _normal_scores(ranks)], -1), ramps], -1)  # (B, S, R, 2 + M)
        kernel = self.row.weight.unflatten(1, (slots, 2 + M))[:, :n_read].flatten(1)  # (E, R (2 + M))
        rows = F.linear(cells.flatten(2), kernel, self.row.bias) * gain  # (B, S, E)
        rows = rows + self.label(renamed % self.config.class_codes).to(rows.dtype)
        free, anchored = (
            [k for k in range(width) if (k % self.config.free_units == 0) == which] for which in (True, False)
        )
        units = self.unit[:width].to(rows.dtype).repeat(B, 1, 1)  # (B, H, E)
        units[:, anchored] += _rows_of(rows, anchor[:, anchored])
        tokens = torch.cat([rows, units], 1)
        for block in self.blocks:
            tokens = block(tokens, S)  # (B, T, E)
        tokens = self.norm(tokens)
        with torch.autocast(tokens.device.type, enabled=False):
            row, unit = tokens.float().split([S, width], 1)
            by_slot = unit.new_empty(B, 1 + M, n_read, width)
            kernel = self.weight.weight.unflatten(0, (1 + M, slots))[:, :n_read].flatten(0, 1)
            constant = self.weight.bias.unflatten(0, (1 + M, slots))[:, :n_read].flatten()
            by_slot[..., free] = (F.linear(unit[:, free], kernel, constant) * gain).mT.unflatten(1, (1 + M, n_read))
            bias = self.bias(unit)[..., 0]  # (B, H)
            share = _relevance_beyond_chance(relevance, S, n_classes)
            if anchored:
                by_slot[..., anchored], bias[:, anchored] = self._anchored(
                    unit[:, anchored], anchor[:, anchored], values, ramps, fitted, share
                )
            place = read[:, None, :, None].expand_as(by_slot)
            weight = by_slot.new_zeros(B, 1 + M, n_features, width).scatter(2, place, by_slot)
            weight = torch.cat([weight[:, 0], weight[:, 1:].transpose(1, 2).flatten(1, 2)], 1)  # (B, P, H)
            setting = self.setting(
                torch.cat([row.mean(1), unit.mean(1), _sizes(y, n_classes, n_features, relevance)], -1)
            )
            # lambda scales with 1 / S: the more rows, the less prior (starts at e/S for features, e^2/S for the rest)
            log_penalty = 3 * setting[:, :3] + setting.new_tensor([1.0, 2.0, 2.0]) - math.log(S)  # (B, 3)
        return UnitLayer(weight, bias, log_penalty, 0.5 * setting[:, 3])

    def _anchored(
        self, unit: Tensor, anchor: Tensor, values: Tensor, ramps: Tensor, fitted: Ramps, share: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Weights (B, 1 + M, R, H) and biases (B, H) of units that tell how near a row is to their anchors.

        The distance of two rows is a weighted mean over features: of the share of the ramps between the two values, or,
        for a feature without ramps, of their difference in units of its range. With one row fixed it is piecewise
        linear in the other.
        """
        R = values.shape[-1]
        present = (fitted.inverse_width[:, 0] > 0).float()  # (B, R, M)
        n_ramps = present.sum(-1, keepdim=True)  # (B, R, 1)
        low, high = values.amin(1), values.amax(1)  # (B, R)
        inverse = (n_ramps[..., 0] == 0) / (high - low).clamp(min=1e-4)
        code = torch.cat([((values - low[:, None]) * inverse[:, None])[..., None], ramps], -1).flatten(2)
        each = torch.cat([(n_ramps == 0).float(), present / n_ramps.clamp(min=1)], -1)  # (B, R, 1 + M)
        learned = F.linear(unit, self.metric.weight[:R], self.metric.bias[:R])  # (B, H, R)
        metric = torch.softmax(share.log()[:, None] + _METRIC_RANGE * torch.tanh(learned / _METRIC_RANGE), -1)
        # |x - a| = a + (1 - 2 a) x where a code of the anchor is 0 or 1, as all but one per feature are
        at = _rows_of(code, anchor).unflatten(-1, each.shape[1:])  # (B, H, R, 1 + M)
        weight = (metric[..., None] * each[:, None] * (2 * at - 1)).flatten(2)  # nearness: minus distance
        nearness = code @ weight.mT  # (B, S, H)
        reach = self.reach(unit)  # (B, H, 2)
        slope = 2 * reach[..., 0].clamp(-3, 3).exp() / (nearness.std(1, unbiased=False) + 1e-6)  # (B, H)
        weight = (weight * slope[..., None]).unflatten(-1, each.shape[1:]).permute(0, 3, 2, 1)  # (B, 1 + M, R, H)
        bias = 2 * reach[..., 1] - _THRESHOLD - nearness.mean(1) * slope
        bias = bias - (weight[:, 0] * (low * inverse)[..., None]).sum(1)  # the first code is affine in the feature
        return torch.cat([weight[:, :1] * inverse[:, None, :, None], weight[:, 1:]], 1), bias


def _rows_of(x: Tensor, place: Tensor) -> Tensor:
    """Rows (B, H) of (B, S, K): (B, H, K)."""
    return x.gather(1, place[..., None].expand(-1, -1, x.shape[-1]))
