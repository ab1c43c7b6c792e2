"""The hypernetwork: reads a support set, emits the hidden layer of the child network.

Units are rows that nobody observed. The support set is a table of cells; every cell is a token, and the child's H
hidden units are H more, learned rows of that table. A block is attention across the cells of a row, attention down a
column (keys and values are the support rows only: units read the data, the data never reads the units, units never
read each other) and an MLP. The cell of unit row k in column f becomes W1[f, k], and the weights of that column's
ramps: what the unit makes of a number is a piecewise-linear function, which one weight could not say. The unit's label
cell becomes the bias b1[k].

A unit's row begins alike in every column, and alike columns would get alike weights. So the cell is also read out along
a code of its column, and codes are dealt out by what the columns tell about the class.

Half of the units are not learned. One in four is anchored at a support row: it tells how near a row is to it, by the
features that tell most about the class. One in four is a random projection of the features and their ramps, larger for
features that tell more.

Hence any number of features and units, and invariance to the order of rows, columns (but for ties) and class labels.
The output layer is not emitted but solved: see :mod:`mothernet.head`. Preprocessing does not belong here: inputs are
encoded, finite numbers.

Axis letters: B tasks, S support rows, F features, M ramps per feature, C classes, H units, E embedding,
T rows of tokens (the support rows and the units without an anchor), P = F (1 + M) inputs of the child.
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

_LAUNCH = 65_535  # sequences: CUDA's limit to one launch of a fused attention kernel (pytorch issue 146704)
_SOFT_CLIP = 2.0  # standard deviations; beyond, an input grows with its logarithm
_SLOPE, _NEAR = 2.0, 0.9  # of an anchored unit: per standard deviation of nearness; quantile where it is zero
_LEAST_SHARE = 0.01  # of relevance, for random projections
_RANKS = 256  # of relevance that random projections tell apart
_RELEVANCE_CUTS = 7  # quantiles by which features are binned when they are ranked


@dataclass(frozen=True)
class HypernetworkConfig:
    """Everything that decides the hypernetwork's shapes; stored in the checkpoint."""

    embedding: int = 96
    blocks: int = 3
    heads: int = 4
    units: int = 256  # learned unit rows; a narrower child takes the first of them
    column_codes: int = 256  # by which units tell columns apart; that of relevance rank r uses code r mod column_codes
    cycle: str = "lalp"  # kinds of units, over and over: l learned, a anchored at a support row, p random projection
    class_codes: int = 16  # label embeddings; the class of rank c (by frequency) uses code c mod class_codes
    frequencies: int = 8  # sine and cosine features of a cell's value
    mlp_factor: int = 2
    activation: Literal["tanh", "relu"] = "tanh"
    ramps: int = 8  # between quantiles of a feature's support rows; zero: units are linear in a feature

    def kinds(self, width: int) -> str:
        """The letter of ``cycle`` of each of the first ``width`` units."""
        return (self.cycle * width)[:width]


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
    count = [(bins == k).float() @ onehot for k in range(2 * _RELEVANCE_CUTS + 1)]
    joint = torch.stack(count, -1) / S  # (B, F, C, bins)

    def entropy(p: Tensor) -> Tensor:
        return -(p * p.clamp(min=1e-9).log()).flatten(2).sum(-1)

    return entropy(joint.sum(2)) + entropy(joint.sum(3)) - entropy(joint)


def _relevance_beyond_chance(relevance: Tensor, n_rows: int, n_classes: int) -> Tensor:
    """What features tell beyond what independent ones seem to, as a share of the most telling's: (B, F), positive."""
    chance = 0.25 * (n_classes - 1) * _RELEVANCE_CUTS / n_rows  # half the expectation
    return (relevance - chance).clamp(min=1e-4) / relevance.amax(1, keepdim=True).clamp(min=1e-4)


def _anchored(inputs: Tensor, anchor: Tensor, ramps: Ramps, share: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (B, P, H) and biases (B, H) of units that tell how near a row is to their anchors.

    The distance of two rows is a mean over features, weighted by ``share`` (B, F): of the share of the ramps between
    the two values or, for a feature without ramps, of their difference in units of its range. With one row fixed it is
    piecewise linear in the other. Takes (B, S, F) support rows and (B, H) numbers of anchors among them.
    """
    (B, _, n_features), M = inputs.shape, ramps.low.shape[-1]
    present = (ramps.inverse_width[:, 0] > 0).float()  # (B, F, M)
    n_ramps = present.sum(-1)  # (B, F)
    low, high = inputs.amin(1), inputs.amax(1)  # (B, F)
    inverse = (n_ramps == 0) * (high > low) / (high - low).clamp(min=1e-4)
    code = ramps(inputs)[..., n_features:]  # (B, S, F M)
    code = torch.cat([(inputs - low[:, None]) * inverse[:, None], code], -1)  # (B, S, P) from 0 to 1
    plain = (n_ramps == 0).float()
    each = torch.cat([share * plain, (share[..., None] * present / n_ramps.clamp(min=1)[..., None]).flatten(1)], -1)
    at = code.gather(1, anchor[..., None].expand(-1, -1, code.shape[-1]))  # (B, H, P)
    # |x - a| = a + (1 - 2 a) x where a code of the anchor is 0 or 1, as all but one per feature are
    weight = ((2 * at - 1) * each[:, None]).mT  # (B, P, H)
    nearness = code @ weight  # (B, S, H) but for a constant
    slope = _SLOPE / (nearness.std(1, unbiased=False) + 1e-6)  # (B, H)
    weight = weight * slope[:, None]
    bias = -nearness.quantile(_NEAR, 1) * slope - (weight[:, :n_features] * (low * inverse)[..., None]).sum(1)
    scale = torch.cat([inverse, inverse.new_ones(B, n_features * M)], -1)  # the first codes are affine in the inputs
    return weight * scale[..., None], bias


def _inputs_first(weight: Tensor) -> Tensor:
    """Weights (B, F, 1 + M, H) of features and their ramps as (B, P, H): of the features, then of the ramps of each."""
    return torch.cat([weight[:, :, 0], weight[:, :, 1:].flatten(1, 2)], 1)


def _projections(share: Tensor, rank: Tensor, table: Tensor) -> Tensor:
    """Weights (B, P, H) of random projections of features and ramps, their size by the root of ``share`` (B, F).

    The feature of relevance rank r, as ``rank`` (B, F) has them, takes row r of the table (ranks, 1 + M, H of normal
    numbers), so the order of the features does not matter.
    """
    size = share.clamp(min=_LEAST_SHARE).sqrt()
    size = size / size.square().mean(1, keepdim=True).sqrt()  # (B, F)
    return _inputs_first(size[..., None, None] * table[rank % len(table)])


class _Attention(nn.Module):
    """Multi-head attention from (*, L, E) queries to (*, M, E) context."""

    def __init__(self, embedding: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(embedding, embedding, bias=False)
        self.key_value = nn.Linear(embedding, 2 * embedding, bias=False)
        self.out = nn.Linear(embedding, embedding, bias=False)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        *lead, length, E = x.shape
        size = E // self.heads
        q = self.query(x).view(-1, length, self.heads, size).transpose(1, 2)  # (N, heads, L, size)
        k, v = self.key_value(context).view(-1, context.shape[-2], 2, self.heads, size).permute(2, 0, 3, 1, 4)
        if x.device.type == "cpu" and (torch.is_grad_enabled() or q.dtype == torch.bfloat16):
            # torch's fused kernel is several times slower in its CPU backward pass, and in bfloat16 on short axes
            score = (q * size**-0.5) @ k.transpose(-1, -2)  # (N, heads, L, M)
            with torch.autocast("cpu", enabled=False):  # autocast would write the weights out in float32
                weight = torch.softmax(score, -1)
            mixed = weight @ v
        elif len(q) <= _LAUNCH:
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            parts = zip(q.split(_LAUNCH), k.split(_LAUNCH), v.split(_LAUNCH), strict=True)
            mixed = torch.cat([F.scaled_dot_product_attention(*part) for part in parts])
        return self.out(mixed.transpose(1, 2).reshape(*lead, length, E))  # (*, L, E)


class _Block(nn.Module):
    """Attention across a row's cells, down a column's rows, then an MLP; pre-norm, residual."""

    def __init__(self, config: HypernetworkConfig) -> None:
        super().__init__()
        E = config.embedding
        self.norms = nn.ModuleList(nn.LayerNorm(E) for _ in range(3))
        self.across = _Attention(E, config.heads)
        self.down = _Attention(E, config.heads)
        self.mlp = nn.Sequential(nn.Linear(E, config.mlp_factor * E), nn.GELU(), nn.Linear(config.mlp_factor * E, E))

    def forward(self, tokens: Tensor, n_support: int) -> Tensor:
        """Map (B, T, F + 1, E) to the same shape."""
        rows = self.norms[0](tokens)
        tokens = tokens + self.across(rows, rows)
        columns = self.norms[1](tokens).transpose(1, 2)  # (B, F + 1, T, E)
        tokens = tokens + self.down(columns, columns[:, :, :n_support]).transpose(1, 2)
        return tokens + self.mlp(self.norms[2](tokens))  # (B, T, F + 1, E)


class Hypernetwork(nn.Module):
    """Emits a child's hidden layer from a support set in one forward pass.

    Parameters
    ----------
    config : HypernetworkConfig
        Sizes. ``config.units`` is the widest child; any smaller width is valid.

    Notes
    -----
    The idea of emitting a network from a table is that of MotherNet (Müller, Curino, Ramakrishnan, ICLR 2025); tokens
    for cells follow TabPFN v2; units as unobserved rows and the solved output layer are this project's.
    """

    def __init__(self, config: HypernetworkConfig) -> None:
        super().__init__()
        if not config.cycle or set(config.cycle) - set("lap"):
            raise ValueError(f"cycle must be made of the letters l, a and p, however: cycle={config.cycle!r}.")
        self.config = config
        E = config.embedding
        self.frequency = nn.Parameter(torch.randn(config.frequencies) * 1.5)
        self.cell = nn.Linear(2 * (1 + 2 * config.frequencies), E)
        self.label = nn.Embedding(config.class_codes, E)
        self.unit_cell = nn.Parameter(torch.randn(config.units, E) * 0.5)
        self.unit_label = nn.Parameter(torch.randn(config.units, E) * 0.5)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(E)
        self.weight = nn.Linear(E, 1 + config.ramps)
        nn.init.normal_(self.weight.weight, std=E**-0.5)
        nn.init.zeros_(self.weight.weight[1:])  # units start linear in every feature
        if config.column_codes:
            self.column = nn.Embedding(config.column_codes, E)
            nn.init.normal_(self.column.weight, std=E**-0.5)
        self.bias = nn.Linear(E, 1)
        dice, n = torch.Generator().manual_seed(0), config.kinds(config.units).count("p")
        self.projection: Tensor
        self.projection_bias: Tensor
        self.register_buffer("projection", torch.randn(_RANKS, 1 + config.ramps, n, generator=dice), persistent=False)
        self.register_buffer("projection_bias", torch.randn(n, generator=dice), persistent=False)
        self.setting = nn.Linear(E + 3, 4)  # three penalties and a temperature, told log S, log F, log C
        nn.init.zeros_(self.setting.weight)
        nn.init.zeros_(self.setting.bias)

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
        B, S, n_features = inputs.shape
        renamed = canonical_classes(inputs, y, n_classes)
        label = self.label(renamed % self.config.class_codes)  # (B, S, E)
        kinds = self.config.kinds(width)
        learned, anchored, projected = ([k for k, other in enumerate(kinds) if other == kind] for kind in "lap")
        ranks = _mid_ranks(inputs)  # (B, S, F)
        value = torch.stack([inputs, _normal_scores(ranks)], -1)[..., None]  # (B, S, F, 2, 1)
        angle = value * self.frequency  # (B, S, F, 2, frequencies)
        cells = self.cell(torch.cat([value, angle.sin(), angle.cos()], -1).flatten(3))  # (B, S, F, E)
        support = torch.cat([cells, label[:, :, None].to(cells.dtype)], 2)  # (B, S, F + 1, E)
        units = torch.cat(
            [self.unit_cell[: len(learned), None].expand(-1, n_features, -1), self.unit_label[: len(learned), None]], 1
        )  # (learned units, F + 1, E)
        tokens = torch.cat([support, units.to(cells.dtype).expand(B, -1, -1, -1)], 1)  # (B, T, F + 1, E)
        for block in self.blocks:
            tokens = block(tokens, S)
        tokens = self.norm(tokens)
        with torch.autocast(tokens.device.type, enabled=False):
            unit = tokens[:, S:].float()  # (B, learned units, F + 1, E)
            # gain 2 / sqrt(F): pre-activations of standardised inputs start near unit scale
            weight = _inputs_first(self.weight(unit[:, :, :-1]).permute(0, 2, 3, 1))  # (B, P, H)
            relevance = _relevance(inputs, y, n_classes)  # (B, F)
            order = relevance.argsort(dim=1, descending=True, stable=True)  # (B, F)
            rank = order.argsort(1)  # (B, F)
            if self.config.column_codes:
                code = self.column(rank % self.config.column_codes)  # (B, F, E)
                weight[:, :n_features] += torch.einsum("bhfe,bfe->bfh", unit[:, :, :-1], code)
            gain = 2 / math.sqrt(n_features)
            weight = weight * gain
            bias = self.bias(unit[:, :, -1])[..., 0]  # (B, H)
            share = _relevance_beyond_chance(relevance, S, n_classes)
            layers = [(weight, bias)]
            if anchored:
                by_relevance = ranks.gather(2, order[:, None].expand(-1, S, -1))
                anchors = _anchors(by_relevance, renamed, n_classes, len(anchored))
                ramps = Ramps.fit(inputs, balanced_weights(y, n_classes), self.config.ramps)
                layers.append(_anchored(inputs, anchors, ramps, share))
            if projected:
                weight = _projections(share, rank, self.projection[..., : len(projected)])
                layers.append((gain * weight, self.projection_bias[: len(projected)].expand(B, -1)))
            place = torch.tensor(learned + anchored + projected, device=weight.device).argsort()
            weight, bias = (torch.cat(parts, -1)[..., place] for parts in zip(*layers, strict=True))
            pooled = tokens[:, :S, -1].float().mean(1)  # (B, E)
            size = pooled.new_tensor([math.log(S) / 3 - 1.7, math.log(n_features) / 2 - 1, math.log(n_classes) - 1])
            setting = self.setting(torch.cat([pooled, size.expand(B, -1)], -1))  # (B, 4)
            # lambda scales with 1 / S: the more rows, the less prior (starts at e/S for features, e^2/S for the rest)
            log_penalty = 3 * setting[:, :3] + setting.new_tensor([1.0, 2.0, 2.0]) - math.log(S)  # (B, 3)
        return UnitLayer(weight, bias, log_penalty, 0.5 * setting[:, 3])
