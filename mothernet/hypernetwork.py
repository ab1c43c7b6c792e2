"""The hypernetwork: reads a support set, emits the hidden layer of the child network.

Units are rows that nobody observed. The support set is a table of cells; every cell is a token, and the child's H
hidden units are H more, learned rows of that table. A block is attention across the cells of a row, attention down a
column (keys and values are the support rows only: units read the data, the data never reads the units, units never
read each other) and an MLP. The cell of unit row k in column f becomes W1[f, k]; its label cell becomes the bias
b1[k].

Hence any number of features and units, and invariance to the order of rows, columns and class labels. The output
layer is not emitted but solved: see :mod:`mothernet.head`. Preprocessing does not belong here: inputs are encoded,
finite numbers.

Axis letters: B tasks, S support rows, F features, C classes, H units, E embedding, T = S + H rows of tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Hypernetwork", "HypernetworkConfig", "Standardiser", "UnitLayer", "canonical_classes", "hidden_units"]

_LAUNCH = 65_535  # sequences: CUDA's limit to one launch of a fused attention kernel (pytorch issue 146704)
_SOFT_CLIP = 2.0  # standard deviations; beyond, an input grows with its logarithm


@dataclass(frozen=True)
class HypernetworkConfig:
    """Everything that decides the hypernetwork's shapes; stored in the checkpoint."""

    embedding: int = 96
    blocks: int = 3
    heads: int = 4
    units: int = 256  # learned unit rows; a narrower child takes the first of them
    class_codes: int = 16  # label embeddings; the class of rank c (by frequency) uses code c mod class_codes
    frequencies: int = 8  # sine and cosine features of a cell's value
    mlp_factor: int = 2
    activation: Literal["tanh", "relu"] = "tanh"


class UnitLayer(NamedTuple):
    """The emitted hidden layer and the head's settings, for B tasks."""

    weight: Tensor  # (B, F, H)
    bias: Tensor  # (B, H)
    log_penalty: Tensor  # (B, 2) natural logarithm of lambda for [inputs, units]
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


def hidden_units(inputs: Tensor, layer: UnitLayer, activation: str) -> Tensor:
    """The child's hidden layer, h = act(x W1 + b1): (B, N, F) standardised inputs to (B, N, H)."""
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
        self.config = config
        E = config.embedding
        self.frequency = nn.Parameter(torch.randn(config.frequencies) * 1.5)
        self.cell = nn.Linear(1 + 2 * config.frequencies, E)
        self.label = nn.Embedding(config.class_codes, E)
        self.unit_cell = nn.Parameter(torch.randn(config.units, E) * 0.5)
        self.unit_label = nn.Parameter(torch.randn(config.units, E) * 0.5)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(E)
        self.weight = nn.Linear(E, 1)
        nn.init.normal_(self.weight.weight, std=E**-0.5)
        self.bias = nn.Linear(E, 1)
        self.setting = nn.Linear(E + 3, 3)  # two penalties and a temperature, told log S, log F, log C
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
        label = self.label(canonical_classes(inputs, y, n_classes) % self.config.class_codes)  # (B, S, E)
        angle = inputs[..., None] * self.frequency  # (B, S, F, frequencies)
        cells = self.cell(torch.cat([inputs[..., None], angle.sin(), angle.cos()], -1))  # (B, S, F, E)
        support = torch.cat([cells, label[:, :, None].to(cells.dtype)], 2)  # (B, S, F + 1, E)
        units = torch.cat(
            [self.unit_cell[:width, None].expand(-1, n_features, -1), self.unit_label[:width, None]], 1
        )  # (H, F + 1, E)
        tokens = torch.cat([support, units.to(cells.dtype).expand(B, -1, -1, -1)], 1)  # (B, T, F + 1, E)
        for block in self.blocks:
            tokens = block(tokens, S)
        tokens = self.norm(tokens)
        with torch.autocast(tokens.device.type, enabled=False):
            unit = tokens[:, S:].float()  # (B, H, F + 1, E)
            # gain 2 / sqrt(F): pre-activations of standardised inputs start near unit scale
            weight = self.weight(unit[:, :, :-1])[..., 0].transpose(1, 2) * (2 / math.sqrt(n_features))  # (B, F, H)
            bias = self.bias(unit[:, :, -1])[..., 0]  # (B, H)
            pooled = tokens[:, :S, -1].float().mean(1)  # (B, E)
            size = pooled.new_tensor([math.log(S) / 3 - 1.7, math.log(n_features) / 2 - 1, math.log(n_classes) - 1])
            setting = self.setting(torch.cat([pooled, size.expand(B, -1)], -1))  # (B, 3)
            # lambda scales with 1 / S: the more rows, the less prior (starts at e/S for inputs, e^2/S for units)
            log_penalty = 3 * setting[:, :2] + setting.new_tensor([1.0, 2.0]) - math.log(S)  # (B, 2)
        return UnitLayer(weight, bias, log_penalty, 0.5 * setting[:, 2])
