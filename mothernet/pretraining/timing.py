"""How long the parts of a step take: a hook for benchmarks, which costs nothing where nobody measures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

__all__ = ["PartTimer", "Timed", "untimed"]

Timed = Callable[[str], AbstractContextManager[None]]  # takes the name of the part that the block is


def untimed(part: str) -> AbstractContextManager[None]:
    """Measure nothing."""
    return nullcontext()


class PartTimer:
    """Adds up the wall time of named parts; on a GPU it waits for the device around each of them.

    Attributes
    ----------
    seconds : dict of str to float
        Wall time of each part so far.

    Examples
    --------
    >>> timer = PartTimer("cpu")
    >>> with timer("prior"):
    ...     pass
    >>> list(timer.seconds)
    ['prior']
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        start = self._clock()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + self._clock() - start

    def _clock(self) -> float:
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()
