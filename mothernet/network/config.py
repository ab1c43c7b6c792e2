"""What decides what the hypernetwork generates, but its weights; nothing here may import torch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from mothernet.network.unit_types import UnitType

__all__ = ["RELEVANCE_RANKS", "Activation", "HypernetworkConfig", "Projections"]

Activation = Literal["tanh"]  # of pretraining; the child's units are piecewise linear, see mothernet.fitting.child

RELEVANCE_RANKS = 256  # ranks of relevance that random projections tell apart


class Projections(NamedTuple):
    """Normal numbers, by which random projections weigh features and ramps, and their biases; P of them."""

    weight: npt.NDArray[np.float32]  # (relevance ranks, 1 + ramps, P)
    bias: npt.NDArray[np.float32]  # (P,)


@dataclass(frozen=True)
class HypernetworkConfig:
    """Everything that decides what the hypernetwork generates, but its weights; stored in the checkpoint."""

    embedding: int = 96
    blocks: int = 3
    attention_heads: int = 4
    units: int = 256  # learned unit rows; a narrower child takes the first of them
    column_codes: int = 256  # by which units tell columns apart; that of relevance rank r uses code r mod column_codes
    unit_cycle: tuple[UnitType, ...] = ("learned", "anchored", "learned", "projected")  # types of units, repeated
    class_codes: int = 16  # label embeddings; the class of rank c (by frequency) uses code c mod class_codes
    frequencies: int = 8  # sine and cosine features of a cell's value
    mlp_factor: int = 2
    activation: Activation = "tanh"
    ramps: int = 8  # between quantiles of a feature's support rows; zero: units are linear in a feature
    anchor_slope: float = 2.0  # of an anchored unit, per standard deviation of nearness
    anchor_quantile: float = 0.9  # of nearness, where an anchored unit is zero
    min_projected_relevance: float = 0.01

    def __post_init__(self) -> None:
        object.__setattr__(self, "unit_cycle", tuple(self.unit_cycle))  # JSON has lists
        if self.activation not in get_args(Activation):
            raise ValueError(f"activation must be 'tanh', however: {self.activation!r}. Pretrain with it.")
        if not self.unit_cycle or set(self.unit_cycle) - set(get_args(UnitType)):
            raise ValueError(f"unit_cycle must be made of {', '.join(get_args(UnitType))}, however: {self.unit_cycle}.")

    def unit_types(self, width: int) -> tuple[UnitType, ...]:
        """The type of each of the first ``width`` units."""
        return tuple(islice(cycle(self.unit_cycle), width))

    def projections(self) -> Projections:
        """The random projections of ``units`` units: the same for every table, drawn from a stream that NumPy keeps."""
        n, rng = self.unit_types(self.units).count("projected"), np.random.RandomState(0)
        weight = rng.standard_normal((RELEVANCE_RANKS, 1 + self.ramps, n)).astype(np.float32)
        return Projections(weight, rng.standard_normal(n).astype(np.float32))
