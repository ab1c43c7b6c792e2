"""Which batch of tasks comes when, and drawing it; on a GPU, while the batch before it is learned from.

What is in a batch is the prior's business: see :mod:`mothernet.prior`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch

from mothernet.pretraining.config import PretrainingConfig
from mothernet.prior import PriorConfig, TaskBatch, TaskShape, sample_shape, sample_tasks

__all__ = ["BatchPlan", "Batches", "plan_batch"]

_WIDTHS = {16: 0.1, 32: 0.15, 64: 0.25, 128: 0.4, 256: 0.1}  # probabilities


@dataclass(frozen=True)
class BatchPlan:
    """What a batch will be."""

    index: int
    shape: TaskShape
    width: int  # units of the children
    tasks: int


def plan_batch(prior: PriorConfig, config: PretrainingConfig, units: int, index: int) -> BatchPlan:
    """Plan batch ``index`` of a model of so many units: a function of the seed and the index alone.

    The width is random, so that the first units of any number do well together.
    """
    shape = sample_shape(prior, config.seed, index)
    if config.buckets:
        shape = shape._replace(
            support=_bucket(shape.support), features=min(_bucket(shape.features), prior.max_features)
        )
    rng = random.Random(f"width/{config.seed}/{index}")
    width = min(units, rng.choices(list(_WIDTHS), list(_WIDTHS.values()))[0])
    cells = (shape.support + width) * (shape.features + 1)
    return BatchPlan(index, shape, width, max(2, min(config.tasks, config.cells // cells)))


def _bucket(n: int) -> int:
    """The nearest of 2, 3, 4, 6, 8, 12, 16, 24, ... by ratio."""
    low = 1 << (n.bit_length() - 1)
    return min((low, low * 3 // 2, low * 2), key=lambda size: abs(math.log(n / size)))


class Batches:
    """Draws planned batches.

    Parameters
    ----------
    plan : function
        The plan of the batch of an index.
    prior : PriorConfig
        The mixture.
    seed : int
        With the index it names a batch.
    device : str
        Where batches are drawn.
    stride : int
        Distance between the indices that are asked for.
    ahead : bool
        Whether the next batch is drawn, by another thread, while this one is learned from. It is the same batch.
    """

    def __init__(
        self,
        plan: Callable[[int], BatchPlan],
        prior: PriorConfig,
        seed: int,
        device: str,
        *,
        stride: int = 1,
        ahead: bool = False,
    ) -> None:
        self.plan, self.prior, self.seed, self.device, self.stride = plan, prior, seed, device, stride
        self._pool = ThreadPoolExecutor(1) if ahead else None
        self._following: dict[int, Future[TaskBatch]] = {}
        # a stream of its own: drawing then overlaps with learning
        self._stream: torch.cuda.Stream | None = None
        if ahead and device == "cuda":
            self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    def draw(self, plan: BatchPlan) -> TaskBatch:
        """Draw a batch, whatever was drawn ahead; returns when it is there."""
        return self._hand_over(self._draw(plan))

    def take(self, plan: BatchPlan) -> TaskBatch:
        """The batch, which may have been drawn ahead; if batches are, the next one is begun."""
        if self._pool is None:
            return self.draw(plan)
        future = self._following.pop(plan.index, None) or self._pool.submit(self._draw, plan)
        following = self.plan(plan.index + self.stride)
        self._following = {following.index: self._pool.submit(self._draw, following)}
        return self._hand_over(future.result())

    def _draw(self, plan: BatchPlan) -> TaskBatch:
        with torch.cuda.stream(self._stream):
            batch = sample_tasks(
                self.prior, plan.tasks, plan.shape, seed=self.seed, index=plan.index, device=self.device
            )
            if self._stream is not None:
                self._stream.synchronize()  # of the drawing thread, which has nothing else to do
        return batch

    def _hand_over(self, batch: TaskBatch) -> TaskBatch:
        """Tell the allocator that the stream of the caller uses the memory, too."""
        if self._stream is not None:
            for tensor in (batch.X, batch.y):
                tensor.record_stream(torch.cuda.current_stream())
        return batch
