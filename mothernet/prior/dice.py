"""Randomness for a batch: everything drawn comes from one key, and global random state is left alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

__all__ = ["Dice"]

_T = TypeVar("_T")


class Dice:
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
