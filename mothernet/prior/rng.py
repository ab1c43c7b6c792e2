"""Random numbers for a batch: everything drawn comes from one key, and global random state is left alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

__all__ = ["Rng"]

_T = TypeVar("_T")


class Rng:
    """One generator for tensors and one for scalars, both seeded by a key.

    Parameters
    ----------
    key : str
        The same key gives the same numbers on the same type of device.
    device : torch.device
        Where tensors are drawn.

    Attributes
    ----------
    scalar : random.Random
        For scalars that :meth:`chance` and :meth:`choice` do not cover.

    Examples
    --------
    >>> one, two = (Rng("tasks/0/7", torch.device("cpu")) for _ in range(2))
    >>> torch.equal(one.normal(2, 3), two.normal(2, 3))
    True
    """

    def __init__(self, key: str, device: torch.device) -> None:
        self.scalar = random.Random(key)
        self.device = device
        self.generator = torch.Generator(device).manual_seed(self.scalar.getrandbits(63))

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers."""
        return torch.randn(*shape, device=self.device, generator=self.generator)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1)."""
        return torch.rand(*shape, device=self.device, generator=self.generator)

    def integers(self, high: int, *shape: int) -> Tensor:
        """Uniform whole numbers in ``range(high)``."""
        return torch.randint(high, shape, device=self.device, generator=self.generator)

    def permutations(self, batch: int, n: int) -> Tensor:
        """(batch, n) independent permutations of ``range(n)``."""
        return self.uniform(batch, n).argsort(1)

    def gumbel(self, *shape: int) -> Tensor:
        """Gumbel noise: the argmax of log probabilities plus this is a draw from them."""
        return -torch.log(-torch.log(self.uniform(*shape).clamp(1e-6, 1 - 1e-6)))

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.scalar.random() < probability

    def choice(self, options: Sequence[_T]) -> _T:
        """One of the options, all equally probable."""
        return self.scalar.choice(options)
