"""The base of most ablations: a hypernetwork whose tokens are the cells of the table, after TabPFN v2.

Every cell of the support set is a token, and the child's hidden units are further, learned rows. A block is attention
across the cells of a row, attention down a column and an MLP. The package's network, whose tokens are rows, came out of
these ablations.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mothernet.hypernetwork import _Attention

__all__ = ["CellsConfig", "CellsNetwork"]


@dataclass(frozen=True)
class CellsConfig:
    """Everything that decides the shapes."""

    embedding: int = 96
    blocks: int = 3
    heads: int = 4
    units: int = 256
    class_codes: int = 16
    frequencies: int = 8  # sine and cosine features of a cell's value
    mlp_factor: int = 2


class _Block(nn.Module):
    """Attention across a row's cells, down a column's rows, then an MLP; pre-norm, residual."""

    def __init__(self, config: CellsConfig) -> None:
        super().__init__()
        E = config.embedding
        self.norms = nn.ModuleList(nn.LayerNorm(E) for _ in range(3))
        self.row_attention = _Attention(E, config.heads)
        self.column_attention = _Attention(E, config.heads)
        self.mlp = nn.Sequential(nn.Linear(E, config.mlp_factor * E), nn.GELU(), nn.Linear(config.mlp_factor * E, E))

    def across(self, rows: Tensor, context: Tensor) -> Tensor:
        return _over_sequences(self.row_attention, rows, context)

    def down(self, columns: Tensor, context: Tensor) -> Tensor:
        return _over_sequences(self.column_attention, columns, context)


def _over_sequences(attention: _Attention, x: Tensor, context: Tensor) -> Tensor:
    """(*, L, E) queries to (*, M, E) context."""
    return attention(x.flatten(0, -3), context.flatten(0, -3)).view(x.shape)


class CellsNetwork(nn.Module):
    """The parts of the hypernetwork; :class:`ablation_variants.AblationNetwork` puts them together."""

    def __init__(self, config: CellsConfig) -> None:
        super().__init__()
        self.config = config
        E = config.embedding
        self.frequency = nn.Parameter(torch.randn(config.frequencies) * 1.5)
        self.cell = nn.Linear(2 * (1 + 2 * config.frequencies), E)
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
